import Admin
import LVS
import Testing
import Wire

struct FilesNftTests {
    /// `nft -j list ruleset` of nftables 1.0.6, for this ruleset:
    ///
    ///     table inet svs {
    ///       set vips { type ipv4_addr; flags interval; elements = { 192.0.2.1, 192.0.2.16/28, 192.0.2.100-192.0.2.102 } }
    ///       chain pre {
    ///         type filter hook prerouting priority mangle + 10; policy accept;
    ///         ip daddr 203.0.113.1 tcp dport { 80, 443, 8000-8010 } counter meta mark set 0x4 comment "web"
    ///         ip daddr @vips udp dport 53 meta mark set 5 accept
    ///         ip6 daddr 2001:db8::/64 meta l4proto tcp th dport != 22 meta mark set mark and 0xffffff00 or 0x6
    ///         iifname { "eth1", "wan*" } meta mark & 0xff == 0 jump more
    ///         ct state established counter
    ///         meta mark set mark xor 0x100
    ///       }
    ///       chain more {
    ///         fib daddr type != local return
    ///         tcp flags & (syn|ack) == syn meta mark set 0x20 goto last
    ///         tcp flags syn meta mark set 0x21 return
    ///         ip frag-off & 0x1fff != 0 meta mark set 0x22
    ///         icmpv6 type echo-request meta mark set 0x23
    ///         ip protocol icmp icmp type echo-request meta mark set 0x24
    ///       }
    ///       chain last { sctp dport >= 1024 meta mark set mark or 0x1000; meta mark 0x20 udp sport < 1024 accept; }
    ///     }
    ///     table ip nat { … }
    ///     table ip early { chain first {
    ///       type filter hook prerouting priority raw; ip saddr 198.51.100.0/24 ip daddr 198.18.0.9 meta mark set 0x40; } }
    static let ruleset = #"""
        {"nftables": [
        {"metainfo": {"version": "1.0.6", "release_name": "Lester Gooch #5", "json_schema_version": 1}},
        {"table": {"family": "inet", "name": "svs", "handle": 1}},
        {"set": {"family": "inet", "name": "vips", "table": "svs", "type": "ipv4_addr", "handle": 4, "flags": ["interval"], "elem": ["192.0.2.1", {"prefix": {"addr": "192.0.2.16", "len": 28}}, {"range": ["192.0.2.100", "192.0.2.102"]}]}},
        {"chain": {"family": "inet", "table": "svs", "name": "pre", "handle": 1, "type": "filter", "hook": "prerouting", "prio": -140, "policy": "accept"}},
        {"chain": {"family": "inet", "table": "svs", "name": "more", "handle": 2}},
        {"chain": {"family": "inet", "table": "svs", "name": "last", "handle": 3}},
        {"rule": {"family": "inet", "table": "svs", "chain": "pre", "handle": 6, "comment": "web",
         "expr": [{"match": {"op": "==", "left": {"payload": {"protocol": "ip", "field": "daddr"}}, "right": "203.0.113.1"}},
         {"match": {"op": "==", "left": {"payload": {"protocol": "tcp", "field": "dport"}}, "right": {"set": [80, 443, {"range": [8000, 8010]}]}}}, {"counter": {"packets": 0, "bytes": 0}},
         {"mangle": {"key": {"meta": {"key": "mark"}}, "value": 4}}]}},
        {"rule": {"family": "inet", "table": "svs", "chain": "pre", "handle": 7,
         "expr": [{"match": {"op": "==", "left": {"payload": {"protocol": "ip", "field": "daddr"}}, "right": "@vips"}},
         {"match": {"op": "==", "left": {"payload": {"protocol": "udp", "field": "dport"}}, "right": 53}},
         {"mangle": {"key": {"meta": {"key": "mark"}}, "value": 5}}, {"accept": null}]}},
        {"rule": {"family": "inet", "table": "svs", "chain": "pre", "handle": 8,
         "expr": [{"match": {"op": "==", "left": {"payload": {"protocol": "ip6", "field": "daddr"}}, "right": {"prefix": {"addr": "2001:db8::", "len": 64}}}},
         {"match": {"op": "!=", "left": {"payload": {"protocol": "tcp", "field": "dport"}}, "right": 22}},
         {"mangle": {"key": {"meta": {"key": "mark"}}, "value": {"|": [{"&": [{"meta": {"key": "mark"}}, 4294967046]}, 6]}}}]}},
        {"rule": {"family": "inet", "table": "svs", "chain": "pre", "handle": 10,
         "expr": [{"match": {"op": "==", "left": {"meta": {"key": "iifname"}}, "right": {"set": ["eth1", "wan*"]}}},
         {"match": {"op": "==", "left": {"&": [{"meta": {"key": "mark"}}, 255]}, "right": 0}}, {"jump": {"target": "more"}}]}},
        {"rule": {"family": "inet", "table": "svs", "chain": "pre", "handle": 11,
         "expr": [{"match": {"op": "in", "left": {"ct": {"key": "state"}}, "right": "established"}}, {"counter": {"packets": 0, "bytes": 0}}]}},
        {"rule": {"family": "inet", "table": "svs", "chain": "pre", "handle": 12,
         "expr": [{"mangle": {"key": {"meta": {"key": "mark"}}, "value": {"^": [{"meta": {"key": "mark"}}, 256]}}}]}},
        {"rule": {"family": "inet", "table": "svs", "chain": "more", "handle": 13,
         "expr": [{"match": {"op": "!=", "left": {"fib": {"result": "type", "flags": ["daddr"]}}, "right": "local"}}, {"return": null}]}},
        {"rule": {"family": "inet", "table": "svs", "chain": "more", "handle": 14,
         "expr": [{"match": {"op": "==", "left": {"&": [{"payload": {"protocol": "tcp", "field": "flags"}}, ["syn", "ack"]]}, "right": "syn"}},
         {"mangle": {"key": {"meta": {"key": "mark"}}, "value": 32}}, {"goto": {"target": "last"}}]}},
        {"rule": {"family": "inet", "table": "svs", "chain": "more", "handle": 15,
         "expr": [{"match": {"op": "in", "left": {"payload": {"protocol": "tcp", "field": "flags"}}, "right": "syn"}},
         {"mangle": {"key": {"meta": {"key": "mark"}}, "value": 33}}, {"return": null}]}},
        {"rule": {"family": "inet", "table": "svs", "chain": "more", "handle": 16,
         "expr": [{"match": {"op": "!=", "left": {"&": [{"payload": {"protocol": "ip", "field": "frag-off"}}, 8191]}, "right": 0}},
         {"mangle": {"key": {"meta": {"key": "mark"}}, "value": 34}}]}},
        {"rule": {"family": "inet", "table": "svs", "chain": "more", "handle": 17,
         "expr": [{"match": {"op": "==", "left": {"payload": {"protocol": "icmpv6", "field": "type"}}, "right": "echo-request"}},
         {"mangle": {"key": {"meta": {"key": "mark"}}, "value": 35}}]}},
        {"rule": {"family": "inet", "table": "svs", "chain": "more", "handle": 18,
         "expr": [{"match": {"op": "==", "left": {"payload": {"protocol": "ip", "field": "protocol"}}, "right": "icmp"}},
         {"match": {"op": "==", "left": {"payload": {"protocol": "icmp", "field": "type"}}, "right": "echo-request"}},
         {"mangle": {"key": {"meta": {"key": "mark"}}, "value": 36}}]}},
        {"rule": {"family": "inet", "table": "svs", "chain": "last", "handle": 19,
         "expr": [{"match": {"op": ">=", "left": {"payload": {"protocol": "sctp", "field": "dport"}}, "right": 1024}},
         {"mangle": {"key": {"meta": {"key": "mark"}}, "value": {"|": [{"meta": {"key": "mark"}}, 4096]}}}]}},
        {"rule": {"family": "inet", "table": "svs", "chain": "last", "handle": 20,
         "expr": [{"match": {"op": "==", "left": {"meta": {"key": "mark"}}, "right": 32}},
         {"match": {"op": "<", "left": {"payload": {"protocol": "udp", "field": "sport"}}, "right": 1024}}, {"accept": null}]}},
        {"table": {"family": "ip", "name": "nat", "handle": 2}},
        {"chain": {"family": "ip", "table": "nat", "name": "prerouting", "handle": 1, "type": "nat", "hook": "prerouting", "prio": -100, "policy": "accept"}},
        {"chain": {"family": "ip", "table": "nat", "name": "POSTROUTING", "handle": 2, "type": "nat", "hook": "postrouting", "prio": 100, "policy": "accept"}},
        {"rule": {"family": "ip", "table": "nat", "chain": "prerouting", "handle": 3,
         "expr": [{"match": {"op": "in", "left": {"ct": {"key": "state"}}, "right": "new"}}, {"counter": {"packets": 0, "bytes": 0}}]}},
        {"rule": {"family": "ip", "table": "nat", "chain": "prerouting", "handle": 4,
         "expr": [{"match": {"op": "==", "left": {"payload": {"protocol": "tcp", "field": "dport"}}, "right": 8080}}, {"redirect": {"port": 80}}]}},
        {"rule": {"family": "ip", "table": "nat", "chain": "POSTROUTING", "handle": 5,
         "expr": [{"match": {"op": "==", "left": {"meta": {"key": "oifname"}}, "right": "eth0"}}, {"masquerade": null}]}},
        {"table": {"family": "ip", "name": "early", "handle": 3}},
        {"chain": {"family": "ip", "table": "early", "name": "first", "handle": 1, "type": "filter", "hook": "prerouting", "prio": -300, "policy": "accept"}},
        {"rule": {"family": "ip", "table": "early", "chain": "first", "handle": 2,
         "expr": [{"match": {"op": "==", "left": {"payload": {"protocol": "ip", "field": "saddr"}}, "right": {"prefix": {"addr": "198.51.100.0", "len": 24}}}},
         {"match": {"op": "==", "left": {"payload": {"protocol": "ip", "field": "daddr"}}, "right": "198.18.0.9"}},
         {"mangle": {"key": {"meta": {"key": "mark"}}, "value": 64}}]}}
        ]}
        """#

    @Test(
        arguments: [
            ("tcp 198.51.100.9:1 > 203.0.113.1:8005", 0x104), ("tcp 198.51.100.9:1 > 203.0.113.1:8011", 0x100),
            ("udp 198.51.100.9:1 > 203.0.113.1:80", 0x100), ("udp 198.51.100.9:1 > 192.0.2.1:53", 5),
            ("udp 198.51.100.9:1 > 192.0.2.31:53", 5), ("udp 198.51.100.9:1 > 192.0.2.32:53", 0x100),
            ("udp 198.51.100.9:1 > 192.0.2.101:53", 5), ("udp 198.51.100.9:1 > 192.0.2.103:53", 0x100),
            ("tcp 198.51.100.9:1 > 192.0.2.1:53", 0x100), ("gre 198.51.100.9 > 198.18.0.9", 0x140),
            ("gre 198.51.101.9 > 198.18.0.9", 0x100),
            ("tcp 198.51.100.9:1 > 192.0.2.9:1 in eth1 flags 2", 0x120), ("tcp 198.51.100.9:1 > 192.0.2.9:1 in wan0 flags 18", 0x121),
            ("tcp 198.51.100.9:1 > 192.0.2.9:1 in wan0 flags 16", 0x100), ("tcp 198.51.100.9:1 > 192.0.2.9:1 in eth10 flags 2", 0x100),
            ("tcp 198.51.100.9:1 > 192.0.2.9:1 in eth1 flags 2 foreign", 0x100),
            ("udp 198.51.100.9:1 > 192.0.2.9:1 in eth1 fragment", 0x122),
            ("icmp 198.51.100.9 > 192.0.2.9 in eth1 type 8 0", 0x124), ("icmp 198.51.100.9 > 192.0.2.9 in eth1 type 0 0", 0x100),
            ("udp 198.51.100.9:1 > 192.0.2.9:9 in eth1 mark 256", 0), ("udp 198.51.100.9:1 > 192.0.2.9:9 in eth1 mark 7", 0x107),
            ("tcp [2001:db8:9::9]:1 > [2001:db8::7]:80 mark 4660", 0x1306), ("tcp [2001:db8:9::9]:1 > [2001:db8::7]:22", 0x100),
            ("udp [2001:db8:9::9]:1 > [2001:db8::7]:80", 0x100), ("icmp6 2001:db8:9::9 > 2001:db8:2::1 in eth1 type 128 0", 0x123),
        ] as [(String, UInt32)])
    func evaluation(words: String, mark: UInt32) throws {
        let packet = try MarkedPacket.query(words)
        let rules = try RulesText(Self.ruleset, file: "nft").rules(packet.destination.family)
        #expect(rules.mark(for: packet) == mark)
    }

    @Test func rulesAreNamedByTheirHandles() throws {
        let rules = try RulesText(Self.ruleset, file: "nft").rules(.v4)
        let explained = rules.explainedMark(for: try MarkedPacket.query("tcp 198.51.100.9:1 > 203.0.113.1:443"))
        #expect(explained.rules.map { $0.text } == ["inet svs pre handle 6 \"web\"", "inet svs pre handle 12"])
    }

    /// One rule in a chain at the prerouting hook that marks.
    static func ruleset(_ statements: String, policy: String = "accept", rest: String = "") -> String {
        #"""
        {"nftables": [{"metainfo": {"version": "1.0.6"}}, {"table": {"family": "ip", "name": "t"}},
          {"chain": {"family": "ip", "table": "t", "name": "pre", "hook": "prerouting", "prio": -150, "policy": "\#(policy)"}},
          {"rule": {"family": "ip", "table": "t", "chain": "pre", "handle": 3, "expr": [\#(statements)]}}\#(rest),
          {"rule": {"family": "ip", "table": "t", "chain": "pre", "handle": 4,
                    "expr": [{"mangle": {"key": {"meta": {"key": "mark"}}, "value": 1}}]}}]}
        """#
    }

    /// What a rule does before it asks for what the packet does not have is done.
    @Test func aRuleEndsWhereThePacketHasNoSuchField() throws {
        let mark = #"{"mangle": {"key": {"meta": {"key": "mark"}}, "value": 7}}"#
        let match = #"{"match": {"op": "==", "left": {"payload": {"protocol": "ip", "field": "daddr"}}, "right": "192.0.2.1"}}"#
        let text = Self.ruleset(mark + ", " + match + #", {"drop": null}"#).replacing(#""family": "ip""#, with: #""family": "inet""#)
        let packet = try MarkedPacket.query("udp [2001:db8:9::9]:1 > [2001:db8::7]:80")
        let explained = try RulesText(text, file: "nft").rules(.v6).explainedMark(for: packet)
        #expect(explained.rules.map { $0.text } == ["inet t pre handle 3", "inet t pre handle 4"])
    }

    @Test(arguments: [
        (ruleset(#"{"queue": null}"#), "nft: ip t pre handle 3: queue: not understood"),
        (
            ruleset(#"{"match": {"op": "==", "left": {"ct": {"key": "helper"}}, "right": "ftp"}}, {"accept": null}"#),
            "nft: ip t pre handle 3: ct helper: not understood"
        ),
        (
            ruleset(#"{"match": {"op": "==", "left": {"meta": {"key": "skuid"}}, "right": 0}}, {"accept": null}"#),
            "nft: ip t pre handle 3: meta skuid: not understood"
        ),
        (
            ruleset(
                #"{"match": {"op": "==", "left": {"payload": {"protocol": "ip", "field": "daddr"}}, "right": "@none"}}, {"accept": null}"#),
            "nft: ip t pre handle 3: @none: no such set"
        ),
        (ruleset(#"{"limit": {"rate": 1}}, {"accept": null}"#), "nft: ip t pre handle 3: limit: not understood"),
        (
            ruleset(#"{"xt": {"type": "target", "name": "MARK"}}"#),
            "nft: ip t pre handle 3: xt MARK: written by iptables-nft, and nft cannot say what it does"
        ),
        (
            ruleset(#"{"mangle": {"key": {"meta": {"key": "mark"}}, "value": {"map": {}}}}"#),
            "nft: ip t pre handle 3: an expression is missing"
        ),
        (ruleset(#"{"jump": {"target": "pre"}}"#), "nft: ip t pre handle 3: the chains call each other in a circle"),
        (ruleset(#"{"jump": {"target": "gone"}}"#), "nft: ip t pre handle 3: jump: no such chain"),
        ("{}", "nft: no output of nft -j list ruleset"),
    ])
    func errors(text: String, message: String) {
        var said: String?
        do { _ = try MarksFile(text, file: "nft", family: .v4) } catch { said = "\(error)" }
        #expect(said == message)
    }

    @Test(arguments: ["{\"nftables\": [", "{\"nftables\": []} x", String(repeating: "[", count: 100_000), "{\"nftables\": [\"\\q\"]}"])
    func whatIsNoJSON(text: String) {
        let error = #expect(throws: FileError.self) { try MarksFile(text, file: "nft", family: .v4) }
        #expect(error?.description.hasPrefix("nft: no JSON: ") == (text.first == "{") || error?.description.hasPrefix("nft:1: ") == true)
    }

    /// A rule that only counts may ask for anything, and so may chains that never mark.
    @Test(arguments: [
        ruleset(#"{"match": {"op": "in", "left": {"ct": {"key": "state"}}, "right": "new"}}, {"counter": null}"#),
        ruleset(
            #"{"log": null}"#,
            rest: #"""
                , {"chain": {"family": "ip", "table": "t", "name": "other", "hook": "prerouting", "prio": 0, "policy": "drop"}},
                {"rule": {"family": "ip", "table": "t", "chain": "other", "handle": 9, "expr": [{"drop": null}]}}
                """#),
        ruleset(#"{"match": {"op": "==", "left": {"payload": {"protocol": "ip6", "field": "daddr"}}, "right": "::1"}}, {"drop": null}"#),
    ])
    func whatDoesNotMatter(text: String) throws {
        _ = try MarksFile(text, file: "nft", family: .v4)
    }

    @Test(arguments: [
        (#""a\n\t\"\\\/\u00e9\ud83d\ude00x""#, "a\n\t\"\\/é😀x"),
        (#""""#, ""),
    ])
    func stringsOfJSON(literal: String, text: String) throws {
        let json = Self.ruleset(#"{"accept": null}"#).replacing("\"handle\": 4,", with: "\"handle\": 4, \"comment\": \(literal),")
        let rules = try RulesText(json.replacing(#"{"accept": null}"#, with: #"{"log": null}"#), file: "nft").rules(.v4)
        #expect(rules.chains[0].rules.map { $0.text } == ["ip t pre handle 4 \"\(text)\""])
    }
}
