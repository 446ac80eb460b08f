import Glibc
import Host
import LVS
import Testing
import Wire

/// The kernel's tables, told in the words of `ip`, as the engine sees them.
@Suite(.serialized, .enabled(if: isRoot))
struct HostNetworkTests {
    private func address(_ text: String) throws -> IPAddress { try #require(IPAddress(text)) }

    @Test func whatIsThereAtTheStart() throws {
        try inNamespace {
            try shell(
                "ip link set lo up", "ip link add eth7 address 02:00:00:00:00:07 mtu 1400 type veth peer name peer7",
                "ip link set peer7 up", "ip link set eth7 up", "ip addr add 10.7.0.1/24 dev eth7",
                "ip -6 addr add 2001:db8:7::1/64 dev eth7 nodad",
                "ip neigh add 10.7.0.9 lladdr 02:00:00:00:00:09 dev eth7 nud permanent",
                "ip route add 192.0.2.0/24 via 10.7.0.9 mtu 1300 metric 20 src 10.7.0.1",
                "ip route add unreachable 198.51.100.0/24", "ip route add blackhole 203.0.113.0/24",
                "ip route add prohibit 2001:db8:dead::/48", "ip -6 route add default via 2001:db8:7::fe dev eth7",
                "ip route add local 10.9.0.0/16 dev lo", "ip route add 10.77.0.0/16 dev eth7 table 77",
                "ip route add 10.66.0.0/16 nexthop via 10.7.0.9 nexthop via 10.7.0.8",
                "echo 1 > /proc/sys/net/ipv4/ip_forward", "echo 0 > /proc/sys/net/ipv6/conf/all/forwarding")
            let host = try HostNetwork()
            var network = LVS.Network()
            #expect(try host.update(&network))
            let link = try #require(network.interface(named: "eth7"))
            #expect(link.mac == MACAddress("02:00:00:00:00:07"))
            #expect(link.mtu == 1400 && link.isUp && !link.isLoopback)
            #expect(network.interface(named: "lo")?.isLoopback == true)
            #expect(network.addresses.contains(.init(address: try address("10.7.0.1"), prefixLength: 24, interface: link.index)))
            #expect(network.addresses.contains(.init(address: try address("2001:db8:7::1"), prefixLength: 64, interface: link.index)))
            #expect(network.neighbor(try address("10.7.0.9"), on: link.index) == MACAddress("02:00:00:00:00:09"))
            #expect(
                network.lookup(try address("192.0.2.5"))
                    == LVS.Network.Route(
                        prefix: try address("192.0.2.0"), length: 24, gateway: try address("10.7.0.9"), interface: link.index,
                        mtu: 1300, metric: 20, source: try address("10.7.0.1")))
            #expect(network.lookup(try address("198.51.100.1"))?.kind == .unreachable)
            #expect(network.lookup(try address("203.0.113.1"))?.kind == .blackhole)
            #expect(network.lookup(try address("2001:db8:dead::1"))?.kind == .prohibit)
            #expect(network.lookup(try address("2001:db8:1234::1"))?.gateway == (try address("2001:db8:7::fe")))
            #expect(network.lookup(try address("10.9.1.2"))?.kind == .local)
            #expect(network.lookup(try address("10.7.0.1"))?.kind == .local)
            #expect(network.lookup(try address("2001:db8:7::1"))?.kind == .local)
            #expect(network.lookup(try address("10.7.0.255"))?.kind == .broadcast)
            #expect(network.lookup(try address("10.77.0.1")) == nil)
            #expect(network.routes.contains { $0.table == 77 && $0.length == 16 && $0.interface == link.index })
            #expect(network.lookup(try address("10.66.0.1"))?.gateway == (try address("10.7.0.9")))
            #expect(network.forwards4 && !network.forwards6)
            #expect(try !host.update(&network))
        }
    }

    /// What is done, and what must hold of the network afterwards.
    struct Step: CustomTestStringConvertible, Sendable {
        let commands: [String]
        let holds: @Sendable (LVS.Network) -> Bool
        let testDescription: String

        init(_ commands: String..., expecting testDescription: String, holds: @escaping @Sendable (LVS.Network) -> Bool) {
            self.commands = commands
            self.holds = holds
            self.testDescription = testDescription
        }
    }

    static func ip(_ text: String) -> IPAddress { IPAddress(text) ?? IPAddress(high: 0, low: 0) }

    static let steps = [
        Step("ip link add eth7 address 02:00:00:00:00:07 type veth peer name peer7", expecting: "a new link, still down") {
            $0.interface(named: "eth7")?.isUp == false
        },
        Step("ip link set eth7 up", "ip link set peer7 up", expecting: "the link is up") { $0.interface(named: "eth7")?.isUp == true },
        Step("ip link set eth7 mtu 1300 address 02:00:00:00:00:17", expecting: "another MTU and MAC") {
            $0.interface(named: "eth7").map { $0.mtu == 1300 && $0.mac == MACAddress("02:00:00:00:00:17") } ?? false
        },
        Step("ip addr add 10.7.0.1/24 dev eth7", expecting: "an address and its routes") {
            $0.isLocal(ip("10.7.0.1")) && $0.lookup(ip("10.7.0.2"))?.kind == .unicast
        },
        Step("ip -6 addr add 2001:db8:7::1/64 dev eth7 nodad", expecting: "an IPv6 address and its routes") {
            $0.lookup(ip("2001:db8:7::1"))?.kind == .local && $0.lookup(ip("2001:db8:7::2"))?.kind == .unicast
        },
        Step("ip neigh add 10.7.0.9 lladdr 02:00:00:00:00:09 dev eth7 nud reachable", expecting: "a neighbour") {
            $0.neighbors.values.contains(MACAddress(bits: 0x02_00_00_00_00_09))
        },
        Step("ip neigh change 10.7.0.9 lladdr 02:00:00:00:00:0a dev eth7 nud reachable", expecting: "the neighbour's new MAC") {
            $0.neighbors.values.contains(MACAddress(bits: 0x02_00_00_00_00_0a))
        },
        Step("ip neigh change 10.7.0.9 dev eth7 nud failed", expecting: "a failed neighbour is none") { $0.neighbors.isEmpty },
        Step("ip neigh replace 10.7.0.9 lladdr 02:00:00:00:00:0b dev eth7 nud stale", expecting: "a stale neighbour is one") {
            $0.neighbors.count == 1
        },
        Step("ip neigh del 10.7.0.9 dev eth7", expecting: "a deleted neighbour is none") { $0.neighbors.isEmpty },
        Step("ip route add 192.0.2.0/24 via 10.7.0.9", expecting: "a route") { $0.lookup(ip("192.0.2.1"))?.gateway == ip("10.7.0.9") },
        Step("ip route replace 192.0.2.0/24 via 10.7.0.8", expecting: "a replaced route") {
            $0.lookup(ip("192.0.2.1"))?.gateway == ip("10.7.0.8")
        },
        Step("ip route append 192.0.2.0/24 via 10.7.0.7", expecting: "an appended route is second") {
            $0.lookup(ip("192.0.2.1"))?.gateway == ip("10.7.0.8") && $0.routes.filter { $0.prefix == ip("192.0.2.0") }.count == 2
        },
        Step("ip route prepend 192.0.2.0/24 via 10.7.0.6", expecting: "a prepended route is first") {
            $0.lookup(ip("192.0.2.1"))?.gateway == ip("10.7.0.6")
        },
        Step("ip route del 192.0.2.0/24 via 10.7.0.6", expecting: "of three routes the right one goes") {
            $0.lookup(ip("192.0.2.1"))?.gateway == ip("10.7.0.8")
        },
        Step("ip -6 route add 2001:db8:1::/48 nexthop via 2001:db8:7::a nexthop via 2001:db8:7::b", expecting: "an IPv6 multipath route") {
            $0.lookup(ip("2001:db8:1::1"))?.gateway == ip("2001:db8:7::a")
        },
        Step("ip -6 route del 2001:db8:1::/48 via 2001:db8:7::a", expecting: "its second next hop after the first is gone") {
            $0.lookup(ip("2001:db8:1::1"))?.gateway == ip("2001:db8:7::b")
        },
        Step(
            "ip route add 198.51.100.0/24 dev eth7 src 10.7.0.1", "ip addr add 10.7.0.2/24 dev eth7", "ip addr add 10.8.0.1/24 dev eth7",
            "ip route add 203.0.113.0/24 dev eth7 src 10.8.0.1", expecting: "routes with sources"
        ) {
            $0.lookup(ip("203.0.113.1"))?.source == ip("10.8.0.1")
        },
        Step("ip addr del 10.8.0.1/24 dev eth7", expecting: "a route whose source went is gone, though nobody says so") {
            $0.lookup(ip("203.0.113.1")) == nil && !$0.isLocal(ip("10.8.0.1"))
        },
        Step("echo 1 > /proc/sys/net/ipv4/ip_forward", "echo 1 > /proc/sys/net/ipv6/conf/all/forwarding", expecting: "forwarding on") {
            $0.forwards4 && $0.forwards6
        },
        Step("echo 0 > /proc/sys/net/ipv4/ip_forward", "echo 0 > /proc/sys/net/ipv6/conf/all/forwarding", expecting: "forwarding off") {
            !$0.forwards4 && !$0.forwards6
        },
        Step("ip route add 192.0.2.0/25 via 10.7.0.5 table 77", expecting: "a route of another table, which nobody asks") {
            $0.routes.contains { $0.table == 77 } && $0.lookup(ip("192.0.2.1"))?.gateway == ip("10.7.0.8")
        },
        Step("ip rule add priority 10 from 10.7.0.2 lookup 77", expecting: "a rule leads to it") {
            $0.route(RouteQuery(to: ip("192.0.2.1"), from: ip("10.7.0.2"))).route?.gateway == ip("10.7.0.5")
        },
        Step("ip -6 rule add priority 10 to 2001:db8:9::/48 prohibit", expecting: "a rule of IPv6") {
            $0.route(RouteQuery(to: ip("2001:db8:9::1"))).refusal == .prohibited
        },
        Step(
            "ip nexthop add id 5 via 10.7.0.9 dev eth7", "ip route add 192.0.2.64/26 nhid 5 table 77",
            expecting: "a route whose next hop is an object of its own"
        ) { $0.route(RouteQuery(to: ip("192.0.2.65"), from: ip("10.7.0.2"))).route?.gateway == ip("10.7.0.9") },
        Step("ip nexthop replace id 5 via 10.7.0.10 dev eth7", expecting: "the next hop is another one") {
            $0.route(RouteQuery(to: ip("192.0.2.65"), from: ip("10.7.0.2"))).route?.gateway == ip("10.7.0.10")
        },
        Step("ip nexthop del id 5", expecting: "a next hop that goes takes its routes along") {
            $0.route(RouteQuery(to: ip("192.0.2.65"), from: ip("10.7.0.2"))).route?.gateway == ip("10.7.0.5")
        },
        Step("ip rule del priority 10", expecting: "the rule is gone") {
            $0.route(RouteQuery(to: ip("192.0.2.1"), from: ip("10.7.0.2"))).route?.gateway == ip("10.7.0.8")
        },
        Step("ip link set eth7 down", expecting: "routes of a link that is down are gone, though nobody says so") {
            $0.lookup(ip("192.0.2.1")) == nil && $0.lookup(ip("2001:db8:1::1")) == nil && $0.interface(named: "eth7")?.isUp == false
        },
        Step("ip link del eth7", expecting: "nothing of a deleted link") { $0.interface(named: "eth7") == nil && $0.addresses.isEmpty },
    ]

    @Test func whatChanges() throws {
        try inNamespace {
            let host = try HostNetwork()
            var network = LVS.Network()
            _ = try host.update(&network)
            for step in Self.steps {
                for command in step.commands { try shell(command) }
                let holds = try wait(seconds: 2) {
                    _ = try host.update(&network)
                    return step.holds(network)
                }
                #expect(holds, "\(step.testDescription)")
                var difference: [String] = []
                // Things happen by themselves as well, such as the end of duplicate address detection.
                let agrees = try wait(seconds: 1) {
                    _ = try host.update(&network)
                    difference = try Self.difference(network)
                    return difference.isEmpty
                }
                #expect(agrees, "\(step.testDescription): \(difference)")
            }
        }
    }

    /// An entry that was set by hand is not to be used up, at the start as later.
    @Test func whatWasSetByHand() throws {
        try inNamespace {
            try shell(
                "ip link add eth7 type veth peer name peer7", "ip link set peer7 up", "ip link set eth7 up",
                "ip addr add 10.7.0.1/24 dev eth7",
                "ip neigh add 10.7.0.8 lladdr 02:00:00:00:00:08 dev eth7 nud permanent",
                "ip neigh add 10.7.0.9 lladdr 02:00:00:00:00:09 dev eth7 nud stale")
            let host = try HostNetwork()
            var network = LVS.Network()
            _ = try host.update(&network)
            let link = try #require(network.interface(named: "eth7")).index
            let known = LVS.Network.NeighborKey(address: try address("10.7.0.8"), interface: link)
            let found = LVS.Network.NeighborKey(address: try address("10.7.0.9"), interface: link)
            #expect(host.isStatic(known) && !host.isStatic(found))
            try shell(
                "ip neigh change 10.7.0.8 lladdr 02:00:00:00:00:08 dev eth7 nud stale",
                "ip neigh change 10.7.0.9 lladdr 02:00:00:00:00:09 dev eth7 nud permanent")
            #expect(
                try wait(seconds: 2) {
                    _ = try host.update(&network)
                    return !host.isStatic(known) && host.isStatic(found)
                })
        }
    }

    /// What of rules and routes cannot be followed is named, once; other rules hold on.
    @Test func whatIsNotFollowedIsNamed() throws {
        try inNamespace {
            try shell(
                "ip link add eth7 type veth peer name peer7", "ip link set eth7 up", "ip addr add 10.7.0.1/24 dev eth7",
                "ip rule add priority 7 from 10.7.0.1 lookup main suppress_ifgroup 3",
                "ip rule add priority 8 to 192.0.2.1 sport 80 prohibit")
            let host = try HostNetwork()
            var network = LVS.Network()
            _ = try host.update(&network)
            #expect(host.newlyUnfollowed() == ["rule priority 7 from 10.7.0.1/32 lookup main: suppress_ifgroup is not followed"])
            #expect(network.rules.filter { $0.family == .v4 }.map(\.priority) == [0, 8, 32766, 32767])
            #expect(!network.joinsLocalAndMain && host.newlyUnfollowed().isEmpty)
            try shell("ip rule del priority 8", "ip rule del priority 7", "ip route add 192.0.2.0/24 encap ip id 5 dst 10.7.0.9 dev eth7")
            _ = try host.update(&network)
            #expect(host.newlyUnfollowed() == ["route 192.0.2.0/24: its encapsulation (encap) is not followed, packets leave without"])
            #expect(network.rules == PolicyRule.standard && !network.joinsLocalAndMain)
        }
    }

    /// What was followed and is not what is read anew.
    static func difference(_ followed: LVS.Network) throws -> [String] {
        var fresh = LVS.Network()
        _ = try HostNetwork().update(&fresh)
        return Set(followed.interfaces).symmetricDifference(fresh.interfaces).map { "\($0)" }
            + Set(followed.routes).symmetricDifference(fresh.routes).map { "\($0)" }
            + order(fresh).filter { order(followed)[$0.key] != $0.value }.map { "first: \($0.value)" }
            + Set(followed.addresses).symmetricDifference(fresh.addresses).map { "\($0)" }
            + (followed.rules == fresh.rules ? [] : ["\(followed.rules)", "\(fresh.rules)"])
            + (followed.neighbors == fresh.neighbors ? [] : ["\(followed.neighbors)", "\(fresh.neighbors)"])
    }

    /// The first route of each prefix and metric, which is the one that counts.
    private static func order(_ network: LVS.Network) -> [String: LVS.Network.Route] {
        Dictionary(network.routes.map { ("\($0.prefix)/\($0.length) \($0.metric) \($0.table) \($0.typeOfService)", $0) }) { first, _ in
            first
        }
    }

    /// More changes than the notification socket holds: nothing is missed.
    @Test func anOverrunIsReadAgain() throws {
        try inNamespace {
            let host = try HostNetwork()
            var network = LVS.Network()
            _ = try host.update(&network)
            try shell(
                "ip link add eth7 type veth peer name peer7", "ip link set eth7 up", "ip addr add 10.7.0.1/24 dev eth7",
                "for i in $(seq 0 89); do for j in $(seq 0 255); do echo route add 11.$i.$j.0/24 via 10.7.0.9; done; done | ip -batch -")
            // The last but one column counts what the socket could not hold.
            let sockets = try output(of: "cat /proc/thread-self/net/netlink").split(separator: "\n").map { $0.split(separator: " ") }
            #expect(sockets.contains { $0.count > 2 && Int($0[$0.count - 2]) ?? 0 > 0 })
            _ = try host.update(&network)
            #expect(network.routes.count { $0.length == 24 && $0.prefix.v4 >> 24 == 11 } == 90 * 256)
            try shell("ip route flush root 11.0.0.0/11")
            _ = try host.update(&network)
            #expect(network.routes.count { $0.length == 24 && $0.prefix.v4 >> 24 == 11 } == 58 * 256)
        }
    }
}
