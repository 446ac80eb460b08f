import Admin
import LVS
import Testing
import Wire

/// A packet in words: `tcp 198.51.100.9:40000 > 192.0.2.1:80`, and what else a rule may ask for.
struct MarkedPacket {
    static func query(_ words: String) throws -> MarkQuery {
        var parts = words.split(separator: " ").map(String.init)
        let proto: UInt8 =
            switch parts.removeFirst() {
            case "tcp": 6
            case "udp": 17
            case "sctp": 132
            case "icmp": 1
            case "icmp6": 58
            default: 47
            }
        func end(_ text: String) throws -> (IPAddress, UInt16) {
            guard text.hasPrefix("[") || text.filter({ $0 == ":" }).count == 1 else { return (try #require(IPAddress(text)), 0) }
            let colon = try #require(text.lastIndex(of: ":"))
            let address = text[..<colon].filter { $0 != "[" && $0 != "]" }
            return (try #require(IPAddress(address)), try #require(UInt16(text[text.index(after: colon)...])))
        }
        let (source, sourcePort) = try end(parts.removeFirst())
        _ = parts.removeFirst()
        let (destination, port) = try end(parts.removeFirst())
        var query = MarkQuery(
            source: source, destination: destination, proto: proto, sourcePort: sourcePort, destinationPort: port,
            ingress: "eth0")
        while !parts.isEmpty {
            switch parts.removeFirst() {
            case "in": query.ingress = parts.removeFirst()
            case "flags": query.tcpFlags = try #require(UInt8(parts.removeFirst()))
            case "type":
                query.icmpType = try #require(UInt8(parts.removeFirst()))
                query.icmpCode = try #require(UInt8(parts.removeFirst()))
            case "fragment": query.isLaterFragment = true
            case "mac": query.sourceMAC = try #require(UInt64(parts.removeFirst(), radix: 16))
            case "foreign": query.isLocal = false
            case "strange": query.comesBack = false
            case "short": query.transportLength = try #require(Int(parts.removeFirst()))
            case "offset": query.fragmentOffset = try #require(UInt16(parts.removeFirst()))
            case "mark": query.mark = try #require(UInt32(parts.removeFirst()))
            case let word: Issue.record("\(word)")
            }
        }
        return query
    }
}

struct FilesMarksTests {
    static func rules(_ lines: String, family: IPFamily = .v4) throws -> MarkRules {
        try MarksFile("*mangle\n:PREROUTING ACCEPT [0:0]\n" + lines + "\nCOMMIT\n", file: "m", family: family).rules
    }

    @Test(
        arguments: [
            (
                "-A PREROUTING -d 192.0.2.1/32 -p tcp --dport 80 -j MARK --set-mark 4",
                [
                    ("tcp 198.51.100.9:40000 > 192.0.2.1:80", 4), ("tcp 198.51.100.9:40000 > 192.0.2.1:81", 0),
                    ("udp 198.51.100.9:40000 > 192.0.2.1:80", 0), ("tcp 198.51.100.9:40000 > 192.0.2.2:80", 0),
                    ("tcp 198.51.100.9:40000 > 192.0.2.1:80 fragment", 0), ("tcp 198.51.100.9:40000 > 192.0.2.1:80 mark 3", 4),
                ]
            ),
            (
                "-A PREROUTING ! -d 192.0.2.0/255.255.255.0 -j MARK --set-mark 0x10",
                [
                    ("tcp 198.51.100.9:40000 > 192.0.3.1:80", 16), ("tcp 198.51.100.9:40000 > 192.0.2.1:80", 0),
                ]
            ),
            (
                "-A PREROUTING -s 198.51.100.9,203.0.113.0/24 -d 192.0.2.1,192.0.2.3 -j MARK --set-mark 010",
                [
                    ("gre 198.51.100.9 > 192.0.2.3", 8), ("gre 203.0.113.77 > 192.0.2.1", 8), ("gre 198.51.100.8 > 192.0.2.1", 0),
                    ("gre 198.51.100.9 > 192.0.2.2", 0),
                ]
            ),
            (
                "-A PREROUTING -i eth+ -j MARK --set-mark 1\n-A PREROUTING ! -i eth0 -j MARK --or-mark 2",
                [
                    ("gre 198.51.100.9 > 192.0.2.3 in eth0", 1), ("gre 198.51.100.9 > 192.0.2.3 in eth10", 3),
                    ("gre 198.51.100.9 > 192.0.2.3 in ens3", 2),
                ]
            ),
            (
                "-A PREROUTING -p udp -m udp --sport :1023 --dport 5000:5010 -j MARK --set-mark 1",
                [
                    ("udp 198.51.100.9:1023 > 192.0.2.1:5000", 1), ("udp 198.51.100.9:1024 > 192.0.2.1:5000", 0),
                    ("udp 198.51.100.9:0 > 192.0.2.1:5010", 1), ("udp 198.51.100.9:0 > 192.0.2.1:5011", 0),
                ]
            ),
            (
                "-A PREROUTING -p tcp ! --destination-port 1024: -j MARK --set-mark 1",
                [
                    ("tcp 198.51.100.9:1023 > 192.0.2.1:1023", 1), ("tcp 198.51.100.9:1023 > 192.0.2.1:1024", 0),
                    ("tcp 198.51.100.9:1023 > 192.0.2.1:80 fragment", 0),
                ]
            ),
            (
                "-A PREROUTING -p tcp -m multiport --dports 80,443,8000:8010 -j MARK --set-mark 1\n"
                    + "-A PREROUTING -p sctp -m multiport ! --ports 2905 -j MARK --set-mark 2",
                [
                    ("tcp 198.51.100.9:1 > 192.0.2.1:443", 1), ("tcp 198.51.100.9:1 > 192.0.2.1:8005", 1),
                    ("tcp 198.51.100.9:443 > 192.0.2.1:8", 0),
                    ("sctp 198.51.100.9:2905 > 192.0.2.1:1", 0), ("sctp 198.51.100.9:1 > 192.0.2.1:2905", 0),
                    ("sctp 198.51.100.9:1 > 192.0.2.1:2", 2),
                ]
            ),
            (
                "-A PREROUTING -m mark --mark 0x1/0xf -j MARK --set-xmark 0x5/0xff",
                [
                    ("gre 198.51.100.9 > 192.0.2.3 mark 4385", 0x1105), ("gre 198.51.100.9 > 192.0.2.3 mark 4386", 4386),
                ]
            ),
            (
                "-A PREROUTING -j MARK --set-mark 0x0f/0x03\n-A PREROUTING -m mark ! --mark 0xf -j MARK --xor-mark 0x100",
                [
                    ("gre 198.51.100.9 > 192.0.2.3", 0xf), ("gre 198.51.100.9 > 192.0.2.3 mark 48", 0x13f),
                ]
            ),
            ("-A PREROUTING -j MARK --set-xmark 0x0f/0x03", [("gre 198.51.100.9 > 192.0.2.3 mark 12", 3)]),
            ("-A PREROUTING -j MARK --and-mark 0xf0", [("gre 198.51.100.9 > 192.0.2.3 mark 4095", 0xf0)]),
            (
                "-A PREROUTING -m addrtype --dst-type LOCAL -j MARK --set-mark 1\n-A PREROUTING -m addrtype ! --dst-type LOCAL -j MARK --set-mark 2",
                [
                    ("gre 198.51.100.9 > 192.0.2.3", 1), ("gre 198.51.100.9 > 192.0.2.3 foreign", 2),
                ]
            ),
            (
                "-A PREROUTING -f -j MARK --set-mark 1\n-A PREROUTING ! -f -p tcp -j MARK --set-mark 2",
                [
                    ("tcp 198.51.100.9:1 > 192.0.2.3:80 fragment", 1), ("tcp 198.51.100.9:1 > 192.0.2.3:80", 2),
                ]
            ),
            (
                "-A PREROUTING -p tcp --syn -j MARK --set-mark 1\n-A PREROUTING -p tcp ! --tcp-flags SYN,RST NONE -j MARK --or-mark 8",
                [
                    ("tcp 198.51.100.9:1 > 192.0.2.3:80 flags 2", 9), ("tcp 198.51.100.9:1 > 192.0.2.3:80 flags 18", 8),
                    ("tcp 198.51.100.9:1 > 192.0.2.3:80 flags 16", 0), ("tcp 198.51.100.9:1 > 192.0.2.3:80 flags 42", 9),
                ]
            ),
            (
                "-A PREROUTING -p icmp -m icmp --icmp-type 8 -j MARK --set-mark 1\n-A PREROUTING -p icmp --icmp-type port-unreachable -j MARK --set-mark 2\n"
                    + "-A PREROUTING -p icmp --icmp-type 3/4 -j MARK --set-mark 3",
                [
                    ("icmp 198.51.100.9 > 192.0.2.3 type 8 0", 1), ("icmp 198.51.100.9 > 192.0.2.3 type 3 3", 2),
                    ("icmp 198.51.100.9 > 192.0.2.3 type 3 4", 3),
                    ("icmp 198.51.100.9 > 192.0.2.3 type 3 1", 0),
                ]
            ),
            (
                "-A PREROUTING -p udp -j MARK --set-mark 1\n-A PREROUTING -p udp -m udp -j MARK --set-mark 2",
                [
                    ("udp 198.51.100.9:1 > 192.0.2.3:2", 2), ("udp 198.51.100.9:1 > 192.0.2.3:2 fragment", 1),
                ]
            ),
            (
                "-A PREROUTING -p icmp --icmp-type any -j MARK --set-mark 1",
                [
                    ("icmp 198.51.100.9 > 192.0.2.3 type 13 0", 1), ("icmp 198.51.100.9 > 192.0.2.3 type 13 0 fragment", 0),
                ]
            ),
            (
                "-A PREROUTING -p 47 -j ACCEPT\n-A PREROUTING -p all -d any/0 -i + -j MARK --set-mark=7",
                [
                    ("gre 198.51.100.9 > 192.0.2.3", 0), ("udp 198.51.100.9:1 > 192.0.2.3:2", 7),
                ]
            ),
            (
                ":WEB - [0:0]\n:DNS -\n-A PREROUTING -p tcp -j WEB\n-A PREROUTING -p udp -g DNS\n-A PREROUTING -j MARK --or-mark 64\n"
                    + "-A WEB -p tcp --dport https -j MARK --set-mark 2\n-A WEB -p tcp --dport 22 -j ACCEPT\n-A WEB -j RETURN\n-A WEB -j MARK --set-mark 32\n"
                    + "-A DNS -j MARK --set-mark 1",
                [
                    ("tcp 198.51.100.9:1 > 192.0.2.3:443", 66), ("tcp 198.51.100.9:1 > 192.0.2.3:22", 0),
                    ("tcp 198.51.100.9:1 > 192.0.2.3:80", 64),
                    ("udp 198.51.100.9:1 > 192.0.2.3:53", 1), ("gre 198.51.100.9 > 192.0.2.3", 64),
                ]
            ),
            (
                "-N A\n-A PREROUTING -j MARK --set-mark 1\n-I PREROUTING -j MARK --set-mark 2\n-I PREROUTING 3 -c 5 300 -j MARK --or-mark 8",
                [
                    ("gre 198.51.100.9 > 192.0.2.3", 9)
                ]
            ),
        ] as [(String, [(String, UInt32)])])
    func evaluation(lines: String, packets: [(String, UInt32)]) throws {
        let rules = try Self.rules(lines)
        for (words, mark) in packets {
            #expect(try rules.mark(for: MarkedPacket.query(words)) == mark, "\(words)")
        }
    }

    @Test func ip6tables() throws {
        let rules = try Self.rules(
            """
            -A PREROUTING -d 2001:db8::/64 -p tcp -m tcp --dport 443 -j MARK --set-xmark 0x1/0xffffffff
            -A PREROUTING -d 2001:db8:1::1/128 -p ipv6-icmp -m icmp6 --icmpv6-type 128 -j MARK --set-xmark 0x2/0xffffffff
            -A PREROUTING -s fe80::/10 -j MARK --set-mark 3
            """, family: .v6)
        for (words, mark) in [
            ("tcp [2001:db8:9::9]:1 > [2001:db8::77]:443", 1), ("tcp [2001:db8:9::9]:1 > [2001:db8:0:1::77]:443", 0),
            ("icmp6 2001:db8:9::9 > 2001:db8:1::1 type 128 0", 2), ("tcp [fe80::1]:1 > [2001:db8::77]:443", 3),
            ("tcp 198.51.100.9:1 > 192.0.2.3:443", 0),
        ] as [(String, UInt32)] {
            #expect(try rules.mark(for: MarkedPacket.query(words)) == mark, "\(words)")
        }
    }

    @Test(
        arguments: [
            ("-A PREROUTING -j INPUT", "m:3: INPUT: no target that is understood here, and no chain"),
            ("-A PREROUTING -o eth1 -j ACCEPT", "m:3: -o: not understood"),
            ("-A PREROUTING -p tcp --tcp-option 5 -j DROP", "m:3: --tcp-option: not understood"),
            ("-A PREROUTING --dport 80 -j MARK --set-mark 1", "m:3: --dport: needs -p tcp, udp, dccp, sctp, udplite"),
            ("-A PREROUTING ! -p tcp --dport 80 -j MARK --set-mark 1", "m:3: --dport: needs -p tcp, udp, dccp, sctp, udplite"),
            ("-A PREROUTING -p udp --syn -j MARK --set-mark 1", "m:3: --syn: needs -p tcp"),
            ("-A PREROUTING -m tcp -j ACCEPT", "m:3: tcp: needs -p tcp"),
            ("-A PREROUTING -p tcp --dports 80 -j ACCEPT", "m:3: --dports: needs -m multiport"),
            (
                "-A PREROUTING -p tcp -m multiport --dports 1,2,3,4,5,6,7,8,9,10,11,12,13,14:15 -j ACCEPT",
                nil
            ),
            (
                "-A PREROUTING -p tcp -m multiport --dports 1,2,3,4,5,6,7,8,9,10,11,12,13,14,15:16 -j ACCEPT",
                "m:3: 1,2,3,4,5,6,7,8,9,10,11,12,13,14,15:16: more than 15 ports"
            ),
            ("-A PREROUTING -p tcp --dport 90:80 -j ACCEPT", "m:3: 90:80: invalid port range (min > max)"),
            ("-A PREROUTING -p tcp --dport 65536 -j ACCEPT", "m:3: 65536: invalid port or service"),
            ("-A PREROUTING -p tcp --dport no-such-service -j ACCEPT", "m:3: no-such-service: invalid port or service"),
            ("-A PREROUTING -p tcp --dport", "m:3: --dport: an argument is missing"),
            ("-A PREROUTING -p tpc -j ACCEPT", "m:3: tpc: unknown protocol"),
            ("-A PREROUTING -p 256 -j ACCEPT", "m:3: 256: unknown protocol"),
            ("-A PREROUTING ! -p all -j ACCEPT", "m:3: all: this rule would match no packet"),
            ("-A PREROUTING -d 192.0.2.256 -j ACCEPT", "m:3: 192.0.2.256: host or network not found"),
            ("-A PREROUTING -d 192.0.2.1/33 -j ACCEPT", "m:3: 192.0.2.1/33: host or network not found"),
            ("-A PREROUTING -d 2001:db8::1 -j ACCEPT", "m:3: 2001:db8::1: host or network not found"),
            ("-A PREROUTING ! -d 192.0.2.1,192.0.2.2 -j ACCEPT", "m:3: !: not allowed with several addresses"),
            ("-A PREROUTING ! -s 192.0.2.9 -d 192.0.2.1,192.0.2.2 -j ACCEPT", "m:3: !: not allowed with several addresses"),
            ("-A PREROUTING -p tcp -m multiport --ports 80,90:90 -j ACCEPT", "m:3: 90:90: invalid port range (min >= max)"),
            ("-A PREROUTING -d ! 192.0.2.1 -j ACCEPT", "m:3: !: host or network not found"),
            ("-A PREROUTING !", "m:3: !: an argument is missing"),
            ("-A PREROUTING ! -j ACCEPT", "m:3: -j: cannot be negated"),
            ("-A PREROUTING -m addrtype --dst-type NOWHERE -j ACCEPT", "m:3: NOWHERE: unknown type of address"),
            ("-A PREROUTING -m conntrack --ctstate NEWS -j DROP", "m:3: NEWS: unknown state of a connection"),
            ("-A PREROUTING -j REJECT --reject-with rudely", "m:3: rudely: unknown reject type"),
            (":PREROUTING QUEUE [0:0]", "m:3: QUEUE: not supported as the policy of PREROUTING"),
            ("-A PREROUTING -j MARK", "m:3: MARK: one of --set-mark, --set-xmark, --and-mark, --or-mark, --xor-mark is missing"),
            ("-A PREROUTING -j MARK --set-mark 0x100000000", "m:3: 0x100000000: invalid mark"),
            ("-A PREROUTING -j MARK --set-mark 1/2/3", "m:3: 1/2/3: invalid mark"),
            ("-A PREROUTING -j MARK --and-mark 1/2", "m:3: 1/2: invalid mark"),
            ("-A PREROUTING -j MARK --set-mark 1 --or-mark 2", "m:3: --or-mark: MARK takes one option"),
            ("-A PREROUTING --set-mark 1", "m:3: --set-mark: needs -j MARK before it"),
            ("-A PREROUTING -j ACCEPT -j RETURN", "m:3: -j: given twice"),
            ("-A PREROUTING -p tcp --tcp-flags SYN,FOO SYN -j ACCEPT", "m:3: FOO: unknown TCP flag"),
            ("-A PREROUTING -p icmp --icmp-type 256 -j ACCEPT", "m:3: 256: unknown ICMP type"),
            ("-A PREROUTING -m comment --comment \"no end -j ACCEPT", "m:3: no end -j ACCEPT: the closing quote is missing"),
            ("-A NOWHERE -j ACCEPT", "m:3: NOWHERE: no chain of that name"),
            ("-D PREROUTING 1", "m:3: -D: not understood"),
            ("-I PREROUTING 2 -j ACCEPT", "m:3: 2: index of insertion too big"),
            (":WEB ACCEPT [0:0]", "m:3: ACCEPT: not supported as the policy of WEB"),
            (":WEB - [0:x]", "m:3: :WEB - [0:x]: expected :CHAIN POLICY [PACKETS:BYTES]"),
            ("[1:] -A PREROUTING -j ACCEPT", "m:3: [1:]: expected [PACKETS:BYTES]"),
            (":A - [0:0]\n:B - [0:0]\n-A PREROUTING -j A\n-A A -j B\n-A B -j A", "m:7: A: the chains call each other in a circle"),
            (":A - [0:0]\n-A A -m conntrack --ctstate NEW -j DROP\n-A INPUT -m limit -j LOG", nil),
            (":A - [0:0]\n-A A -m recent --name x --rcheck -j DROP\n-A PREROUTING -j A", "m:4: recent: no match that is understood here"),
            ("*nat", "m:3: *nat: COMMIT is missing before it"),
            ("COMMIT\nCOMMIT", "m:4: COMMIT: no table is open\nm:5: COMMIT: no table is open"),
        ] as [(String, String?)])
    func errors(lines: String, message: String?) {
        var said: String?
        do { _ = try Self.rules(lines) } catch { said = "\(error)" }
        #expect(said == message)
    }

    /// The other matches and targets of iptables-extensions(8), none of which may pass unnoticed where it could matter.
    @Test(arguments: [
        (
            "match",
            """
            ah bpf cgroup cluster connbytes connlabel connlimit cpu devgroup dst ecn esp eui64 frag hashlimit hbh helper ipv6header
            ipvs limit mh nfacct osf owner physdev policy quota rateest realm recent rt set socket statistic string tcpmss time u32
            unclean
            """
        ),
        (
            "target",
            """
            CLUSTERIP DNAT DNPT DSCP ECN HL HMARK MASQUERADE NETMAP NFQUEUE QUEUE REDIRECT SNAT SNPT SYNPROXY TCPMSS TCPOPTSTRIP
            TOS TPROXY TTL
            """
        ),
    ])
    func everyOtherExtensionIsRefused(kind: String, words: String) {
        for word in words.split(whereSeparator: \.isWhitespace) {
            let (rule, reason) =
                kind == "match"
                ? ("-m \(word) -j ACCEPT", "no match that is understood here")
                : ("-j \(word)", "no target that is understood here, and no chain")
            for family in [IPFamily.v4, .v6] {
                let error = #expect(throws: FileError.self) {
                    try Self.rules("-A PREROUTING -j MARK --set-mark 1\n-A PREROUTING \(rule)", family: family)
                }
                #expect(error?.description == "m:4: \(word): \(reason)")
            }
        }
    }

    @Test func aTruncatedFile() {
        let error = #expect(throws: FileError.self) { try MarksFile("*mangle\n:PREROUTING ACCEPT [0:0]", file: "m", family: .v4) }
        #expect(error?.description == "m:2: COMMIT is missing")
    }
}
