import Glibc
import Host
import LVS
import Testing
import Wire

@Suite(.serialized, .enabled(if: isRoot))
struct TUNDeviceTests {
    /// An ICMP echo request from 192.0.2.1 to 10.7.0.1.
    static let echo: [UInt8] = [
        0x45, 0, 0, 28, 0, 1, 0, 0, 64, 1, 0xae, 0xd7, 192, 0, 2, 1, 10, 7, 0, 1,
        8, 0, 0xf7, 0xfd, 0, 1, 0, 1,
    ]

    @Test(arguments: [false, true])
    func packetsReachTheHostAndItsAnswersComeBack(_ offload: Bool) throws {
        try inNamespace {
            try shell("ip link set lo up", "echo 1 > /proc/sys/net/ipv4/conf/default/rp_filter")
            let device = try TUNDevice(name: "svs%d", mtu: 1400, offload: offload)
            #expect(device.name == "svs0")
            let facts = try LinkFacts(of: "svs0")
            #expect(facts.mtu == 1400 && facts.isUp && !facts.isEthernet && facts.index == device.index)
            #expect(ReversePathFilter.inForce(on: "svs0") == .off)
            try shell("ip addr add 10.7.0.1/32 dev lo", "ip route add 192.0.2.0/24 dev svs0")
            var buffer = [UInt8](repeating: 0xa5, count: 2048)
            #expect(buffer.withBytes { bytes in try? device.read(into: bytes) } == .some(nil))
            var packet = (offload ? [UInt8](repeating: 0, count: Offload.length) : []) + Self.echo
            let isTaken = packet.withBytes { bytes in try? device.write(bytes) }
            #expect(isTaken == true)
            var answer: [UInt8] = []
            _ = wait {
                let count = buffer.withBytes { bytes in (try? device.read(into: bytes)) ?? nil }
                if let count, count > 0 { answer = Array(buffer[..<count]) }
                return count != nil
            }
            let reply = answer.dropFirst(offload ? Offload.length : 0)
            #expect(Array(reply.dropFirst(12)) == [10, 7, 0, 1, 192, 0, 2, 1, 0, 0, 0xff, 0xfd, 0, 1, 0, 1])
            var nonsense: [UInt8] = [0xff]
            #expect(nonsense.withBytes { bytes in try? device.write(bytes) } == false)
        }
    }

    @Test func aDeviceVanishesWithItsObject() throws {
        try inNamespace {
            var device: TUNDevice? = try TUNDevice(name: "svs7")
            #expect(throws: HostError("make the TUN device svs7", errno: EBUSY)) { try TUNDevice(name: "svs7") }
            device = nil
            #expect(device == nil)
            #expect(throws: HostError("look at interface svs7", errno: ENODEV)) { try LinkFacts(of: "svs7") }
            #expect(throws: HostError.self) { try TUNDevice(name: "a-name-much-too-long") }
            #expect(throws: HostError("take the TUN device svs8 up with MTU 1", errno: EINVAL)) { try TUNDevice(name: "svs8", mtu: 1) }
        }
    }

    @Test func factsOfAnEthernetLink() throws {
        try inNamespace {
            let peer = try Peer(device: "eth7")
            try shell("ip link set eth7 address 02:00:00:00:00:07 mtu 1300")
            let facts = try LinkFacts(of: "eth7")
            #expect(facts.mac == MACAddress("02:00:00:00:00:07") && facts.mtu == 1300)
            #expect(facts.isEthernet && facts.isUp && !facts.isLoopback && !facts.hasLRO)
            #expect(try peer.run { try LinkFacts(of: "lo").isLoopback })
            try shell("echo 2 > /proc/sys/net/ipv4/conf/eth7/rp_filter", "echo 1 > /proc/sys/net/ipv4/conf/all/rp_filter")
            #expect(ReversePathFilter.inForce(on: "eth7") == .loose)
            #expect(ReversePathFilter.inForce(on: "nowhere") == nil)
        }
    }
}
