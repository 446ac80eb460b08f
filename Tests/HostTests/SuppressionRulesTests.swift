import Testing
import Wire

@testable import Host

private func ip(_ text: String) -> IPAddress { IPAddress(text) ?? IPAddress(high: 0, low: 0) }

/// Mutings in the language of nftables.
struct SuppressionRulesTests {
    struct Case: CustomTestStringConvertible, Sendable {
        let testDescription: String
        let suppressed: SuppressedTraffic
        let sets: [String]
        let rules: [String]

        init(_ testDescription: String, _ suppressed: SuppressedTraffic, sets: [String], rules: [String]) {
            self.testDescription = testDescription
            self.suppressed = suppressed
            self.sets = sets
            self.rules = rules
        }
    }

    static let cases = [
        Case("nothing", SuppressedTraffic(), sets: [], rules: []),
        Case(
            "a service", SuppressedTraffic(services: [.init(proto: 6, address: ip("10.0.0.1"), port: 80)]),
            sets: ["service4 type ipv4_addr . inet_proto . inet_service: 10.0.0.1 . 6 . 80"],
            rules: ["mute_ip: ip daddr . meta l4proto . th dport @service4 drop"]),
        Case(
            "a mark that leaves a machine out",
            {
                var traffic = SuppressedTraffic(
                    fragmentAddresses: [ip("10.0.0.1")], marked: [.init(prefix: ip("10.0.0.1"), length: 32, proto: 6, ports: 80...80)])
                traffic.unmarked = [.init(MACAddress(bits: 0x0200_0000_0005), to: ip("10.0.0.1"))]
                return traffic
            }(),
            sets: [
                "fragment4 type ipv4_addr: 10.0.0.1", "service4 type ipv4_addr . inet_proto . inet_service: 10.0.0.1 . 6 . 80",
                "unmarked4 type ether_addr . ipv4_addr: 02:00:00:00:00:05 . 10.0.0.1",
            ],
            rules: [
                "mute_ip: ether saddr . ip daddr @unmarked4 accept", "mute_ip: ip daddr . meta l4proto . th dport @service4 drop",
                "mute_ip: ip frag-off & 0x3fff != 0 ip daddr @fragment4 drop",
            ]),
        Case(
            "every port of an IPv6 address, and a range",
            SuppressedTraffic(services: [
                .init(proto: 17, address: ip("2001:db8::1"), port: 0), .init(proto: 6, address: ip("2001:db8::1"), ports: 80...90),
            ]),
            sets: [
                "servicerange6 type ipv6_addr . inet_proto . inet_service interval: 2001:db8::1 . 17 . 0-65535, 2001:db8::1 . 6 . 80-90"
            ],
            rules: ["mute_ip6: ip6 daddr . meta l4proto . th dport @servicerange6 drop"]),
        Case(
            "ranges that touch become one",
            SuppressedTraffic(services: [
                .init(proto: 6, address: ip("10.0.0.1"), ports: 80...90), .init(proto: 6, address: ip("10.0.0.1"), ports: 85...99),
                .init(proto: 6, address: ip("10.0.0.1"), port: 100), .init(proto: 17, address: ip("10.0.0.1"), ports: 85...99),
                .init(proto: 6, address: ip("10.0.0.1"), ports: 65535...65535), .init(proto: 6, address: ip("10.0.0.1"), ports: 100...110),
            ]),
            sets: [
                "service4 type ipv4_addr . inet_proto . inet_service: 10.0.0.1 . 6 . 100, 10.0.0.1 . 6 . 65535",
                "servicerange4 type ipv4_addr . inet_proto . inet_service interval: 10.0.0.1 . 17 . 85-99, 10.0.0.1 . 6 . 80-110",
            ],
            rules: [
                "mute_ip: ip daddr . meta l4proto . th dport @service4 drop",
                "mute_ip: ip daddr . meta l4proto . th dport @servicerange4 drop",
            ]),
        Case(
            "owned addresses", SuppressedTraffic(ownedAddresses: [ip("10.0.0.1"), ip("2001:db8::a")]),
            sets: [
                "owned4 type ipv4_addr: 10.0.0.1", "owned6 type ipv6_addr: 2001:db8::a",
                "solicited6 typeof @th,64,128: 0x20010db800000000000000000000000a",
            ],
            rules: [
                "mute_ip: ip daddr @owned4 drop", "mute_ip6: ip6 daddr @owned6 drop",
                "mute_ip6: icmpv6 type 135 @th,64,128 @solicited6 drop", "mute_arp: arp operation request arp daddr ip @owned4 drop",
            ]),
        Case(
            "addresses that wait",
            {
                var waits = SuppressedTraffic(services: [.init(proto: 6, address: ip("10.0.0.1"), port: 80)])
                waits.waitingAddresses = [ip("10.0.0.1"), ip("2001:db8::a")]
                return waits
            }(),
            sets: [
                "service4 type ipv4_addr . inet_proto . inet_service: 10.0.0.1 . 6 . 80", "waiting4 type ipv4_addr: 10.0.0.1",
                "waiting6 type ipv6_addr: 2001:db8::a",
            ],
            rules: [
                "mute_ip: ip daddr @waiting4 fib daddr type != local accept", "mute_ip: ip daddr . meta l4proto . th dport @service4 drop",
                "mute_ip6: ip6 daddr @waiting6 fib daddr type != local accept",
            ]),
        Case(
            "replies and fragments",
            SuppressedTraffic(
                replies: [.init(proto: 6, address: ip("10.0.0.9"), port: 80)], fragmentAddresses: [ip("10.0.0.1"), ip("::1")],
                fragmentSources: [ip("10.0.0.9")]),
            sets: [
                "fragment4 type ipv4_addr: 10.0.0.1", "fragment6 type ipv6_addr: ::1", "fragmentsource4 type ipv4_addr: 10.0.0.9",
                "reply4 type ipv4_addr . inet_proto . inet_service: 10.0.0.9 . 6 . 80",
            ],
            rules: [
                "mute_ip: ip saddr . meta l4proto . th sport @reply4 drop", "mute_ip: ip frag-off & 0x3fff != 0 ip daddr @fragment4 drop",
                "mute_ip: ip frag-off & 0x3fff != 0 ip saddr @fragmentsource4 drop",
                "mute_ip6: exthdr frag exists ip6 daddr @fragment6 drop",
            ]),
        Case(
            "errors about a service",
            SuppressedTraffic(services: [.init(proto: 6, address: ip("10.0.0.1"), port: 80)], icmpErrors: true),
            sets: [
                "quoted4 typeof @th,160,32 . @th,136,8 . @th,224,16: 0xa000001 . 6 . 80",
                "service4 type ipv4_addr . inet_proto . inet_service: 10.0.0.1 . 6 . 80",
            ],
            rules: [
                "mute_ip: ip daddr . meta l4proto . th dport @service4 drop",
                "mute_ip: icmp type { 3, 4, 11, 12 } @th,160,32 . @th,136,8 . @th,224,16 @quoted4 drop",
            ]),
        Case(
            "marks of every shape",
            SuppressedTraffic(marked: [
                .init(prefix: ip("10.1.2.3"), length: 16, proto: 6, ports: 80...80),
                .init(prefix: ip("10.1.0.0"), length: 16, proto: 6, ports: 81...90),
                .init(prefix: ip("10.1.0.0"), length: 24, proto: 17), .init(prefix: ip("10.1.0.0"), length: 8),
                .init(prefix: ip("10.1.0.1"), length: 32, proto: 6, ports: 25...25), .init(prefix: ip("::"), length: 0),
            ]),
            sets: [
                "marked8in4 type ipv4_addr interval: 10.0.0.0/8",
                "markedport16in4 type ipv4_addr . inet_proto . inet_service interval: 10.1.0.0/16 . 6 . 80-90",
                "markedproto24in4 type ipv4_addr . inet_proto interval: 10.1.0.0/24 . 17",
                "service4 type ipv4_addr . inet_proto . inet_service: 10.1.0.1 . 6 . 25",
            ],
            rules: [
                "mute_ip: ip daddr . meta l4proto . th dport @service4 drop", "mute_ip: ip daddr @marked8in4 drop",
                "mute_ip: ip daddr . meta l4proto @markedproto24in4 drop",
                "mute_ip: ip daddr . meta l4proto . th dport @markedport16in4 drop", "mute_ip6: meta protocol ip6 drop",
            ]),
    ]

    @Test(arguments: cases)
    func rendering(_ row: Case) {
        let rules = SuppressionRules(row.suppressed)
        let sets = rules.sets.sorted { $0.key < $1.key }.map { name, set in
            "\(name) \(set.type)\(set.isInterval ? " interval" : ""): \(set.elements.sorted().joined(separator: ", "))"
        }
        #expect(sets == row.sets)
        #expect(
            SuppressionRules.Chain.allCases.flatMap { chain in (rules.rules[chain] ?? []).map { "\(chain.rawValue): \($0)" } } == row.rules)
    }

    @Test func aKernelThatCannotBeAskedShowsTheHostWhatWaits() {
        var waits = SuppressedTraffic()
        waits.waitingAddresses = [ip("10.0.0.1")]
        #expect(SuppressionRules(waits, asksHost: false).rules[.ip4] == ["ip daddr @waiting4 accept"])
    }

    private func table(_ ports: [UInt16], on interfaces: [UInt32: String]) -> SuppressionTable {
        SuppressionTable(
            rules: SuppressionRules(SuppressedTraffic(services: ports.map { .init(proto: 6, address: ip("10.0.0.1"), port: $0) })),
            interfaces: interfaces)
    }

    @Test func theWholeTable() {
        #expect(
            table([80], on: [7: "eth0"]).creation("svs_1") == """
                create table netdev svs_1 {
                flags owner
                }
                add chain netdev svs_1 mute_ip
                add chain netdev svs_1 mute_ip6
                add chain netdev svs_1 mute_arp
                add set netdev svs_1 service4 { type ipv4_addr . inet_proto . inet_service; }
                add element netdev svs_1 service4 { 10.0.0.1 . 6 . 80 }
                add rule netdev svs_1 mute_ip ip daddr . meta l4proto . th dport @service4 drop
                add chain netdev svs_1 on7 { type filter hook ingress device "eth0" priority -500; }
                add rule netdev svs_1 on7 meta pkttype other accept
                add rule netdev svs_1 on7 meta protocol vmap { ip : jump mute_ip, ip6 : jump mute_ip6, arp : jump mute_arp }

                """)
    }

    @Test func theDifference() {
        #expect(
            table([80, 82], on: [7: "eth0"]).change(from: table([80, 81], on: [7: "eth0"]), "svs_1") == """
                delete element netdev svs_1 service4 { 10.0.0.1 . 6 . 81 }
                add element netdev svs_1 service4 { 10.0.0.1 . 6 . 82 }

                """)
        #expect(
            table([], on: [8: "eth0"]).change(from: table([80], on: [7: "eth0"]), "svs_1") == """
                flush chain netdev svs_1 mute_ip
                delete set netdev svs_1 service4
                delete chain netdev svs_1 on7
                add chain netdev svs_1 on8 { type filter hook ingress device "eth0" priority -500; }
                add rule netdev svs_1 on8 meta pkttype other accept
                add rule netdev svs_1 on8 meta protocol vmap { ip : jump mute_ip, ip6 : jump mute_ip6, arp : jump mute_arp }

                """)
        #expect(table([80], on: [7: "eth0"]).change(from: table([80], on: [7: "eth0"]), "svs_1").isEmpty)
    }
}
