import LVS
import PacketKit
import Testing
import Wire

import enum PacketKit.Packet

private let client: Endpoint = "198.51.100.7:4000"
private let host: Endpoint = "203.0.113.10:9999"
private let client6: Endpoint = "[2001:db8:c::7]:4000"
private let host6: Endpoint = "[2001:db8:f::10]:9999"

/// What the host says to packets that nobody on it wants, as kernel 6.1 does.
struct HostStackTests {
    private static func bench() throws -> TranslationFixture {
        let bench = TranslationFixture()
        try bench.serve("203.0.113.10:80", "10.2.0.11:80", method: .directRouting)
        try bench.serve("[2001:db8:f::10]:80", "[fd00:2::11]:80", method: .directRouting)
        return bench
    }

    @Test(
        "Protocols",
        arguments: [
            // Family, protocol, verdict, ICMP type and code.
            (4, 99, .protocolUnreachable, "3/2"), (4, 2, .protocolUnreachable, "3/2"), (4, 50, .protocolUnreachable, "3/2"),
            (4, 4, .portUnreachable, "3/3"), (4, 41, .portUnreachable, "3/3"), (4, 136, .noResponder, nil),
            (4, 47, .portUnreachable, "3/3"),
            (6, 99, .protocolUnreachable, "4/1"), (6, 47, .protocolUnreachable, "4/1"), (6, 4, .portUnreachable, "1/4"),
            (6, 41, .portUnreachable, "1/4"), (6, 59, .noResponder, nil), (6, 136, .noResponder, nil),
        ] as [(Int, UInt8, Verdict, String?)])
    func protocols(version: Int, proto: UInt8, verdict: Verdict, answer: String?) throws {
        let bench = try Self.bench()
        let payload = [UInt8](repeating: 0, count: 40)
        let out = bench.send(
            version == 4
                ? Packet.ip(from: client, to: host, proto: proto, payload: payload)
                : Packet.ip(from: client6, to: host6, proto: proto, payload: payload))
        #expect(bench.verdict == verdict)
        let start = version == 4 ? 34 : 54
        #expect(out.first.map { "\($0[start])/\($0[start + 1])" } == answer)
    }

    @Test(
        "Type of service of answers",
        arguments: [
            // Of the packet; of echo reply, reset and port unreachable.
            (0x00, 0x00, 0x00, 0xc0), (0x02, 0x02, 0x00, 0xc2), (0x03, 0x03, 0x00, 0xc2), (0x2e, 0x2e, 0x2c, 0xce),
            (0xfc, 0xfc, 0xfc, 0xdc), (0xff, 0xff, 0xfc, 0xde),
        ] as [(UInt8, UInt8, UInt8, UInt8)])
    func typeOfService(_ tos: UInt8, _ echo: UInt8, _ reset: UInt8, _ error: UInt8) throws {
        let bench = try Self.bench()
        let ping = bench.send(Packet.icmp(from: client, to: host, type: 8, payload: hex("01 02 03"), tos: tos, df: true))
        expect(try #require(ping.first), .ipv4(.tos(echo), .df(false), .ttl(64)), .icmp(.type(0)))
        let syn = bench.send(Packet.tcp(from: client, to: host, tos: tos))
        expect(try #require(syn.first), .ipv4(.tos(reset), .df(true), .id(0), .ttl(64)), .tcp(.flags([.rst, .ack]), .ack(2), .window(0)))
        let datagram = bench.send(Packet.udp(from: client, to: host, payload: hex("01"), ttl: 1, tos: tos))
        expect(try #require(datagram.first), .ipv4(.tos(error), .df(false)), .icmp(.type(3), .code(3)), .quoting(.ipv4(.ttl(1), .tos(tos))))
        let ping6 = bench.send(Packet.icmp(from: client6, to: host6, type: 128, payload: hex("01 02 03"), tos: tos))
        expect(try #require(ping6.first), .ipv6(.tos(echo), .ttl(64)), .icmp(.type(129)))
        let syn6 = bench.send(Packet.tcp(from: client6, to: host6, tos: tos))
        expect(try #require(syn6.first), .ipv6(.tos(reset)), .tcp(.flags([.rst, .ack])))
        let datagram6 = bench.send(Packet.udp(from: client6, to: host6, payload: hex("01"), tos: tos))
        expect(try #require(datagram6.first), .ipv6(.tos(0)), .icmp(.type(1), .code(4)))
    }

    @Test(
        "Resets",
        arguments: [
            (.syn, .rst.union(.ack), 0, 1001), (.fin, .rst.union(.ack), 0, 1001), ([], .rst.union(.ack), 0, 1000), (.ack, .rst, 77, 0),
            ([.syn, .ack], .rst, 77, 0), ([.fin, .ack], .rst, 77, 0), ([.syn, .fin], .rst.union(.ack), 0, 1002), (.rst, nil, 0, 0),
            ([.syn, .rst], nil, 0, 0),
        ] as [(TCPFlags, TCPFlags?, Int, Int)])
    func resets(_ flags: TCPFlags, _ answer: TCPFlags?, _ seq: Int, _ ack: Int) throws {
        let bench = try Self.bench()
        for (source, destination) in [(client, host), (client6, host6)] {
            let out = bench.send(Packet.tcp(from: source, to: destination, flags: flags, seq: 1000, ack: 77))
            #expect(bench.verdict == (answer == nil ? .noResponder : .reset))
            guard let answer else { continue }
            let ip: Layer = source.address.isV4 ? .ipv4(.source(destination)) : .ipv6(.source(destination))
            expect(try #require(out.first), ip, .tcp(.flags(answer), .seq(seq), .ack(ack)))
        }
    }

    @Test("ICMP that has no answer", arguments: [0, 3, 5, 9, 10, 11, 12, 14, 15, 17, 30, 42, 255] as [UInt8])
    func unanswered(type: UInt8) throws {
        let bench = try Self.bench()
        #expect(bench.send(Packet.icmp(from: client, to: host, type: type, payload: [UInt8](repeating: 0, count: 12))) == [])
        #expect(bench.verdict == .passICMP)
    }

    @Test("The time of day is told to who gives room for it", arguments: [(0, false), (3, false), (4, true), (12, true), (20, true)])
    func timestamps(length: Int, isTold: Bool) throws {
        let bench = try Self.bench()
        let out = bench.send(
            Packet.icmp(
                from: client, to: host, type: 13, code: 1, rest: 0x1234_0001,
                payload: Array([9, 8, 7, 6] + [UInt8](repeating: 1, count: 16)).prefix(length).map { $0 }))
        #expect(out.count == (isTold ? 1 : 0))
        if isTold { expect(out[0], .ipv4(.length(40)), .icmp(.type(14), .code(0), .rest(0x1234_0001))) }
        #expect(out.first.map { Array($0[42..<46]) } == (isTold ? [9, 8, 7, 6] : nil))
    }

    @Test("Wrong checksums have no answer")
    func checksums() throws {
        let bench = try Self.bench()
        for sound in [
            Packet.tcp(from: client, to: host), Packet.udp(from: client, to: host, payload: hex("01 02")),
            Packet.echo(from: client, to: host),
            Packet.tcp(from: client6, to: host6), Packet.udp(from: client6, to: host6, payload: hex("01 02")),
            Packet.echo(from: client6, to: host6),
        ] {
            #expect(bench.send(sound).count == 1)
            #expect(bench.send(sound.with(sound[sound.count - 1] ^ 1, at: sound.count - 1)) == [])
            #expect(bench.verdict == .noResponder)
        }
        #expect(bench.send(Packet.udp(from: client, to: host, payload: hex("01"), checksum: false)).count == 1)
        #expect(bench.send(Packet.udp(from: client6, to: host6, payload: hex("01"), checksum: false)) == [])
    }

    @Test("What follows a datagram in its packet is not quoted")
    func trailing() throws {
        let bench = try Self.bench()
        let datagram = Packet.udp(from: client, to: host, payload: hex("01 02"))
        let out = bench.send(Packet.ip(from: client, to: host, proto: 17, payload: Array(datagram[20...]) + hex("aa bb cc")))
        expect(try #require(out.first), .ipv4(.length(28 + 30)), .icmp(.type(3), .code(3)))
    }

    @Test(
        "Addresses that no packet may come from or go to",
        arguments: [
            ("0.0.0.0:1", "203.0.113.10:80"), ("127.0.0.1:1", "203.0.113.10:80"), ("224.1.1.1:1", "203.0.113.10:80"),
            ("255.255.255.255:1", "203.0.113.10:80"),
            ("203.0.113.10:1", "203.0.113.10:80"), ("10.2.0.1:1", "203.0.113.10:80"), ("198.51.100.7:1", "127.0.0.1:80"),
            ("[::1]:1", "[2001:db8:f::10]:80"),
        ] as [(Endpoint, Endpoint)])
    func martians(_ source: Endpoint, _ destination: Endpoint) throws {
        let bench = try Self.bench()
        #expect(bench.send(Packet.tcp(from: source, to: destination)) == [])
        #expect(bench.verdict == .martian)
        #expect(bench.send(Packet.udp(from: source, to: Endpoint(destination.address, 9999))) == [])
    }

    @Test(
        "Addresses that are merely odd",
        arguments: [("240.0.0.1:1", "203.0.113.10:80"), ("0.1.2.3:1", "203.0.113.10:80"), ("[fe80::5]:1", "[2001:db8:f::10]:80")]
            as [(Endpoint, Endpoint)])
    func odd(_ source: Endpoint, _ destination: Endpoint) throws {
        let bench = try Self.bench()
        bench.send(Packet.tcp(from: source, to: destination))
        #expect(bench.verdict == .directRouting)
    }

    @Test(
        "IPv6 extension headers, towards a service and towards the host",
        arguments: [
            // The header; verdict for the service and for the host; ICMP answer of the host with its pointer.
            (.hopByHop(), .directRouting, .portUnreachable, "1/4 0"), (.destinationOptions(), .directRouting, .portUnreachable, "1/4 0"),
            (.routing(type: 2, segmentsLeft: 0), .directRouting, .portUnreachable, "1/4 0"),
            (.routing(type: 2, segmentsLeft: 1), .directRouting, .optionsRefused, "4/0 42"),
            (.routing(type: 4, segmentsLeft: 0), .directRouting, .optionsRefused, nil),
            (.authentication(), .directRouting, .optionsRefused, "4/1 6"),
        ] as [(ExtensionHeader, Verdict, Verdict, String?)])
    func extensions(_ header: ExtensionHeader, _ service: Verdict, _ verdict: Verdict, _ answer: String?) throws {
        let bench = try Self.bench()
        bench.send(Packet.tcp(from: client6, to: "[2001:db8:f::10]:80").extensionHeaders(header))
        #expect(bench.verdict == service)
        let out = bench.send(Packet.udp(from: client6, to: host6, payload: hex("01")).extensionHeaders(header))
        #expect(bench.verdict == verdict)
        #expect(out.first.map { "\($0[54])/\($0[55]) \($0[61])" } == answer)
    }

    @Test(
        "Options in extension headers",
        arguments: [
            // Six bytes of options; what hop-by-hop leads to, what destination options lead to at the host.
            ("01 04 00 00 00 00", "fine", "fine"), ("00 00 00 00 00 00", "fine", "fine"), ("05 02 00 00 01 00", "fine", "fine"),
            ("1e 04 00 00 00 00", "fine", "fine"), ("5e 04 00 00 00 00", "silence", "silence"), ("9e 04 00 00 00 00", "4/2 42", "4/2 42"),
            ("de 04 00 00 00 00", "4/2 42", "4/2 42"), ("01 05 00 00 00 00", "silence", "silence"),
            ("01 04 00 01 00 00", "silence", "silence"),
            ("c2 04 00 01 00 00", "4/0 42", "4/2 42"), ("c2 04 00 00 00 20", "4/0 44", "4/2 42"),
            ("00 00 00 00 00 1e", "silence", "silence"),
            ("05 03 00 00 00 00", "silence", "fine"),
        ])
    func options(_ text: String, _ hopByHop: String, _ destination: String) throws {
        for (proto, expected) in [(0, hopByHop), (60, destination)] as [(UInt8, String)] {
            let bench = try Self.bench()
            let datagram = Packet.udp(from: client6, to: host6, payload: hex("01"))
            let packet = Packet.ip(from: client6, to: host6, proto: proto, payload: [17, 0] + hex(text) + Array(datagram[40...]))
            let out = bench.send(packet)
            let answer = out.first.map { "\($0[54])/\($0[55]) \($0[61])" } ?? "silence"
            #expect((answer == "1/4 0" ? "fine" : answer) == expected, "header \(proto)")
            // On the way to a server only hop-by-hop options are looked at.
            let segment = Packet.tcp(from: client6, to: "[2001:db8:f::10]:80")
            bench.send(Packet.ip(from: client6, to: "2001:db8:f::10", proto: proto, payload: [6, 0] + hex(text) + Array(segment[40...])))
            #expect(bench.verdict == (proto == 60 || expected == "fine" ? .directRouting : .optionsRefused))
        }
    }
}
