import PacketKit
import Testing
import Wire

/// The packet kit judges what other tests see, so it is judged here.
@Suite struct ExpectationTests {
    private static let syn = Packet.tcp(from: "192.0.2.1:4000", to: "10.0.0.1:80", ttl: 63, id: 7)
    private static let udp6 = Packet.udp(from: "[2001:db8::1]:4000", to: "[2001:db8::2]:53", payload: hex("61 62 63"))

    @Test func rightFramesPass() {
        expect(
            Self.syn, .ipv4(.source("192.0.2.1"), .destination("10.0.0.1"), .ttl(63), .id(7), .df(true), .mf(false), .tos(0)),
            .tcp(.sourcePort(4000), .destinationPort(80), .flags(.syn), .seq(1), .ack(0), .window(65535)), .payload([]))
        expect(Self.syn.ethernet().vlan(5), .ethernet(.vlan(5), .type(0x0800), .source("02:00:00:00:00:01")), .ipv4(), .tcp())
        expect(Self.syn.ethernet(), .ipv4(.length(40)), .tcp(.options([])))
        expect(Self.udp6, .ipv6(.proto(17), .ttl(64), .flow(0)), .udp(.length(11), .checksummed(true)), .payload(hex("61 62 63")))
        expect(
            Packet.sctp(from: "192.0.2.1:4000", to: "10.0.0.1:80", chunks: [.cookieEcho, .data(hex("61"))]),
            .ipv4(), .sctp(.chunks([10, 0]), .tag(0x0102_0304)))
        expect(Self.syn.ipOptions(hex("94 04 00 00")), .ipv4(.options(hex("94 04 00 00"))), .tcp())
        expect(Self.udp6.extensionHeaders(.hopByHop(), .authentication()), .ipv6(.extensions([0, 51])), .udp())
    }

    @Test func rightTunnelsAndQuotesPass() {
        expect(Self.syn.ipip(from: "10.9.9.1", to: "10.9.9.2"), .ipv4(.proto(4), .ttl(63)), .ipv4(.ttl(63)), .tcp())
        expect(Self.udp6.ipip(from: "10.9.9.1", to: "10.9.9.2"), .ipv4(.proto(41)), .ipv6(), .udp())
        expect(
            Self.syn.gre(from: "10.9.9.1", to: "10.9.9.2", checksum: true, key: 5),
            .ipv4(), .gre(.checksummed(true), .proto(0x0800)), .ipv4(), .tcp())
        expect(
            Self.syn.gue(from: "[fd00::1]:40000", to: "[fd00::2]:6080", checksum: true),
            .ipv6(), .udp(.checksummed(true)), .gue(.header(hex("00 04 00 00")), .proto(4)), .ipv4(), .tcp())
        expect(Self.udp6.gue(from: "10.9.9.1:40000", to: "10.9.9.2:6080", variant: 1), .ipv4(), .udp(), .gue(.header([])), .ipv6(), .udp())
        expect(
            Packet.tooBig(from: "10.0.0.9", to: "192.0.2.1", mtu: 1400, quoting: Self.syn, limit: 28),
            .ipv4(), .icmp(.type(3), .code(4), .rest(1400)), .quoting(.ipv4(.length(40)), .tcp(.sourcePort(4000))))
        expect(
            Packet.tooBig(from: "2001:db8::9", to: "2001:db8::1", mtu: 1400, quoting: Self.udp6),
            .ipv6(), .icmp(.type(2)), .quoting(.ipv6(), .udp()))
    }

    @Test func rightFragmentsPass() {
        let datagram = Packet.udp(from: "192.0.2.1:4000", to: "10.0.0.1:53", payload: [UInt8](0..<100), id: 9)
        let pieces = datagram.fragments(48, 32)
        #expect(pieces.count == 3)
        expect(pieces[0], .ipv4(.offset(0), .mf(true), .length(68), .id(9)), .udp(.length(108)))
        expect(pieces[1], .ipv4(.offset(48), .mf(true), .length(52)))
        expect(pieces[2], .ipv4(.offset(80), .mf(false), .length(48)))
        #expect(pieces.flatMap { $0.dropFirst(20) } == Array(datagram.dropFirst(20)))
        let pieces6 = Self.udp6.fragments(8, id: 0xabcd)
        expect(pieces6[0], .ipv6(.offset(0), .mf(true), .id(0xabcd), .extensions([44])), .udp())
        expect(pieces6[1], .ipv6(.offset(8), .mf(false), .id(0xabcd), .proto(17)), .payload(hex("61 62 63")))
    }

    @Test(
        arguments: [
            (syn, [.ipv4(.ttl(64))], ["ipv4 ttl: got 63, want 64"]),
            (syn, [.ipv4(), .tcp(.flags([.syn, .ack]), .seq(2))], ["tcp flags: got S, want SA", "tcp seq: got 1, want 2"]),
            (syn, [.ipv4(), .udp()], ["udp: protocol is 6"]),
            (syn, [.ipv6()], ["ipv6: no IPv6 header"]),
            (syn.with(9, at: 8), [.ipv4()], ["ipv4: bad header checksum"]),
            (syn.with(9, at: 39), [.ipv4(), .tcp()], ["tcp: bad checksum"]),
            (syn + [0], [.ipv4()], ["ipv4: total length 40, but 41 bytes"]),
            (Array(syn.prefix(30)), [.ipv4(), .tcp()], ["ipv4: total length 40, but 30 bytes", "tcp: only 10 bytes"]),
            (udp6.with(9, at: 50), [.ipv6(), .udp()], ["udp: bad checksum"]),
            (udp6.with(9, at: 45), [.ipv6(), .udp()], ["udp: length 9, but 11 bytes", "udp: bad checksum"]),
            (
                udp6, [.ipv6(.source("2001:db8::9"), .extensions([0]))],
                ["ipv6 source: got 2001:db8::1, want 2001:db8::9", "ipv6 extension headers: got no bytes, want 00"]
            ),
            (udp6, [.ipv6(), .udp(), .payload(hex("61"))], ["payload: got 61 62 63, want 61"]),
            (
                syn.ethernet(), [.ethernet(.vlan(5), .destination("02:00:00:00:00:09"))],
                ["ethernet vlan: got none, want 5", "ethernet destination: got 02:00:00:00:00:02, want 02:00:00:00:00:09"]
            ),
            (syn.gre(from: "10.0.0.1", to: "10.0.0.2", checksum: true).with(9, at: 60), [.ipv4(), .gre()], ["gre: bad checksum"]),
            (Packet.echo(from: "10.0.0.1", to: "10.0.0.2").with(9, at: 30), [.ipv4(), .icmp()], ["icmp: bad checksum"]),
            (
                Packet.sctp(from: "10.0.0.1:1", to: "10.0.0.2:2", chunks: [.abort]).with(9, at: 33), [.ipv4(), .sctp()],
                ["sctp: bad checksum"]
            ),
            (
                Packet.tooBig(from: "10.0.0.9", to: "192.0.2.1", mtu: 1400, quoting: syn), [.ipv4(), .icmp(), .quoting(.ipv4(.ttl(1)))],
                ["quoted ipv4 ttl: got 63, want 1"]
            ),
        ] as [([UInt8], [Layer], [String])])
    func wrongFramesAreNamed(bytes: [UInt8], layers: [Layer], complaints: [String]) {
        #expect(mismatches(bytes, layers) == complaints)
    }

    @Test func endpoints() {
        #expect(Endpoint(stringLiteral: "192.0.2.1:80") == Endpoint(ipAddress("192.0.2.1"), 80))
        #expect(Endpoint(stringLiteral: "[2001:db8::1]:80") == Endpoint(ipAddress("2001:db8::1"), 80))
        #expect(Endpoint(stringLiteral: "2001:db8::1") == Endpoint(ipAddress("2001:db8::1"), 0))
        let port = 8080
        #expect("10.0.0.1:\(port)" == Endpoint(ipAddress("10.0.0.1"), 8080))
    }

    @Test func hexIsReadAndWritten() {
        #expect(hex("45 00\n00:28 # length\nff") == [0x45, 0, 0, 0x28, 0xff])
        #expect(hexDump([UInt8](0..<18)) == "00 01 02 03 04 05 06 07 08 09 0a 0b 0c 0d 0e 0f\n10 11")
    }
}
