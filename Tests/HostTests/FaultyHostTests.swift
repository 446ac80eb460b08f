import FaultyCalls
import Glibc
import Host
import LVS
import Testing
import Wire

/// System calls fail by chance, netlink overruns included: in the end all is as if nothing had
/// failed.
@Suite(.serialized, .enabled(if: isRoot))
struct FaultyHostTests {
    /// Runs `body` while of a thousand calls so many fail; how many did.
    private func withFaults(_ seed: UInt64, _ rate: UInt32, _ body: () throws -> Void) rethrows -> UInt64 {
        svs_faults_begin(seed, { _ in 0 }, nil)
        svs_faults_rate(rate)
        defer { svs_faults_end() }
        try body()
        return svs_faults_met()
    }

    @Test(arguments: [1, 2, 3] as [UInt64])
    func theNetworkIsFollowed(_ seed: UInt64) throws {
        try inNamespace {
            try shell(
                "ip link add eta type veth peer name etb", "ip link set eta up", "ip link set etb up", "ip addr add 10.0.0.1/16 dev eta",
                "ip addr add 10.1.0.1/16 dev etb", "ip -6 addr add 2001:db8:a::1/64 dev eta nodad",
                "ip -6 addr add 2001:db8:b::1/64 dev etb nodad")
            let host = try HostNetwork()
            var network = LVS.Network(), generator = CommandGenerator(state: seed), met: UInt64 = 0, refused = 0
            for round in 0..<8 {
                let commands = (0..<10).map { _ in HostNetworkRandomTests.command(&generator) }
                _ = try output(of: "(\(commands.joined(separator: "; "))) 2>/dev/null")
                for attempt in 0..<4 {
                    met += withFaults(seed &* 1000 &+ UInt64(round * 10 + attempt), 200) {
                        do { try host.update(&network) } catch { refused += 1 }
                    }
                }
                var difference: [String] = []
                let agrees = try wait(seconds: 1) {
                    try host.update(&network)
                    difference = try HostNetworkTests.difference(network)
                    return difference.isEmpty
                }
                #expect(agrees, "round \(round): \(difference) after \(commands)")
                guard agrees else { return }
            }
            #expect(met > 20 && refused > 0)
        }
    }

    /// libnftables ends the process where it cannot read an answer: only a copy of this one. What is wanted stands in the end, once.
    @Test(arguments: [1, 2, 3] as [UInt64])
    func theHostIsMuted(_ seed: UInt64) throws {
        try inNamespace {
            try shell("ip link add eta type veth peer name etb", "ip link set eta up")
            let suppressor = try StackSuppressor()
            var refused = 0
            for round in 0..<8 {
                let port = UInt16(4001 + round)
                let traffic = SuppressedTraffic(
                    services: [.init(proto: 6, address: IPAddress(v4: 0x0a00_0001), port: port)], interfaces: ["eta"])
                _ = withFaults(seed &* 1000 &+ UInt64(round), 300) { do { try suppressor.apply(traffic) } catch { refused += 1 } }
                try suppressor.apply(traffic)
                let listed = try output(of: "nft -nn list ruleset")
                let ports = listed.matches(of: /. (40\d\d)\b/).compactMap { UInt16($0.1) }
                #expect(ports == [port] && listed.contains(suppressor.table), "\(listed)")
            }
            #expect(refused > 0)
        }
    }
}
