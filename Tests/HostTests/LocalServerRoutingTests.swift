import Glibc
import Host
import Testing
import Wire

@Suite(.serialized, .enabled(if: isRoot))
struct LocalServerRoutingTests {
    private static let tcp4 = LocalServer(proto: 6, address: ip("10.7.0.1"), port: 8080)
    private static let tcp6 = LocalServer(proto: 6, address: ip("fd07::1"), port: 8080)
    private static let udp4 = LocalServer(proto: 17, address: ip("10.7.0.1"), port: 0)

    private static func ip(_ text: String) -> IPAddress { IPAddress(text) ?? .unspecified(.v4) }

    private func rules() throws -> [String] {
        try output(of: "ip rule; ip -6 rule").split(separator: "\n").filter { $0.contains("proto 213") }.map {
            String($0.split(separator: "\t")[1])
        }
    }

    @Test func eachServerHasItsRuleAndEachFamilyItsRoute() throws {
        try inNamespace {
            try shell("ip link set lo up", "ip address add 10.7.0.1/32 dev lo", "ip address add fd07::1/128 dev lo nodad")
            let device = try TUNDevice(name: "svs%d", mtu: 65535, offload: true)
            let table = 0x5356_0000 + Int(device.index)
            let replies = try LocalServerRouting()
            try replies.route([Self.tcp4, Self.tcp6, Self.udp4], into: device, mtu: 1400)
            let wanted = [
                "from 10.7.0.1 iif lo ipproto tcp sport 8080 lookup \(table) proto 213",
                "from 10.7.0.1 iif lo ipproto udp lookup \(table) proto 213",
                "from fd07::1 iif lo ipproto tcp sport 8080 lookup \(table) proto 213",
            ]
            #expect(try rules().sorted() == wanted)
            #expect(try output(of: "ip route show table \(table)").contains("default dev svs0 proto 213 scope link advmss 1360"))
            #expect(try output(of: "ip -6 route show table \(table)").contains("advmss 1340"))
            let way = "ip route get 192.0.2.1 from 10.7.0.1 ipproto tcp"
            #expect(try output(of: way + " sport 8080").contains("dev svs0"))
            #expect(try !output(of: way + " sport 22 2>&1").contains("dev svs0"))

            try replies.route([Self.tcp6], into: device, mtu: 9000)
            #expect(try rules() == [wanted[2]])
            #expect(try output(of: "ip -6 route show table \(table)").contains("advmss 8940"))
            replies.end()
            #expect(try rules() == [])
        }
    }

    @Test func whatTheDeadLeftIsRemovedAndWhatTheLivingHaveIsKept() throws {
        try inNamespace {
            try shell("ip link set lo up")
            let device = try TUNDevice(name: "svs%d")
            let living = try LocalServerRouting()
            try living.route([Self.tcp4], into: device, mtu: 1500)
            let kept = try rules()
            for family in ["-4", "-6"] {
                try shell("ip \(family) rule add priority \(0x5356) protocol 213 iif lo ipproto udp sport 53 lookup \(0x5356_0000 + 999)")
            }
            #expect(try rules().count == 3)
            let next = try LocalServerRouting()
            #expect(try rules() == kept)
            next.end()
            living.end()
        }
    }
}
