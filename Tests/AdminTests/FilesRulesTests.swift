import Admin
import LVS
import Testing
import Wire

/// Policy routing in files: rules, tables, and what of them is refused.
struct FilesRulesTests {
    private static let start = """
        link set eth0 address 02:00:00:00:00:01 addrgenmode none
        link set eth0 up
        addr add 192.0.2.1/24 dev eth0
        addr add 2001:db8::1/64 dev eth0

        """

    private static func network(_ lines: String) throws -> Network { try NetworkFile(start + lines, file: "n").network }

    private static func rules(_ lines: String) throws -> [String] { try network(lines).rules.map { "\($0.family) \($0)" } }

    private static let standard = [
        "v4 priority 0 from all lookup local", "v4 priority 32766 from all lookup main", "v4 priority 32767 from all lookup default",
        "v6 priority 0 from all lookup local", "v6 priority 32766 from all lookup main",
    ]

    @Test(arguments: [
        ("the kernel's own", "", [], []),
        (
            "a selector of each kind",
            "rule add not from 10.0.0.0/8 to 192.0.2.9 iif eth0 fwmark 0x10/0xf0 tos 10 ipproto tcp sport 80 dport 1000-2000 pref 7 lookup 100",
            [
                "v4 priority 7 not from 10.0.0.0/8 to 192.0.2.9/32 iif eth0 fwmark 0x10/0xf0 tos 0x10 ipproto 6 sport 80 dport 1000-2000 lookup 100"
            ], []
        ),
        (
            "without a priority, before the first behind the table local", "rule add from 10.0.0.1\nrule add from 10.0.0.2 table 5",
            ["v4 priority 32764 from 10.0.0.2/32 lookup 5", "v4 priority 32765 from 10.0.0.1/32 lookup main"], []
        ),
        (
            "behind others of its priority",
            "rule add pref 5 from 10.0.0.1 goto 9\nrule add pref 5 nop\nrule add pref 5 fwmark 1 blackhole",
            ["v4 priority 5 from 10.0.0.1/32 goto 9", "v4 priority 5 from all nop", "v4 priority 5 from all fwmark 0x1 blackhole"], []
        ),
        (
            "of IPv6", "-6 rule add to 2001:db8:1::/48 prohibit pref 3\n-6 rule add unreachable pref 4", [],
            ["v6 priority 3 from all to 2001:db8:1::/48 prohibit", "v6 priority 4 from all unreachable"]
        ),
        (
            "a suppressor", "rule add pref 9 lookup main suppress_prefixlength 0",
            ["v4 priority 9 from all lookup main suppress_prefixlength 0"], []
        ),
        (
            "what never holds for a director", "rule add pref 9 oif eth0 uidrange 5-10 tun_id 7",
            ["v4 priority 9 from all oif eth0 uidrange 5-10 tun_id 7 lookup main"], []
        ),
        ("deleted again", "rule add pref 5 from 10.0.0.1\nrule del pref 5", [], []),
    ])
    func rulesInOrder(_ name: String, lines: String, added4: [String], added6: [String]) throws {
        let all = try Self.rules(lines)
        #expect(all == [Self.standard[0]] + added4 + Self.standard[1...3] + added6 + [Self.standard[4]], "\(name)")
    }

    @Test func rulesThatAreDeleted() throws {
        #expect(try Self.rules("rule del pref 0\nrule del lookup default\n-6 rule flush") == [Self.standard[1], Self.standard[3]])
        #expect(try !Self.network("rule add pref 5 from 10.0.0.1\nrule del pref 5").joinsLocalAndMain)
        #expect(try Self.network("-6 rule add pref 5 from 2001:db8::7").joinsLocalAndMain)
    }

    @Test(arguments: [
        ("rule add colour", "n:5: rule: colour: not understood"),
        ("rule add from 10.0.0.0/33", "n:5: any valid prefix is expected rather than \"10.0.0.0/33\"."),
        ("rule add to 2001:db8::1", "n:5: 2001:db8::1: not an address of IPv4, rules of IPv6 begin with -6"),
        ("-6 rule add from 10.0.0.1", "n:5: 10.0.0.1: not an address of IPv6"),
        ("rule add lookup nosuch", "n:5: lookup nosuch: invalid table ID"),
        ("rule add lookup 0", "n:5: rule: table 0: invalid table ID"),
        ("rule add pref x", "n:5: pref: x: invalid number"),
        ("rule add fwmark 5/x", "n:5: fwmark: 5/x: invalid number"),
        ("rule add tos 20", "n:5: rule: Invalid tos."),
        ("rule add ipproto foo", "n:5: Invalid \"ipproto\" value: foo"),
        ("rule add sport 5-3", "n:5: sport: 5-3: invalid port range"),
        ("rule add uidrange 5", "n:5: uidrange: 5: invalid UID range"),
        ("rule add pref 9 goto 5", "n:5: rule: Backward goto not supported."),
        ("rule add goto", "n:5: goto: an argument is missing"),
        ("rule add l3mdev", "n:5: rule: l3mdev is not supported"),
        ("rule add lookup main suppress_ifgroup 3", "n:5: rule: suppress_ifgroup is not supported"),
        ("rule add prohibit suppress_prefixlength 3", "n:5: rule: suppress_prefixlength needs a table"),
        ("rule add iif a-name-that-is-too-long", "n:5: \"a-name-that-is-too-long\" is not a valid ifname"),
        ("rule del pref 77", "n:5: rule priority 77 from all lookup main: No such file or directory"),
        ("rule add pref 32766", "n:5: rule priority 32766 from all lookup main: File exists"),
        ("rule flush all", "n:5: rule flush: all: not understood"),
        ("rule show", "n:5: Command \"show\" is unknown here: add, delete, flush"),
    ])
    func errors(line: String, message: String) {
        let error = #expect(throws: FileError.self) { try Self.network(line + "\n") }
        #expect(error?.description == message)
    }

    private static let policy = """
        route add default via 192.0.2.254
        route add 203.0.113.0/24 dev eth0 table 100
        route add default via 192.0.2.9 table 100 metric 5
        route add default via 192.0.2.8 table 100
        route add throw 203.0.113.7/32 table 100
        route add unreachable 198.51.100.0/24 tos 4
        route add 198.51.100.0/24 nexthop via 192.0.2.7 weight 3 nexthop via 192.0.2.6
        route add local 10.9.0.0/16 dev lo table 200
        route add blackhole 2001:db8:9::/48 table 300
        rule add pref 10 from 192.0.2.1 lookup 100
        rule add pref 20 fwmark 1 lookup 200
        rule add pref 30 to 10.8.0.0/16 prohibit
        -6 rule add pref 10 iif eth0 lookup 300
        """

    /// What a packet finds, in a few words.
    private static func way(_ network: Network, _ query: RouteQuery) -> String {
        let answer = network.route(query)
        if let refusal = answer.refusal { return "\(refusal)" }
        guard let route = answer.route else { return "nothing" }
        return route.kind == .unicast ? (route.gateway.map { "via \($0)" } ?? "on the link") : "\(route.kind)"
    }

    private static func query(_ to: String, from: String? = nil, mark: UInt32 = 0, ingress: Int32 = 0, tos: UInt8 = 0) throws -> RouteQuery
    {
        RouteQuery(
            to: try #require(IPAddress(to)), from: try from.map { try #require(IPAddress($0)) }, mark: mark, ingress: ingress,
            typeOfService: tos)
    }

    @Test func waysOfAWrittenNetwork() throws {
        let read = try Self.network(Self.policy)
        for network in [read, try NetworkFile(NetworkFile.text(of: read), file: "again").network] {
            #expect(Self.way(network, try Self.query("1.1.1.1")) == "via 192.0.2.254")
            #expect(Self.way(network, try Self.query("1.1.1.1", from: "192.0.2.1")) == "via 192.0.2.8")
            #expect(Self.way(network, try Self.query("203.0.113.9", from: "192.0.2.1")) == "on the link")
            #expect(Self.way(network, try Self.query("203.0.113.7", from: "192.0.2.1")) == "via 192.0.2.254")
            #expect(Self.way(network, try Self.query("198.51.100.1", tos: 4)) == "hostUnreachable")
            #expect(Self.way(network, try Self.query("198.51.100.1")) == "via 192.0.2.7")
            #expect(Self.way(network, try Self.query("10.9.1.1", mark: 1)) == "local")
            #expect(Self.way(network, try Self.query("10.9.1.1")) == "via 192.0.2.254")
            #expect(Self.way(network, try Self.query("10.8.1.1")) == "prohibited")
            #expect(Self.way(network, try Self.query("2001:db8:9::1", from: "2001:db8::9", ingress: 2)) == "discarded")
            #expect(Self.way(network, try Self.query("2001:db8:9::1")) == "networkUnreachable")
        }
    }

    /// Until the first rule is made, the longer prefix wins whichever of the tables local and main it stands in.
    @Test func localAndMainAreOneTableAtFirst() throws {
        let lines = "route add local 10.9.0.0/16 dev lo\nroute add 10.9.1.0/24 via 192.0.2.9\n"
        #expect(Self.way(try Self.network(lines), try Self.query("10.9.1.1")) == "via 192.0.2.9")
        let apart = try Self.network(lines + "rule add pref 9 nop\nrule del pref 9\n")
        #expect(Self.way(apart, try Self.query("10.9.1.1")) == "local")
        #expect(try !NetworkFile(NetworkFile.text(of: apart), file: "again").network.joinsLocalAndMain)
    }
}
