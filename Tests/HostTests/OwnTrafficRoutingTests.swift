import Glibc
import Testing
import Wire

@testable import Host

@Suite(.serialized, .enabled(if: isRoot))
struct OwnTrafficRoutingTests {
    private static func ip(_ text: String) -> IPAddress { IPAddress(text) ?? .unspecified(.v4) }

    private static let tcp4 = OwnTraffic.Match(answersOf: ip("10.7.0.1"), proto: 6, port: 8080)
    private static let tcp6 = OwnTraffic.Match(answersOf: ip("fd07::1"), proto: 6, port: 8080)
    private static let udp4 = OwnTraffic.Match(answersOf: ip("10.7.0.1"), proto: 17, port: 0)

    private static func traffic(_ answers: Set<OwnTraffic.Match>, _ requests: Set<OwnTraffic.Match> = []) -> OwnTraffic {
        var traffic = OwnTraffic()
        traffic.answers = answers
        traffic.requests = requests
        return traffic
    }

    private func rules(_ word: String = "proto 213") throws -> [String] {
        try output(of: "ip rule; ip -6 rule").split(separator: "\n").filter { $0.contains(word) }.map {
            String($0.split(separator: "\t")[1])
        }
    }

    @Test func eachServerHasItsRuleAndEachFamilyItsRoute() throws {
        try inNamespace {
            try shell("ip link set lo up", "ip address add 10.7.0.1/32 dev lo", "ip address add fd07::1/128 dev lo nodad")
            let device = try TUNDevice(name: "svs%d", mtu: 65535, offload: true)
            let table = 0x5356_0000 + Int(device.index)
            let routing = try OwnTrafficRouting()
            try routing.lead(Self.traffic([Self.tcp4, Self.tcp6, Self.udp4]), into: device, mtu: 1400)
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

            try routing.lead(Self.traffic([Self.tcp6]), into: device, mtu: 9000)
            #expect(try rules() == [wanted[2]])
            #expect(try output(of: "ip -6 route show table \(table)").contains("advmss 8940"))
            #expect(try output(of: "ip route show table \(table)").isEmpty)
            routing.end()
            #expect(try rules() == [])
        }
    }

    @Test func whatTheHostAsksOfItsOwnAddressIsAskedFirst() throws {
        try inNamespace {
            let peer = try Peer(device: "eth7")
            try shell(
                "ip link set lo up", "ip address add 10.7.0.1/24 dev eth7", "ip address add 192.0.2.1/32 dev lo",
                "ip address add fd07::1/64 dev eth7 nodad", "ip address add 2001:db8::1/128 dev lo nodad")
            defer { withExtendedLifetime(peer) {} }
            let before = try output(of: "ip -d rule; ip -d -6 rule")
            let device = try TUNDevice(name: "svs%d")
            let routing = try OwnTrafficRouting(), other = try OwnTrafficRouting()
            var traffic = Self.traffic(
                [.init(answersOf: Self.ip("10.7.0.1"), proto: 6, port: 8080, to: Self.ip("10.7.0.1"))],
                [
                    .init(requestsTo: Self.ip("192.0.2.1"), proto: 6, ports: 80...89, isForHost: true),
                    .init(requestsTo: Self.ip("192.0.2.1"), proto: 17, ports: 0...65535, isForHost: true),
                    .init(requestsTo: Self.ip("2001:db8::1"), proto: 6, ports: 80...80, isForHost: true),
                    .init(requestsTo: Self.ip("198.51.100.1"), isForHost: false),
                ])
            traffic.clients = [
                Self.ip("192.0.2.1"): .init(from: Self.ip("10.7.0.1"), mtu: 1480),
                Self.ip("2001:db8::1"): .init(from: Self.ip("fd07::1"), mtu: 1500),
                Self.ip("198.51.100.1"): .init(from: nil, mtu: 1500),
            ]
            try routing.lead(traffic, into: device, mtu: 1500)
            for (question, answer) in [
                ("192.0.2.1 ipproto tcp dport 80", "dev svs0 src 10.7.0.1"), ("192.0.2.1 ipproto tcp dport 90", "dev lo"),
                ("192.0.2.1 ipproto udp dport 53", "dev svs0 src 10.7.0.1"), ("198.51.100.1", "dev svs0"),
                ("2001:db8::1 ipproto tcp dport 80", "dev svs0"), ("2001:db8::1 ipproto tcp dport 81", "dev lo"),
                ("10.7.0.1 from 10.7.0.1 ipproto tcp sport 8080", "dev svs0"), ("10.7.0.1 ipproto tcp dport 8080", "dev lo"),
            ] {
                let said = try output(of: "ip route get \(question) 2>&1").replacing("table \(0x5356_0000 + Int(device.index)) ", with: "")
                #expect(said.contains(answer), "\(question)")
            }
            #expect(try output(of: "ip -6 route get 2001:db8::1 ipproto tcp dport 80").contains("src fd07::1"))
            #expect(try output(of: "ip route get 192.0.2.1 ipproto tcp dport 80").contains("mtu 1480"))
            #expect(try output(of: "ip -d rule").split(separator: "\n").filter { $0.hasPrefix("0:") }.count == 4)
            // A second director's rules go before the table local as well.
            let second = try TUNDevice(name: "svs%d")
            var more = Self.traffic([], [.init(requestsTo: Self.ip("192.0.2.1"), proto: 6, ports: 443...443, isForHost: true)])
            more.clients = [Self.ip("192.0.2.1"): .init(from: Self.ip("10.7.0.1"), mtu: 1500)]
            try other.lead(more, into: second, mtu: 1500)
            #expect(try output(of: "ip route get 192.0.2.1 ipproto tcp dport 443").contains("dev svs1"))
            #expect(try output(of: "ip route get 192.0.2.1 ipproto tcp dport 80").contains("dev svs0"))
            try routing.lead(OwnTraffic(), into: device, mtu: 1500)
            #expect(try output(of: "ip route get 192.0.2.1 ipproto tcp dport 80").contains("dev lo"))
            other.end()
            #expect(try output(of: "ip -d rule; ip -d -6 rule") == before)
        }
    }

    @Test func rulesOfOthersInFrontOfAllAreNotPassedBy() throws {
        try inNamespace {
            try shell("ip link set lo up", "ip address add 192.0.2.1/32 dev lo", "ip rule add priority 0 to 192.0.2.7 prohibit")
            let device = try TUNDevice(name: "svs%d")
            let routing = try OwnTrafficRouting()
            let traffic = Self.traffic([], [.init(requestsTo: Self.ip("192.0.2.1"), proto: 6, ports: 80...80, isForHost: true)])
            #expect(throws: HostError("ask the director's rules before the table local", cause: "the host has other rules of priority 0")) {
                try routing.lead(traffic, into: device, mtu: 1500)
            }
            #expect(try output(of: "ip route get 192.0.2.1 ipproto tcp dport 80").contains("dev lo"))
        }
    }

    @Test func whatTheDeadLeftIsRemovedAndWhatTheLivingHaveIsKept() throws {
        try inNamespace {
            try shell("ip link set lo up")
            let device = try TUNDevice(name: "svs%d")
            let living = try OwnTrafficRouting()
            try living.lead(Self.traffic([Self.tcp4]), into: device, mtu: 1500)
            let kept = try rules()
            for family in ["-4", "-6"] {
                for priority in [0, 0x5356] {
                    try shell(
                        "ip \(family) rule add priority \(priority) protocol 213 iif lo ipproto udp sport 53 lookup \(0x5356_0000 + 999)")
                }
            }
            #expect(try rules().count == 5)
            let next = try OwnTrafficRouting()
            #expect(try rules() == kept)
            next.end()
            living.end()
        }
    }
}
