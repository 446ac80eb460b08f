import Links
import Testing
import Wire

private let web = CaptureMatch(.destination, address("10.0.0.1"), proto: 6, ports: 80...80)
private let portless = "icmp or ip[6:2] & 0x1fff != 0"

@Suite struct PacketFilters {
    @Test(
        arguments: [
            ("nothing but ARP", [], "arp"),
            ("one service", [web], "arp or ((ip dst host 10.0.0.1) and (tcp dst port 80 or \(portless)))"),
            (
                "touching and repeated ports become a range",
                [web, CaptureMatch(.destination, address("10.0.0.1"), proto: 6, ports: 81...90), web],
                "arp or ((ip dst host 10.0.0.1) and (tcp dst portrange 80-90 or \(portless)))"
            ),
            (
                "two protocols", [CaptureMatch(.destination, address("10.0.0.1"), proto: 17, ports: 53...53), web],
                "arp or ((ip dst host 10.0.0.1) and (tcp dst port 80 or udp dst port 53 or \(portless)))"
            ),
            (
                "a whole protocol swallows its ports", [web, CaptureMatch(.destination, address("10.0.0.1"), proto: 6)],
                "arp or ((ip dst host 10.0.0.1) and (ip proto 6 or \(portless)))"
            ),
            (
                "a whole address swallows everything", [web, CaptureMatch(.destination, address("10.0.0.1"))],
                "arp or ip dst host 10.0.0.1"
            ),
            (
                "the same service on two addresses", [web, CaptureMatch(.destination, address("10.0.0.9"), proto: 6, ports: 80...80)],
                "arp or ((ip dst host 10.0.0.1 or ip dst host 10.0.0.9) and (tcp dst port 80 or \(portless)))"
            ),
            (
                "neighbouring addresses become a prefix", (4...7).map { CaptureMatch(.destination, IPAddress(v4: 0x0a00_0000 + $0)) },
                "arp or ip dst net 10.0.0.4/30"
            ),
            (
                "answers of a real server", [CaptureMatch(.source, address("192.168.0.5"), proto: 17, ports: 53...53)],
                "arp or ((ip src host 192.168.0.5) and (udp src port 53 or \(portless)))"
            ),
            (
                "a network, as a mark rule has it",
                [CaptureMatch(.destination, address("10.1.2.3"), prefixLength: 16, proto: 6, ports: 1...1023)],
                "arp or ((ip dst net 10.1.0.0/16) and (tcp dst portrange 1-1023 or \(portless)))"
            ),
            (
                "a port anywhere", [CaptureMatch(.destination, address("0.0.0.0"), prefixLength: 0, ports: 80...80)],
                "arp or ((ip) and (dst port 80 or \(portless)))"
            ),
            (
                "IPv6", [CaptureMatch(.destination, address("2001:db8::1"), proto: 6, ports: 80...80)],
                "arp or icmp6 or ((ip6 dst host 2001:db8::1) and (tcp dst port 80"
                    + " or not (ip6[6] = 6 or ip6[6] = 17 or ip6[6] = 132)))"
            ),
            (
                "a protocol without ports", [CaptureMatch(.destination, address("10.0.0.1"), proto: 47, ports: 1...1)],
                "arp or ((ip dst host 10.0.0.1) and (ip proto 47 or \(portless)))"
            ),
        ] as [(String, [CaptureMatch], String)])
    func expressions(_ row: (name: String, captureMatches: [CaptureMatch], text: String)) throws {
        #expect(CaptureMatch.expression(row.captureMatches) == row.text)
        #expect(CaptureMatch.expression(row.captureMatches.reversed(), everyICMP: true).hasPrefix("arp or icmp or icmp6"))
        #expect(CaptureMatch.expression(row.captureMatches, tagged: true) == "(\(row.text)) or (vlan and (\(row.text)))")
        #expect(PacketFilter(accepting: row.captureMatches).precision == .ports)
        #expect(try PacketFilter(expression: row.text).count > 0)
    }

    static let captureMatches = [
        web, CaptureMatch(.destination, address("10.0.0.2")),
        CaptureMatch(.source, address("192.168.0.5"), proto: 17, ports: 53...60),
        CaptureMatch(.destination, address("2001:db8::1"), proto: 6, ports: 443...443),
    ]

    @Test(
        arguments: [
            ("the service", ip("1.1.1.1", "10.0.0.1", proto: 6, ports(9, 80)), true),
            ("its first fragment", ip("1.1.1.1", "10.0.0.1", proto: 6, ports(9, 80), fragment: 0x2000), true),
            ("a later fragment", ip("1.1.1.1", "10.0.0.1", proto: 6, ports(9, 9), fragment: 0x20b9), true),
            ("a later fragment to somebody else", ip("1.1.1.1", "10.0.0.7", proto: 6, ports(9, 9), fragment: 0x20b9), false),
            ("another port", ip("1.1.1.1", "10.0.0.1", proto: 6, ports(80, 81)), false),
            ("the port of another protocol", ip("1.1.1.1", "10.0.0.1", proto: 17, ports(9, 80)), false),
            ("another address", ip("10.0.0.1", "10.0.0.7", proto: 6, ports(80, 80)), false),
            ("ICMP to the service", ip("1.1.1.1", "10.0.0.1", proto: 1, ports(3, 0)), true),
            ("ICMP to somebody else", ip("1.1.1.1", "10.0.0.7", proto: 1, ports(3, 0)), false),
            ("anything to a whole address", ip("1.1.1.1", "10.0.0.2", proto: 89, []), true),
            ("an answer", ip("192.168.0.5", "1.1.1.1", proto: 17, ports(60, 9)), true),
            ("a question to a real server", ip("1.1.1.1", "192.168.0.5", proto: 17, ports(9, 53)), false),
            ("ICMP from a real server", ip("192.168.0.5", "1.1.1.1", proto: 1, ports(3, 3)), true),
            ("an IPv6 service", ip("2001:db8::9", "2001:db8::1", proto: 6, ports(9, 443)), true),
            ("another IPv6 port", ip("2001:db8::9", "2001:db8::1", proto: 6, ports(443, 80)), false),
            ("an IPv6 fragment", ip("2001:db8::9", "2001:db8::1", proto: 44, ports(0, 0)), true),
            ("IPv6 with destination options", ip("2001:db8::9", "2001:db8::1", proto: 60, ports(0, 0)), true),
            ("another IPv6 address", ip("2001:db8::9", "2001:db8::2", proto: 6, ports(9, 443)), false),
            ("a neighbour solicitation", ip("2001:db8::9", "ff02::1:ff00:1", proto: 58, [135] + ports(0, 0)), true),
            ("ARP", ethernet(EtherType.arp, [0, 1, 8, 0, 6, 4, 0, 1] + ports(0, 0)), true),
            ("another Ethernet type", ethernet(0x88cc, ports(0, 0)), false),
            ("a frame cut short", Array(ip("1.1.1.1", "10.0.0.1", proto: 6, ports(9, 80)).prefix(20)), false),
        ] as [(String, [UInt8], Bool)])
    func compiled(_ row: (name: String, frame: [UInt8], passes: Bool)) throws {
        var frame = row.frame
        let filter = PacketFilter(accepting: Self.captureMatches)
        #expect(frame.withBytes { filter.accepts($0) } == row.passes)
        #expect(frame.withBytes { PacketFilter.everything.accepts($0) })
        let both = try PacketFilter(expression: CaptureMatch.expression(Self.captureMatches, tagged: true))
        var behindTag = tagged(frame, 100)
        #expect(frame.withBytes { both.accepts($0) } == row.passes)
        #expect(behindTag.withBytes { both.accepts($0) } == row.passes)
    }

    @Test func everyICMP() {
        let filter = PacketFilter(accepting: [web], everyICMP: true)
        var frame = ip("1.1.1.1", "9.9.9.9", proto: 1, ports(3, 4))
        #expect(frame.withBytes { filter.accepts($0) })
    }

    @Test(arguments: [(1, PacketFilter.Precision.ports), (300, .ports), (500, .addresses), (5000, .everything)])
    func longListsFallBack(_ row: (count: Int, precision: PacketFilter.Precision)) {
        // Every other address, so that none join to prefixes, each with a port of its own.
        let captureMatches = (0..<row.count).map { index -> CaptureMatch in
            let port = UInt16(index * 3)
            return CaptureMatch(.destination, IPAddress(v4: 0x0a00_0000 + UInt32(index) * 2), proto: 6, ports: port...port)
        }
        let filter = PacketFilter(accepting: captureMatches)
        #expect(filter.precision == row.precision)
        #expect(filter.count <= PacketFilter.longest && (filter.count == 0) == (row.precision == .everything))
        let last = "\(IPAddress(v4: 0x0a00_0000 + UInt32(row.count - 1) * 2))"
        var wanted = ip("1.1.1.1", last, proto: 6, ports(9, row.count * 3 - 3))
        var otherPort = ip("1.1.1.1", last, proto: 6, ports(9, 60_001))
        var otherAddress = ip("1.1.1.1", "10.200.0.1", proto: 6, ports(9, 0))
        #expect(wanted.withBytes { filter.accepts($0) })
        #expect(otherPort.withBytes { filter.accepts($0) } == (row.precision != .ports))
        #expect(otherAddress.withBytes { filter.accepts($0) } == (row.precision == .everything))
    }

    @Test func badExpression() throws {
        let error = try #require(throws: LinkError.self) { try PacketFilter(expression: "tcp dst prt 80") }
        #expect(error.description.hasPrefix("filter \"tcp dst prt 80\": "))
    }
}
