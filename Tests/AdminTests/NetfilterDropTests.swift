import Admin
import LVS
import Testing
import Wire

/// What rules of iptables and nft drop, and what they leave alone.
struct NetfilterDropTests {
    /// The mark that a packet has at IPVS's place, `nil` when it does not come there.
    static func mark(_ rules: MarkRules, _ words: String) throws -> UInt32? {
        let packet = try MarkedPacket.query(words)
        var state = MarkState(mark: packet.mark)
        return rules.evaluate(packet, &state) == nil ? state.mark : nil
    }

    @Test(
        arguments: [
            (
                "a drop, and what accepts before it",
                """
                *filter
                :INPUT ACCEPT [0:0]
                -A INPUT -p tcp -m multiport --dports 80,443 -j ACCEPT
                -A INPUT -d 203.0.113.0/24 -j DROP
                COMMIT
                """,
                [
                    ("tcp 198.51.100.9:1 > 203.0.113.1:80", 0), ("tcp 198.51.100.9:1 > 203.0.113.1:81", nil),
                    ("tcp 198.51.100.9:1 > 192.0.2.1:81", 0),
                ]
            ),
            (
                "a policy, with words of connection tracking",
                """
                *filter
                :INPUT DROP [0:0]
                -A INPUT -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
                -A INPUT -m state --state INVALID -j DROP
                -A INPUT -p tcp -m conntrack --ctstate NEW --ctdir ORIGINAL -m tcp --dport 80 -j ACCEPT
                -A INPUT -m conntrack --ctstatus NONE -p udp -j ACCEPT
                COMMIT
                """,
                [
                    ("tcp 198.51.100.9:1 > 203.0.113.1:80", 0), ("tcp 198.51.100.9:1 > 203.0.113.1:81", nil),
                    ("udp 198.51.100.9:1 > 203.0.113.1:81", 0),
                ]
            ),
            (
                "tables in their order, the mark from one to the next",
                """
                *filter
                :INPUT DROP [0:0]
                -A INPUT -m mark --mark 0x6 -j ACCEPT
                COMMIT
                *mangle
                :INPUT ACCEPT [0:0]
                -A INPUT -m mark --mark 0x2 -j MARK --or-mark 0x4
                :PREROUTING ACCEPT [0:0]
                -A PREROUTING -p tcp -m tcp --dport 80 -j MARK --set-mark 0x2
                COMMIT
                """, [("tcp 198.51.100.9:1 > 203.0.113.1:80", 6), ("tcp 198.51.100.9:1 > 203.0.113.1:81", nil)]
            ),
            (
                "what is accepted in a chain ends its table only",
                """
                *raw
                :PREROUTING ACCEPT [0:0]
                :WEB - [0:0]
                -A PREROUTING -p tcp -g WEB
                -A PREROUTING -j DROP
                -A WEB -m tcp --dport 80 -p tcp -j ACCEPT
                COMMIT
                *mangle
                :PREROUTING DROP [0:0]
                -A PREROUTING -s 198.51.100.9 -j MARK --set-mark 9
                -A PREROUTING -m mark --mark 9 -j ACCEPT
                COMMIT
                """,
                [
                    ("tcp 198.51.100.9:1 > 203.0.113.1:80", 9), ("tcp 198.51.100.9:1 > 203.0.113.1:81", 9),
                    ("udp 198.51.100.9:1 > 203.0.113.1:81", nil),
                    ("tcp 198.51.100.8:1 > 203.0.113.1:80", nil),
                ]
            ),
            (
                "the connection's mark is 0 until it is set",
                """
                *mangle
                :PREROUTING ACCEPT [0:0]
                -A PREROUTING -j CONNMARK --restore-mark
                -A PREROUTING -m mark ! --mark 0 -j ACCEPT
                -A PREROUTING -p tcp -j MARK --set-xmark 0x5/0xffffffff
                -A PREROUTING -j CONNMARK --save-mark --nfmask 0xf --ctmask 0xff
                -A PREROUTING -m connmark --mark 0x5/0xff -j MARK --or-mark 0x100
                COMMIT
                """, [("tcp 198.51.100.9:1 > 203.0.113.1:80", 0x105), ("udp 198.51.100.9:1 > 203.0.113.1:80 mark 7", 0)]
            ),
            (
                "before connection tracking nothing is known, behind NOTRACK there is no connection",
                """
                *raw
                :PREROUTING ACCEPT [0:0]
                -A PREROUTING -m conntrack --ctstate NEW -j DROP
                -A PREROUTING -p udp -j CT --notrack
                COMMIT
                *filter
                :INPUT ACCEPT [0:0]
                -A INPUT -m conntrack --ctstate UNTRACKED -j DROP
                COMMIT
                """, [("tcp 198.51.100.9:1 > 203.0.113.1:80", 0), ("udp 198.51.100.9:1 > 203.0.113.1:80", nil)]
            ),
            (
                "matches of addresses, lengths and links",
                """
                *filter
                :INPUT ACCEPT [0:0]
                -A INPUT -m iprange --src-range 198.51.100.4-198.51.100.8 -j DROP
                -A INPUT -m addrtype --src-type LOCAL -j DROP
                -A INPUT -m rpfilter --invert -j DROP
                -A INPUT -m mac --mac-source 02:00:00:00:00:09 -j DROP
                -A INPUT -m length --length 1000:65535 -j DROP
                -A INPUT -m ttl --ttl-lt 5 -j DROP
                -A INPUT -m pkttype ! --pkt-type unicast -j DROP
                -A INPUT -p udp -m limit --limit 1/sec -j LOG --log-prefix "- no -"
                COMMIT
                """,
                [
                    ("udp 198.51.100.9:1 > 203.0.113.1:80", 0), ("udp 198.51.100.5:1 > 203.0.113.1:80", nil),
                    ("udp 198.51.100.9:1 > 203.0.113.1:80 strange", nil), ("udp 198.51.100.9:1 > 203.0.113.1:80 mac 020000000009", nil),
                    ("udp 198.51.100.9:1 > 203.0.113.1:80 mac 020000000008", 0),
                ]
            ),
            (
                "marks that leave out what comes from a machine",
                """
                *mangle
                :PREROUTING ACCEPT [0:0]
                -A PREROUTING -p tcp -m mac ! --mac-source 02:00:00:00:00:05 -j MARK --set-mark 7
                COMMIT
                """,
                [("tcp 198.51.100.9:1 > 203.0.113.1:80 mac 0200000000fe", 7), ("tcp 198.51.100.9:1 > 203.0.113.1:80 mac 020000000005", 0)]
            ),
            (
                "rules that look at ports drop what ends before them",
                """
                *mangle
                :PREROUTING ACCEPT [0:0]
                -A PREROUTING -d 203.0.113.1 -p tcp --dport 80 -j MARK --set-mark 1
                -A PREROUTING -p udp -m udp -j MARK --set-mark 2
                COMMIT
                """,
                [
                    ("tcp 198.51.100.9:1 > 203.0.113.1:80 short 19", nil), ("tcp 198.51.100.9:1 > 203.0.113.1:80 short 20", 1),
                    ("tcp 198.51.100.9:1 > 203.0.113.2:80 short 8", 0), ("tcp 198.51.100.9:1 > 203.0.113.1:80 offset 1", nil),
                    ("tcp 198.51.100.9:1 > 203.0.113.1:80 offset 2", 0), ("udp 198.51.100.9:1 > 203.0.113.1:80 offset 1", 0),
                    ("udp 198.51.100.9:1 > 203.0.113.1:80 short 7", nil),
                ]
            ),
            (
                "those that iptables keeps in nftables just do not match",
                """
                # Generated by iptables-save v1.8.9 (nf_tables) on Mon Jan  5 11:20:33 2026
                *mangle
                :PREROUTING ACCEPT [0:0]
                -A PREROUTING -d 203.0.113.1/32 -p tcp -m tcp --dport 80 -j MARK --set-xmark 0x1/0xffffffff
                -A PREROUTING -d 203.0.113.2/32 -p tcp -m tcp -j MARK --set-xmark 0x2/0xffffffff
                COMMIT
                """,
                [
                    ("tcp 198.51.100.9:1 > 203.0.113.1:80 short 8", 1), ("tcp 198.51.100.9:1 > 203.0.113.1:80 short 3", 0),
                    ("tcp 198.51.100.9:1 > 203.0.113.1:80 offset 1", 0), ("tcp 198.51.100.9:1 > 203.0.113.2:80 offset 1", nil),
                ]
            ),
            (
                "iptables before 1.8.8 does not do that",
                """
                # Generated by iptables-save v1.8.7 (nf_tables) on Mon Jan  5 11:20:33 2026
                *mangle
                :PREROUTING ACCEPT [0:0]
                -A PREROUTING -p tcp -m tcp --dport 80 -j MARK --set-xmark 0x1/0xffffffff
                COMMIT
                """, [("tcp 198.51.100.9:1 > 203.0.113.1:80 short 8", nil)]
            ),
        ] as [(String, String, [(String, UInt32?)])])
    func iptables(_ name: String, text: String, packets: [(String, UInt32?)]) throws {
        let rules = try MarksFile(text, file: "m", family: .v4).rules
        for (words, expected) in packets { #expect(try Self.mark(rules, words) == expected, "\(name): \(words)") }
        for (words, _) in packets where try MarkedPacket.query(words).transportLength == 20 {
            #expect(try Self.mark(rules.withoutDrops, words) != nil || words.contains("offset"), "\(name), without drops: \(words)")
        }
    }

    /// A table `t` of nft with one base chain and one more.
    static func ruleset(_ hook: String, _ priority: Int, _ rules: [String], more: [String] = [], policy: String = "accept") -> String {
        let chain =
            #"{"chain": {"family": "inet", "table": "t", "name": "b", "type": "filter", "hook": "\#(hook)", "prio": \#(priority), "policy": "\#(policy)"}}"#
        let all =
            [chain, #"{"chain": {"family": "inet", "table": "t", "name": "c"}}"#]
            + rules.map { #"{"rule": {"family": "inet", "table": "t", "chain": "b", "handle": 1, "expr": [\#($0)]}}"# }
            + more.map { #"{"rule": {"family": "inet", "table": "t", "chain": "c", "handle": 2, "expr": [\#($0)]}}"# }
        return "{\"nftables\": [\(all.joined(separator: ",\n"))]}"
    }

    private static let dport = #"{"payload": {"protocol": "tcp", "field": "dport"}}"#

    @Test(
        arguments: [
            (
                "a verdict map",
                ruleset(
                    "input", 0,
                    [
                        #"{"vmap": {"key": \#(dport), "data": {"set": [[22, {"drop": null}], [{"range": [80, 90]}, {"jump": {"target": "c"}}]]}}}"#,
                        #"{"mangle": {"key": {"meta": {"key": "mark"}}, "value": 7}}"#,
                    ],
                    more: [
                        #"{"match": {"op": "==", "left": {"payload": {"protocol": "ip", "field": "saddr"}}, "right": "198.51.100.8"}}, {"drop": null}"#,
                        #"{"return": null}"#,
                    ]),
                [
                    ("tcp 198.51.100.9:1 > 203.0.113.1:22", nil), ("tcp 198.51.100.9:1 > 203.0.113.1:85", 7),
                    ("tcp 198.51.100.8:1 > 203.0.113.1:85", nil),
                    ("udp 198.51.100.9:1 > 203.0.113.1:22", 7),
                ]
            ),
            (
                "marks that leave out what comes from a machine",
                ruleset(
                    "prerouting", -150,
                    [
                        #"{"match": {"op": "!=", "left": {"payload": {"protocol": "ether", "field": "saddr"}}, "right": "02:00:00:00:00:05"}}, {"mangle": {"key": {"meta": {"key": "mark"}}, "value": 7}}"#
                    ]),
                [("tcp 198.51.100.9:1 > 203.0.113.1:80 mac 0200000000fe", 7), ("tcp 198.51.100.9:1 > 203.0.113.1:80 mac 020000000005", 0)]
            ),
            ("what comes behind IPVS", ruleset("input", 98, [#"{"drop": null}"#]), [("tcp 198.51.100.9:1 > 203.0.113.1:22", 0)]),
            ("other hooks", ruleset("forward", 0, [#"{"drop": null}"#]), [("tcp 198.51.100.9:1 > 203.0.113.1:22", 0)]),
            (
                "a policy",
                ruleset(
                    "prerouting", -150, [#"{"match": {"op": "==", "left": \#(dport), "right": 80}}, {"accept": null}"#], policy: "drop"),
                [
                    ("tcp 198.51.100.9:1 > 203.0.113.1:22", nil), ("tcp 198.51.100.9:1 > 203.0.113.1:80", 0),
                    ("tcp [2001:db8::9]:1 > [2001:db8::1]:22", nil),
                ]
            ),
            (
                "a mark, then a condition",
                ruleset(
                    "prerouting", -150,
                    [
                        #"{"mangle": {"key": {"meta": {"key": "mark"}}, "value": 5}}, {"match": {"op": "==", "left": \#(dport), "right": 80}}, {"drop": null}"#
                    ]),
                [("tcp 198.51.100.9:1 > 203.0.113.1:22", 5), ("tcp 198.51.100.9:1 > 203.0.113.1:80", nil)]
            ),
            (
                "an early packet has no connection",
                ruleset(
                    "prerouting", -300, [#"{"match": {"op": "in", "left": {"ct": {"key": "state"}}, "right": "new"}}, {"drop": null}"#]),
                [("tcp 198.51.100.9:1 > 203.0.113.1:22", 0)]
            ),
            (
                "established connections are known already",
                ruleset(
                    "input", 0,
                    [
                        #"{"vmap": {"key": {"ct": {"key": "state"}}, "data": {"set": [["established", {"accept": null}], ["new", {"drop": null}]]}}}"#
                    ]),
                [("tcp 198.51.100.9:1 > 203.0.113.1:22", nil)]
            ),
            (
                "a port that is not there is in no range",
                ruleset("input", 0, [#"{"match": {"op": "!=", "left": \#(dport), "right": 80}}, {"drop": null}"#]),
                [
                    ("tcp 198.51.100.9:1 > 203.0.113.1:22", nil), ("tcp 198.51.100.9:1 > 203.0.113.1:22 offset 1", 0),
                    ("tcp 198.51.100.9:1 > 203.0.113.1:22 short 3", 0),
                ]
            ),
        ] as [(String, String, [(String, UInt32?)])])
    func nft(_ name: String, text: String, packets: [(String, UInt32?)]) throws {
        for (words, expected) in packets {
            let packet = try MarkedPacket.query(words)
            #expect(
                try Self.mark(MarksFile(text, file: "m", family: packet.destination.family).rules, words) == expected, "\(name): \(words)")
        }
    }

    /// A set of many addresses is not searched one by one: 100,000 of them are asked 100,000 times.
    @Test func largeSets() throws {
        let elements = (0..<100_000).map { #"{"prefix": {"addr": "\#(10 + $0 >> 16).\#($0 >> 8 & 255).\#($0 & 255).0", "len": 25}}"# }
        let text = Self.ruleset(
            "input", 0,
            [
                #"{"match": {"op": "==", "left": {"payload": {"protocol": "ip", "field": "saddr"}}, "right": {"set": [\#(elements.joined(separator: ","))]}}}, {"drop": null}"#
            ])
        let rules = try MarksFile(text, file: "m", family: .v4).rules
        var packet = try MarkedPacket.query("tcp 198.51.100.9:1 > 203.0.113.1:22")
        var dropped = 0
        for i in 0..<100_000 {
            packet.source = IPAddress(v4: 10 << 24 + UInt32(i) << 7)
            var state = MarkState()
            if rules.evaluate(packet, &state) != nil { dropped += 1 }
        }
        #expect(dropped == 50_000)
    }
}
