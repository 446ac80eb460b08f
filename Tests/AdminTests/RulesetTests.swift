import LVS
import Testing
import Wire

@testable import Admin

/// Rule sets as programs leave them on hosts: keepalived's `nftables_ipvs` (2.2.7), firewalld and docker (addresses replaced).
struct RulesetTests {
    static func load(_ name: String) throws -> HostRules {
        let path = #filePath.split(separator: "/").dropLast().joined(separator: "/")
        return try HostRules(TextFile.read("/\(path)/Rulesets/\(name)"), file: name)
    }

    /// What becomes of a packet: its mark, or where it is dropped.
    static func outcome(_ rules: HostRules, _ words: String) throws -> String {
        let packet = try MarkedPacket.query(words)
        let rules = packet.destination.isV4 ? rules.rules4 : rules.rules6
        var state = MarkState(mark: packet.mark)
        return rules.evaluate(packet, &state)?.text ?? "mark \(state.mark)"
    }

    static let web = ServiceKey(proto: 6, address: IPAddress(v4: 0xcb00_710a), port: 80)

    @Test(
        arguments: [
            (
                "keepalived.json",
                [
                    ("tcp 198.51.100.9:1 > 203.0.113.10:80", "mark 1000"), ("tcp 198.51.100.9:1 > 203.0.113.12:80", "mark 1000"),
                    ("tcp 198.51.100.9:1 > 203.0.113.13:80", "mark 0"), ("tcp 198.51.100.9:1 > 203.0.113.20:80", "mark 0"),
                    ("tcp 198.51.100.9:1 > 203.0.113.20:443", "mark 1000"), ("udp 198.51.100.9:1 > 203.0.113.10:80", "mark 0"),
                    ("udp 198.51.100.9:1 > 203.0.113.54:53", "mark 1002"), ("tcp [2001:db8:9::9]:1 > [2001:db8::11]:80", "mark 1001"),
                    ("tcp [2001:db8:9::9]:1 > [2001:db8::13]:80", "mark 0"),
                ]
            ),
            (
                "firewalld.json",
                [
                    ("tcp 198.51.100.9:1 > 203.0.113.10:80", "mark 0"), ("udp 198.51.100.9:1 > 203.0.113.10:443", "mark 0"),
                    ("tcp 198.51.100.9:1 > 203.0.113.10:8443", "inet firewalld filter_IN_public handle 72"),
                    ("tcp 198.51.100.66:1 > 203.0.113.10:80", "inet firewalld filter_IN_public_deny handle 75"),
                    ("tcp 203.0.113.200:1 > 203.0.113.10:80", "inet firewalld filter_IN_public_deny handle 75"),
                    ("tcp 10.20.9.9:1 > 203.0.113.10:8443", "mark 100"),
                    ("tcp 198.51.100.9:1 > 203.0.113.10:80 in eth1", "inet firewalld filter_IN_internal handle 93"),
                    ("tcp 198.51.100.9:1 > 203.0.113.10:9 in lo", "mark 0"), ("tcp [2001:db8:9::9]:1 > [2001:db8::11]:80", "mark 0"),
                    ("tcp [2001:db8:9::9]:1 > [2001:db8::11]:80 strange", "inet firewalld filter_PREROUTING handle 50"),
                    ("tcp [2001:db8:9::9]:1 > [2001:db8::11]:9", "inet firewalld filter_IN_public handle 72"),
                ]
            ),
            (
                "docker.json",
                [
                    ("tcp 198.51.100.9:1 > 203.0.113.10:80", "mark 0"),
                    ("tcp 198.51.100.9:1 > 172.17.0.2:80 foreign", "ip docker-bridges raw-PREROUTING handle 20 \"DROP DIRECT ACCESS\""),
                ]
            ),
            (
                "docker.iptables",
                [
                    ("tcp 198.51.100.9:1 > 203.0.113.10:80", "mark 0"),
                    (
                        "tcp 198.51.100.9:1 > 172.17.0.2:80 foreign",
                        "raw PREROUTING, line 5: -A PREROUTING -d 172.17.0.2/32 ! -i docker0 -j DROP"
                    ),
                ]
            ),
        ] as [(String, [(String, String)])])
    func packets(name: String, packets: [(String, String)]) throws {
        let rules = try Self.load(name)
        for (words, expected) in packets { #expect(try Self.outcome(rules, words) == expected, "\(name): \(words)") }
        #expect(rules.unclear(for: [Self.web]) == [])
    }

    @Test(
        arguments: [
            ("keepalived.json", 443, []), ("firewalld.json", 22, []),
            ("firewalld.json", 2222, ["inet firewalld nat_PRE_public handle 106: redirect: not understood"]),
            ("docker.json", 8080, ["ip docker-bridges nat-prerouting-and-output handle 19 \"DNAT\": dnat: not understood"]),
            (
                "docker.iptables", 8080,
                [
                    "nat DOCKER, line 43: -A DOCKER ! -i docker0 -p tcp -m tcp --dport 8080 -j DNAT --to-destination 172.17.0.2:80: "
                        + "DNAT: no target that is understood here, and no chain"
                ]
            ),
        ] as [(String, UInt16, [String])])
    func whatCouldConcernAService(name: String, port: UInt16, unclear: [String]) throws {
        var service = Self.web
        service.port = port
        #expect(try Self.load(name).unclear(for: [service]) == unclear)
    }

    /// A file for --marks with such a rule is refused, and named by the rule.
    @Test func marksThatCouldConcernAServiceAreRefused() throws {
        let path = #filePath.split(separator: "/").dropLast().joined(separator: "/")
        let text = try TextFile.read("/\(path)/Rulesets/docker.iptables")
        var published = Self.web
        published.port = 8080
        #expect(throws: Never.self) { try MarksFile(text, file: "m", family: .v4, services: [Self.web]) }
        let error = #expect(throws: FileError.self) { try MarksFile(text, file: "m", family: .v4, services: [published]) }
        #expect(error?.description == "m:43: DNAT: no target that is understood here, and no chain")
    }

    /// The director's own table on the host is not the operator's firewall.
    @Test func theDirectorsOwnTable() throws {
        let text = """
            {"nftables": [{"table": {"family": "netdev", "name": "svs_4711", "handle": 1}},
            {"chain": {"family": "netdev", "table": "svs_4711", "name": "on3", "handle": 4, "type": "filter", "hook": "ingress", "prio": -500, "policy": "accept"}},
            {"rule": {"family": "netdev", "table": "svs_4711", "chain": "on3", "handle": 5, "expr": [{"drop": null}]}}]}
            """
        #expect(try HostRules(text, file: "f").rules4.isEmpty)
        #expect(try !HostRules(text.replacing("svs_4711", with: "guard"), file: "f").rules4.isEmpty)
    }

    @Test func severalCommandsInOneText() throws {
        let text = """
            == nft -j list ruleset
            {"nftables": [{"table": {"family": "ip", "name": "filter", "handle": 1}},
            {"chain": {"family": "ip", "table": "filter", "name": "INPUT", "handle": 1, "type": "filter", "hook": "input", "prio": 0, "policy": "accept"}},
            {"rule": {"family": "ip", "table": "filter", "chain": "INPUT", "handle": 2, "expr": [{"xt": {"type": "target", "name": "REJECT"}}]}}]}
            == iptables-save
            *filter
            :INPUT ACCEPT [0:0]
            -A INPUT -p tcp -m tcp --dport 80 -j REJECT --reject-with icmp-port-unreachable
            COMMIT
            == ip6tables-save
            *filter
            :INPUT DROP [0:0]
            COMMIT
            """
        let rules = try HostRules(text, file: "f")
        #expect(rules.unclear(for: [Self.web]) == [])
        #expect(
            try Self.outcome(rules, "tcp 198.51.100.9:1 > 203.0.113.10:80")
                == "filter INPUT, line 8: -A INPUT -p tcp -m tcp --dport 80 -j REJECT --reject-with icmp-port-unreachable")
        #expect(try Self.outcome(rules, "tcp [2001:db8:9::9]:1 > [2001:db8::11]:80") == "filter INPUT: policy drop")
        let error = #expect(throws: FileError.self) { try HostRules(text + "\n== pfctl -s rules\n", file: "f") }
        #expect(error?.description.hasPrefix("f:14: pfctl -s rules: expected ") == true)
    }

    /// The director's own table has a flag, at which nft 1.0.6 breaks its JSON off: it is not asked for, and the others are, in order.
    @Test func theRulesetIsAskedForTableByTable() throws {
        let tables = ["inet a", "arp b", "netdev svs_238_1", "netdev svs_mine", "ip c"].map { "table \($0) {\n\tchain x {\n\t}\n}\n" }
        var asked: [String] = []
        func run(_ command: String, brokenOff: Bool = false) -> (text: String, errors: String)? {
            asked.append(command)
            let name = command.split(separator: " ").last ?? ""
            guard name != "chains" else { return (tables.joined(), "") }
            return ("{\"nftables\": [{\"table\": {\"name\": \"\(name)\", \"flags\": " + (brokenOff ? "" : "\"owner\"}}]}\n"), "")
        }
        let text = try #require(try RulesText.output(of: "nft -j list ruleset") { run($0) }).text
        let names = try #require(JSONValue(text)["nftables"]?.list).map { $0["table"]?["name"]?.text }
        #expect(names == ["a", "svs_mine", "c"])
        #expect(asked == ["nft list chains"] + ["inet a", "netdev svs_mine", "ip c"].map { "nft -j list table \($0)" })
        let error = #expect(throws: FileError.self) { try RulesText.output(of: "nft -j list ruleset") { run($0, brokenOff: true) } }
        #expect(error.map { "\($0)" } == "nft -j list table inet a: no JSON")
        #expect(try RulesText.output(of: "iptables-save") { ($0, "") }?.text == "iptables-save")
        #expect(try RulesText.output(of: "nft -j list ruleset") { _ in nil } == nil)
    }
}
