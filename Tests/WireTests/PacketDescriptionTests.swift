import PacketKit
import Testing
import Wire

@Suite struct PacketDescriptionTests {
    struct Row: Sendable, CustomTestStringConvertible {
        let testDescription: String
        let packet: [UInt8], line: String
        init(_ what: String, _ packet: [UInt8], _ line: String) {
            testDescription = what
            self.packet = packet
            self.line = line
        }
    }

    private static let syn = Packet.tcp(from: "192.0.2.1:4000", to: "10.0.0.1:80", window: 100, ttl: 63, id: 7)
    private static let synWords = "192.0.2.1:4000 > 10.0.0.1:80 TCP [S] seq 1 win 100 len 40 ttl 63 id 7 DF"
    private static let syn6 = Packet.tcp(from: "[2001:db8::1]:4000", to: "[2001:db8::2]:80", flags: [.syn, .ack], ack: 2, window: 100)
    private static let syn6Words = "[2001:db8::1]:4000 > [2001:db8::2]:80 TCP [SA] seq 1 ack 2 win 100 len 20 ttl 64"
    private static let udp = Packet.udp(from: "192.0.2.1:4000", to: "10.0.0.1:53", payload: [UInt8](repeating: 7, count: 24))

    /// A TCP packet whose checksum the interface is to complete.
    private static func partial(_ packet: [UInt8]) -> [UInt8] {
        var sum = Checksum(), bytes = packet
        bytes.withBytes { window in
            guard let header = IPv4Header(window) else { return }
            sum.addPseudoHeader(from: header.source, to: header.destination, proto: 6, length: window.count - 20)
            window.setBig16(sum.folded, at: 36)
        }
        return bytes
    }

    @Test(arguments: [
        Row("TCP", syn, synWords),
        Row("TCP over IPv6", syn6, syn6Words),
        Row(
            "TCP options",
            Packet.tcp(from: "192.0.2.1:1", to: "10.0.0.1:2", options: hex("020405b4 0402 080a 00000001 00000002 01 030307 fe03aa 00")),
            "192.0.2.1:1 > 10.0.0.1:2 TCP [S] seq 1 win 65535 mss 1460 sackOK ts 1/2 wscale 7 option 254 aa len 64 ttl 64 id 0 DF"),
        Row(
            "selective acknowledgment",
            Packet.tcp(from: "192.0.2.1:1", to: "10.0.0.1:2", flags: [.ack], options: TCPOption.sack((1, 2), (3, 4))),
            "192.0.2.1:1 > 10.0.0.1:2 TCP [A] seq 1 ack 0 win 65535 sack 1-2,3-4 len 60 ttl 64 id 0 DF"),
        Row(
            "all flags", Packet.tcp(from: "192.0.2.1:1", to: "10.0.0.1:2", flags: TCPFlags(rawValue: 0xff), urgent: 9, df: false),
            "192.0.2.1:1 > 10.0.0.1:2 TCP [FSRPAUEC] seq 1 ack 0 win 65535 urgent 9 len 40 ttl 64 id 0"),
        Row("UDP", udp, "192.0.2.1:4000 > 10.0.0.1:53 UDP len 52 ttl 64 id 0"),
        Row(
            "UDP without checksum", Packet.udp(from: "192.0.2.1:4000", to: "10.0.0.1:53", checksum: false, tos: 0x2e),
            "192.0.2.1:4000 > 10.0.0.1:53 UDP len 28 ttl 64 id 0 tos 0x2e"),
        Row(
            "UDP over IPv6 without checksum", Packet.udp(from: "[2001:db8::1]:1", to: "[2001:db8::2]:2", checksum: false),
            "[2001:db8::1]:1 > [2001:db8::2]:2 UDP <no UDP checksum> len 8 ttl 64"),
        Row(
            "SCTP", Packet.sctp(from: "192.0.2.1:1", to: "10.0.0.1:2", chunks: [.cookieEcho, .data(), .shutdownComplete, SCTPChunk(200)]),
            "192.0.2.1:1 > 10.0.0.1:2 SCTP [COOKIE-ECHO DATA SHUTDOWN-COMPLETE chunk 200] tag 0x01020304 len 68 ttl 64 id 0 DF"),
        Row(
            "echo", Packet.echo(from: "192.0.2.1", to: "10.0.0.1", identifier: 5, sequence: 6),
            "192.0.2.1 > 10.0.0.1 ICMP 8/0 echo 5/6 len 32 ttl 64 id 0"),
        Row(
            "echo reply over IPv6", Packet.echo(from: "2001:db8::1", to: "2001:db8::2", reply: true),
            "2001:db8::1 > 2001:db8::2 ICMPv6 129/0 echo reply 1/1 len 12 ttl 64"),
        Row(
            "fragmentation needed with a classic quote",
            Packet.tooBig(from: "10.0.0.9", to: "192.0.2.1", mtu: 1400, quoting: syn, limit: 28),
            "10.0.0.9 > 192.0.2.1 ICMP 3/4 fragmentation needed mtu 1400 len 56 ttl 64 id 0 [192.0.2.1:4000 > 10.0.0.1:80 TCP seq 1 len 40 ttl 63 id 7 DF]"
        ),
        Row(
            "packet too big", Packet.tooBig(from: "2001:db8::9", to: "2001:db8::1", mtu: 1280, quoting: syn6),
            "2001:db8::9 > 2001:db8::1 ICMPv6 2/0 packet too big mtu 1280 len 68 ttl 64 [\(syn6Words)]"),
        Row(
            "redirect", Packet.icmpError(from: "10.0.0.9", to: "192.0.2.1", type: 5, code: 1, rest: 0x0a00_0002, quoting: udp, limit: 28),
            "10.0.0.9 > 192.0.2.1 ICMP 5/1 redirect host to 10.0.0.2 len 56 ttl 64 id 0 [192.0.2.1:4000 > 10.0.0.1:53 UDP len 52 ttl 64 id 0]"
        ),
        Row(
            "an unknown ICMP type", Packet.icmp(from: "10.0.0.9", to: "192.0.2.1", type: 99, code: 1, rest: 1),
            "10.0.0.9 > 192.0.2.1 ICMP 99/1 rest 0x00000001 len 28 ttl 64 id 0"),
        Row(
            "neighbour solicitation", Packet.neighborSolicitation(from: "fe80::1", target: "2001:db8::1", linkAddress: "02:00:00:00:00:01"),
            "fe80::1 > ff02::1:ff00:1 ICMPv6 135/0 neighbour solicitation who has 2001:db8::1? tell 02:00:00:00:00:01 len 32 ttl 255"),
        Row(
            "neighbour advertisement",
            Packet.neighborAdvertisement(
                from: "fe80::1", target: "2001:db8::1", linkAddress: "02:00:00:00:00:01", router: true, solicited: true),
            "fe80::1 > ff02::1 ICMPv6 136/0 neighbour advertisement 2001:db8::1 is at 02:00:00:00:00:01 [RSO] len 32 ttl 255"),
        Row(
            "IPIP", syn.ipip(from: "172.31.255.1", to: "10.1.1.1", id: 9),
            "172.31.255.1 > 10.1.1.1 proto 4 len 60 ttl 63 id 9 DF | \(synWords)"),
        Row("6in4", syn6.ipip(from: "172.31.255.1", to: "10.1.1.1"), "172.31.255.1 > 10.1.1.1 proto 41 len 80 ttl 64 id 0 | \(syn6Words)"),
        Row("4in6", syn.ipip(from: "fd00::1", to: "fd00::2"), "fd00::1 > fd00::2 proto 4 len 40 ttl 63 | \(synWords)"),
        Row("GRE", syn.gre(from: "172.31.255.1", to: "10.1.1.1"), "172.31.255.1 > 10.1.1.1 proto 47 len 64 ttl 63 id 0 DF | \(synWords)"),
        Row(
            "GRE with all options", syn.gre(from: "172.31.255.1", to: "10.1.1.1", checksum: true, key: 7, sequence: 8).with(0, 0, at: 24),
            "172.31.255.1 > 10.1.1.1 proto 47 csum 0x0000 key 0x00000007 seq 8 <bad GRE checksum> len 76 ttl 63 id 0 DF | \(synWords)"),
        Row(
            "GUE", syn.gue(from: "172.31.255.1:40000", to: "10.1.1.1:6080"),
            "172.31.255.1:40000 > 10.1.1.1:6080 UDP len 72 ttl 63 id 0 DF | \(synWords)"),
        Row(
            "GUE variant 1", syn6.gue(from: "172.31.255.1:40000", to: "10.1.1.1:6080", variant: 1),
            "172.31.255.1:40000 > 10.1.1.1:6080 UDP GUE variant 1 len 88 ttl 64 id 0 | \(syn6Words)"),
        Row(
            "GUE with remote checksum offload",
            syn.gue(from: "172.31.255.1:40000", to: "10.1.1.1:6080", flags: 1, options: hex("80000000 00140024")),
            "172.31.255.1:40000 > 10.1.1.1:6080 UDP GUE flags 0x0001 remcsum 20/36 len 80 ttl 63 id 0 DF | \(synWords)"),
        Row(
            "an error about a tunnel packet",
            Packet.icmpError(
                from: "10.9.9.9", to: "172.31.255.1", type: 11, quoting: syn.ipip(from: "172.31.255.1", to: "10.1.1.1"), limit: 48),
            "10.9.9.9 > 172.31.255.1 ICMP 11/0 time exceeded len 76 ttl 64 id 0 [172.31.255.1 > 10.1.1.1 proto 4 len 60 ttl 63 id 0 DF | 192.0.2.1:4000 > 10.0.0.1:80 TCP seq 1 len 40 ttl 63 id 7 DF]"
        ),
        Row("first fragment", udp.fragments(16)[0], "192.0.2.1:4000 > 10.0.0.1:53 UDP len 36 ttl 64 id 0 frag 0+"),
        Row(
            "first fragment of a tunnel", Packet.ip(from: "10.0.0.1", to: "10.0.0.9", proto: 4, payload: syn).fragments(24)[0],
            "10.0.0.1 > 10.0.0.9 proto 4 len 44 ttl 64 id 0 frag 0+ | 192.0.2.1:4000 > 10.0.0.1:80 TCP len 40 ttl 63 id 7 DF"),
        Row("first fragment with the ports only", syn.fragments(8)[0], "192.0.2.1:4000 > 10.0.0.1:80 TCP len 28 ttl 63 id 7 frag 0+"),
        Row("middle fragment", udp.fragments(16, 8)[1], "192.0.2.1 > 10.0.0.1 UDP len 28 ttl 64 id 0 frag 16+"),
        Row("last fragment", udp.fragments(16)[1], "192.0.2.1 > 10.0.0.1 UDP len 36 ttl 64 id 0 frag 16"),
        Row("last IPv6 fragment", syn6.fragments(8, id: 0xab)[1], "2001:db8::1 > 2001:db8::2 TCP len 20 ttl 64 fragid 0x000000ab frag 8"),
        Row(
            "extension headers", syn6.extensionHeaders(.hopByHop(), .routing(), .authentication(), .destinationOptions()),
            syn6Words.replacing("len 20", with: "len 68") + " hop-by-hop routing AH destination-options"),
        Row(
            "traffic class and flow label", Packet.ip(from: "2001:db8::1", to: "2001:db8::2", proto: 59, tos: 0xb8, flow: 0xabc),
            "2001:db8::1 > 2001:db8::2 no next header len 0 ttl 64 tos 0xb8 flow 0xabc"),
        Row(
            "another protocol", Packet.ip(from: "192.0.2.1", to: "10.0.0.1", proto: 50, payload: [1]),
            "192.0.2.1 > 10.0.0.1 ESP len 21 ttl 64 id 0"),
        Row("partial TCP checksum", partial(syn), synWords.replacing(" len 40", with: " partial checksum len 40")),
        Row("IPv4 options", syn.ipOptions(hex("94 04 00 00")), synWords.replacing("len 40", with: "len 44") + " options 94040000"),
    ])
    func packets(_ row: Row) { #expect(reading(row.packet) { PacketDescription(ip: $0).description } == row.line) }

    @Test(arguments: [
        Row("nothing", [], "<empty>"),
        Row("another version", hex("75 00"), "<version 7> 7500"),
        Row("short IPv4 header", Array(syn.prefix(19)), "<short IPv4 header> 45000028000740003f066fc7c00002010a0000"),
        Row("short IPv6 header", Array(syn6.prefix(8)), "<short IPv6 header> 6000000000140640"),
        Row(
            "header length below 20", syn.with(0x44, at: 0),
            "192.0.2.1 > 10.0.0.1 TCP len 40 ttl 63 id 7 DF <bad header length 16> 0fa00050000000010000000050020064d38b0000"),
        Row("wrong header checksum", syn.with(9, at: 8), synWords.replacing("ttl 63", with: "ttl 9") + " <bad header checksum>"),
        Row("wrong TCP checksum", syn.with(0, 0, at: 36), synWords.replacing(" len 40", with: " <bad TCP checksum> len 40")),
        Row("total length behind the end", Array(udp.prefix(40)), "192.0.2.1:4000 > 10.0.0.1:53 UDP len 52 ttl 64 id 0 <bad total length>"),
        Row(
            "data offset below 20", syn6.with(0x40, at: 52),
            syn6Words.replacing(" len 20", with: " <bad data offset 16> <bad TCP checksum> len 20")),
        Row(
            "TCP header cut off", Packet.ip(from: "192.0.2.1", to: "10.0.0.1", proto: 6, payload: hex("0001 0002 aabb")),
            "192.0.2.1:1 > 10.0.0.1:2 TCP len 26 ttl 64 id 0 <short TCP header> aabb"),
        Row(
            "no ports", Packet.ip(from: "192.0.2.1", to: "10.0.0.1", proto: 17, payload: hex("00 01 02")),
            "192.0.2.1 > 10.0.0.1 UDP len 23 ttl 64 id 0 <short UDP header> 000102"),
        Row("wrong UDP length", udp.with(9, at: 25), "192.0.2.1:4000 > 10.0.0.1:53 UDP <bad UDP length 9> len 52 ttl 64 id 0"),
        Row(
            "wrong option length", Packet.tcp(from: "192.0.2.1:1", to: "10.0.0.1:2", options: hex("0402 0209")),
            "192.0.2.1:1 > 10.0.0.1:2 TCP [S] seq 1 win 65535 sackOK <bad TCP options> len 44 ttl 64 id 0 DF"),
        Row(
            "wrong chunk length",
            Packet.ip(from: "192.0.2.1", to: "10.0.0.1", proto: 132, payload: hex("0001 0002 00000003 00000000 00 03 0003")),
            "192.0.2.1:1 > 10.0.0.1:2 SCTP [DATA] tag 0x00000003 <bad chunk length 3> <bad SCTP checksum> len 36 ttl 64 id 0"),
        Row(
            "short ICMP header", Packet.ip(from: "192.0.2.1", to: "10.0.0.1", proto: 1, payload: hex("03 04 00")),
            "192.0.2.1 > 10.0.0.1 ICMP 3/4 len 23 ttl 64 id 0 <short ICMP header> 030400"),
        Row(
            "wrong ICMP checksum", Packet.echo(from: "192.0.2.1", to: "10.0.0.1").with(0, 0, at: 22),
            "192.0.2.1 > 10.0.0.1 ICMP 8/0 echo 1/1 <bad ICMP checksum> len 32 ttl 64 id 0"),
        Row(
            "an error that quotes nothing", Packet.icmp(from: "192.0.2.1", to: "10.0.0.1", type: 3, code: 3),
            "192.0.2.1 > 10.0.0.1 ICMP 3/3 port unreachable len 28 ttl 64 id 0 [<empty>]"),
        Row(
            "extension header cut off", Array(syn6.extensionHeaders(.hopByHop(words: 2)).prefix(50)),
            "2001:db8::1 > 2001:db8::2 hop-by-hop len 36 ttl 64 <bad payload length> <bad extension header> 0601010c000000000000"),
        Row(
            "payload length behind the end", Array(syn6.prefix(59)),
            "[2001:db8::1]:4000 > [2001:db8::2]:80 TCP len 20 ttl 64 <bad payload length> <short TCP header> 000000010000000250120064440700"
        ),
        Row(
            "mapped address on an IPv6 wire", syn6.with(0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 10, 0, 0, 1, at: 8),
            "[::ffff:10.0.0.1]:4000 > [2001:db8::2]:80 TCP [SA] seq 1 ack 2 win 100 <bad TCP checksum> len 20 ttl 64 <mapped address>"),
        Row(
            "GRE header that its flags do not fit", Packet.ip(from: "192.0.2.1", to: "10.0.0.1", proto: 47, payload: hex("b000 0800 0000")),
            "192.0.2.1 > 10.0.0.1 proto 47 len 26 ttl 64 id 0 <bad GRE header> b00008000000"),
        Row(
            "GUE variant 3", Packet.udp(from: "192.0.2.1:1", to: "10.0.0.1:6080", payload: hex("c0 04 00 00")),
            "192.0.2.1:1 > 10.0.0.1:6080 UDP len 32 ttl 64 id 0 <bad GUE header> c0040000"),
        Row(
            "another version inside",
            Packet.ip(from: "192.0.2.1", to: "10.0.0.1", proto: 4, payload: Packet.ip(from: "::1", to: "::2", proto: 59)),
            "192.0.2.1 > 10.0.0.1 proto 4 len 60 ttl 64 id 0 | <version 6, not 4> ::1 > ::2 no next header len 0 ttl 64"),
    ])
    func malformedPackets(_ row: Row) { #expect(reading(row.packet) { PacketDescription(ip: $0).description } == row.line) }

    private static let macs = "02:00:00:00:00:01 > 02:00:00:00:00:02"

    @Test(arguments: [
        Row("Ethernet", syn.ethernet(), "\(macs) \(synWords)"),
        Row("VLAN", syn.ethernet().vlan(5), "\(macs) vlan 5 \(synWords)"),
        Row(
            "VLAN in a service VLAN", syn.ethernet().vlan(5).vlan(6, priority: 3, type: 0x88a8),
            "\(macs) service vlan 6 priority 3 vlan 5 \(synWords)"),
        Row("padding is not shown", syn.ethernet() + [UInt8](repeating: 0, count: 6), "\(macs) \(synWords)"),
        Row(
            "ARP request", Packet.arp(request: true, senderMAC: "02:00:00:00:00:01", sender: "10.0.0.1", target: "10.0.0.2"),
            "02:00:00:00:00:01 > ff:ff:ff:ff:ff:ff ARP who has 10.0.0.2? tell 10.0.0.1 at 02:00:00:00:00:01"),
        Row(
            "ARP reply",
            Packet.arp(
                request: false, senderMAC: "02:00:00:00:00:01", sender: "10.0.0.1", targetMAC: "02:00:00:00:00:02", target: "10.0.0.2"),
            "\(macs) ARP 10.0.0.1 is at 02:00:00:00:00:01 told to 10.0.0.2 at 02:00:00:00:00:02"),
        Row(
            "gratuitous ARP", Packet.arp(request: true, senderMAC: "02:00:00:00:00:01", sender: "10.0.0.1", target: "10.0.0.1"),
            "02:00:00:00:00:01 > ff:ff:ff:ff:ff:ff ARP 10.0.0.1 is at 02:00:00:00:00:01, asked of all"),
        Row("short ARP", hex("ffffffffffff 020000000001 0806 0001"), "02:00:00:00:00:01 > ff:ff:ff:ff:ff:ff ARP <short ARP packet> 0001"),
        Row(
            "ARP for something else", hex("ffffffffffff 020000000001 0806 0006 0800 06 04 0001"),
            "02:00:00:00:00:01 > ff:ff:ff:ff:ff:ff ARP <not Ethernet and IPv4> 0006080006040001"),
        Row("another type", hex("020000000002 020000000001 88cc 0102"), "\(macs) type 0x88cc len 2"),
        Row("802.3", hex("020000000002 020000000001 0003 424203"), "\(macs) 802.3 len 3"),
        Row("version against type", syn.ethernet(type: 0x86dd), "\(macs) <version 4 in type 0x86dd> \(synWords)"),
        Row("short frame", hex("020000000002 0200"), "<short Ethernet header> 0200000000020200"),
        Row("short tag", hex("020000000002 020000000001 8100 0005"), "\(macs) <short VLAN tag> 0005"),
    ])
    func frames(_ row: Row) { #expect(reading(row.packet) { PacketDescription($0).description } == row.line) }

    @Test func portsOfGUEAreGiven() {
        let packet = Self.syn.gue(from: "172.31.255.1:40000", to: "10.1.1.1:5555")
        #expect(reading(packet) { PacketDescription(ip: $0).description } == "172.31.255.1:40000 > 10.1.1.1:5555 UDP len 72 ttl 63 id 0 DF")
        #expect(reading(packet) { PacketDescription(ip: $0, guePorts: [5555]).description }.hasSuffix("| \(Self.synWords)"))
    }

    @Test func nestingEnds() {
        var packet = Self.syn
        for _ in 0..<30 { packet = packet.ipip(from: "10.0.0.1", to: "10.0.0.2") }
        #expect(reading(packet) { PacketDescription(ip: $0).description }.hasSuffix("| <nested too deep>"))
        for _ in 0..<30 { packet = Packet.icmpError(from: "10.0.0.1", to: "10.0.0.2", type: 3, quoting: packet, limit: 10000) }
        #expect(reading(packet) { PacketDescription(ip: $0).description }.count < 2000)
    }
}
