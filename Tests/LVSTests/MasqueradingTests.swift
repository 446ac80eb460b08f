import LVS
import PacketKit
import Testing
import Wire

import enum PacketKit.Packet

private let client: Endpoint = "198.51.100.7:4000"
private let virtual: Endpoint = "203.0.113.10:80"
private let server: Endpoint = "10.2.0.11:8080"

struct MasqueradingTests {
    @Test("A request and its reply, with one hop less each and right checksums")
    func bothWays() throws {
        let bench = TranslationFixture()
        try bench.serve(virtual, server)
        let out = bench.send(Packet.tcp(from: client, to: virtual, payload: hex("01 02 03"), id: 77))
        #expect(bench.verdict == .masquerading)
        try #require(out.count == 1)
        expect(
            out[0], .ethernet(.source("02:00:00:00:00:01"), .destination("02:00:00:00:00:11")),
            .ipv4(.source(client), .destination(server), .ttl(63), .id(77), .df(true)),
            .tcp(.sourcePort(4000), .destinationPort(8080), .flags(.syn)), .payload(hex("01 02 03")))

        let back = bench.send(Packet.tcp(from: server, to: client, flags: [.syn, .ack], ack: 2))
        #expect(bench.verdict == .replyTranslated)
        try #require(back.count == 1)
        expect(
            back[0], .ethernet(.source("02:00:00:00:00:01"), .destination("02:00:00:00:00:fe")),
            .ipv4(.source(virtual), .destination(client), .ttl(63)), .tcp(.sourcePort(80), .destinationPort(4000), .ack(2)))
        let counters = bench.inventory.services[0].servers[0].statistics.counters
        #expect([counters.connections, counters.packetsIn, counters.packetsOut, counters.bytesIn, counters.bytesOut] == [1, 1, 1, 43, 40])
    }

    @Test(
        "IPv6, UDP and SCTP, also where only the address changes", arguments: [IPProtocol.tcp, IPProtocol.udp, IPProtocol.sctp],
        [
            ("198.51.100.7:4000", "203.0.113.10:80", "10.2.0.11:8080"), ("198.51.100.7:4000", "203.0.113.10:80", "10.2.0.11:80"),
            ("[2001:db8:c::7]:4000", "[2001:db8:f::10]:80", "[fd00:2::11]:8080"),
            ("[2001:db8:c::7]:4000", "[2001:db8:f::10]:80", "[fd00:2::11]:80"),
        ])
    func families(_ proto: UInt8, _ ends: (client: String, virtual: String, server: String)) throws {
        let client = Endpoint(stringLiteral: ends.client), virtual = Endpoint(stringLiteral: ends.virtual)
        let server = Endpoint(stringLiteral: ends.server)
        let bench = TranslationFixture()
        try bench.serve(virtual, server, proto: proto)
        let out = try #require(bench.send(sample(proto, from: client, to: virtual)).first)
        expectSound(out, proto, from: client, to: server)
        let back = try #require(bench.send(sample(proto, from: server, to: client, isReply: true)).first)
        expectSound(back, proto, from: virtual, to: client)
    }

    private func sample(_ proto: UInt8, from source: Endpoint, to destination: Endpoint, isReply: Bool = false) -> [UInt8] {
        switch proto {
        case IPProtocol.tcp: Packet.tcp(from: source, to: destination, flags: isReply ? [.syn, .ack] : .syn, payload: hex("aa"))
        case IPProtocol.udp: Packet.udp(from: source, to: destination, payload: hex("aa bb cc"))
        default: Packet.sctp(from: source, to: destination, chunks: [isReply ? .initiationAck() : .initiation()])
        }
    }

    private func expectSound(_ frame: [UInt8], _ proto: UInt8, from source: Endpoint, to destination: Endpoint) {
        let ip: Layer =
            source.address.isV4
            ? .ipv4(.source(source), .destination(destination), .ttl(63))
            : .ipv6(.source(source), .destination(destination), .ttl(63))
        let from = Int(source.port), to = Int(destination.port)
        switch proto {
        case IPProtocol.tcp: expect(frame, ip, .tcp(.sourcePort(from), .destinationPort(to)))
        case IPProtocol.udp: expect(frame, ip, .udp(.sourcePort(from), .destinationPort(to), .checksummed(true)))
        default: expect(frame, ip, .sctp(.sourcePort(from), .destinationPort(to)))
        }
    }

    @Test("A datagram without a checksum gets one, both ways")
    func zeroChecksum() throws {
        let bench = TranslationFixture()
        try bench.serve("203.0.113.10:53", "10.2.0.11:5353", proto: IPProtocol.udp)
        let out = try #require(bench.send(Packet.udp(from: client, to: "203.0.113.10:53", payload: hex("01"), checksum: false)).first)
        expect(out, .ipv4(), .udp(.destinationPort(5353), .checksummed(true)))
        let back = try #require(bench.send(Packet.udp(from: "10.2.0.11:5353", to: client, payload: hex("02"), checksum: false)).first)
        expect(back, .ipv4(), .udp(.sourcePort(53), .checksummed(true)))
    }

    @Test("A checksum that becomes 0 is sent as ffff")
    func computedZero() throws {
        let bench = TranslationFixture()
        try bench.serve("203.0.113.10:53", "10.2.0.11:5353", proto: IPProtocol.udp)
        // The payload that makes the server's view sum up to zero.
        let plain = Packet.udp(from: client, to: "10.2.0.11:5353", payload: [0, 0])
        let filler = Array(plain[26..<28])
        let out = try #require(bench.send(Packet.udp(from: client, to: "203.0.113.10:53", payload: filler)).first)
        #expect(Array(packet(out)[26..<28]) == [0xff, 0xff])
        expect(out, .ipv4(), .udp(.checksummed(true)))
    }

    @Test("A wrong checksum stays wrong")
    func wrongChecksum() throws {
        let bench = TranslationFixture()
        try bench.serve(virtual, server)
        let out = try #require(bench.send(Packet.tcp(from: client, to: virtual).with(0x12, 0x34, at: 36)).first)
        #expect(mismatches(out, [.ipv4(), .tcp()]) == ["tcp: bad checksum"])
    }

    @Test("A partial checksum stays the sum of the pseudo-header, a superframe whole")
    func offloads() throws {
        let bench = TranslationFixture()
        try bench.serve(virtual, server)
        bench.send(Packet.tcp(from: client, to: virtual))
        let offload = Offload(
            flags: Offload.needsChecksum, segmentation: Offload.tcp4, headerLength: 54, segmentSize: 1460,
            checksumStart: 34, checksumOffset: 16)
        let payload = [UInt8](repeating: 7, count: 4000)
        let request = partial(Packet.tcp(from: client, to: virtual, flags: .ack, payload: payload), from: client, to: virtual)
        let out = try #require(bench.send(request, offload: offload).first)
        #expect(bench.offloads == [offload])
        #expect(
            packet(out) == partial(Packet.tcp(from: client, to: server, flags: .ack, payload: payload, ttl: 63), from: client, to: server))
    }

    @Test("Too long: told with the limit in the packet the client sent, or fragmented behind the translation")
    func tooLong() throws {
        let bench = TranslationFixture(serverMTU: 1300)
        try bench.serve("203.0.113.10:53", "10.2.0.11:5353", proto: IPProtocol.udp)
        let payload = [UInt8](repeating: 1, count: 1400)
        let told = try #require(bench.send(Packet.udp(from: client, to: "203.0.113.10:53", payload: payload, df: true)).first)
        #expect(bench.verdict == .fragmentationNeeded)
        expect(
            told, .ipv4(.source("203.0.113.10"), .destination(client)), .icmp(.type(3), .code(4), .rest(1300)),
            .quoting(.ipv4(.destination("203.0.113.10"), .ttl(63)), .udp(.destinationPort(53))))
        let pieces = bench.send(Packet.udp(from: client, to: "203.0.113.10:53", payload: payload, id: 9))
        #expect(pieces.count == 2 && bench.verdict == .masquerading)
        expect(pieces[0], .ipv4(.destination("10.2.0.11"), .length(1300), .mf(true), .id(9)))
        expect(pieces[1], .ipv4(.destination("10.2.0.11"), .length(148), .offset(1280), .id(9)))
    }

    @Test("A reply whose TTL is used up is answered before it counts")
    func replyTimeExceeded() throws {
        let bench = TranslationFixture()
        try bench.serve(virtual, server)
        bench.send(Packet.tcp(from: client, to: virtual))
        let told = try #require(bench.send(Packet.tcp(from: server, to: client, flags: [.syn, .ack], ttl: 1)).first)
        #expect(bench.verdict == .timeExceeded)
        expect(
            told, .ipv4(.source("10.2.0.1"), .destination(server)), .icmp(.type(11), .code(0)),
            .quoting(.ipv4(.source(server), .destination(client), .ttl(1))))
        #expect(bench.inventory.services[0].statistics.counters.packetsOut == 0)
    }

    @Test(
        "A reply of no connection passes, or is refused with nat_icmp_send",
        arguments: [
            (0, TCPFlags.ack, Verdict.passNotLocal), (1, .ack, .unknownReply), (1, .rst, .passNotLocal),
        ] as [(Int32, TCPFlags, Verdict)])
    func unknownReply(_ send: Int32, _ flags: TCPFlags, _ verdict: Verdict) throws {
        let bench = TranslationFixture()
        bench.tune { $0.natICMPSend = send }
        try bench.serve(virtual, server)
        let out = bench.send(Packet.tcp(from: server, to: client, flags: flags))
        #expect(bench.verdict == verdict)
        guard verdict == .unknownReply else { return #expect(out.isEmpty) }
        expect(out[0], .ipv4(.source("10.2.0.1"), .destination(server)), .icmp(.type(3), .code(3)), .quoting(.ipv4(.ttl(63)), .tcp()))
    }

    @Test("One-packet connections are gone when the reply comes")
    func onePacket() throws {
        let bench = TranslationFixture()
        try bench.serve("203.0.113.10:53", "10.2.0.11:53", proto: IPProtocol.udp) { $0.flags = .onePacket }
        bench.send(Packet.udp(from: client, to: "203.0.113.10:53"))
        #expect(bench.verdict == .masquerading)
        #expect(bench.send(Packet.udp(from: "10.2.0.11:53", to: client)).isEmpty && bench.verdict == .passNotLocal)
    }

    @Test("Forward and back again, any packet is the one it was, with right checksums")
    func thereAndBack() throws {
        var dice = SeededGenerator(seed: 4)
        let bench = TranslationFixture()
        for proto in [IPProtocol.tcp, IPProtocol.udp, IPProtocol.sctp] {
            try bench.serve("203.0.113.10:80", "10.2.0.11:8080", "10.2.0.12:80", proto: proto)
            try bench.serve("[2001:db8:f::10]:80", "[fd00:2::11]:8080", "[fd00:2::12]:80", proto: proto)
        }
        for _ in 0..<300 {
            let proto = [IPProtocol.tcp, IPProtocol.udp, IPProtocol.sctp][Int(dice.next() % 3)]
            let isV4 = dice.next() & 1 == 0
            let from =
                isV4
                ? Endpoint(IPAddress(v4: 0xc633_6400 | UInt32(dice.next() & 0xff)), UInt16(dice.next() % 60000 + 1024))
                : Endpoint(IPAddress(high: 0x2001_0db8_000c_0000, low: dice.next()), UInt16(dice.next() % 60000 + 1024))
            let to: Endpoint = isV4 ? "203.0.113.10:80" : "[2001:db8:f::10]:80"
            let payload = dice.bytes(Int(dice.next() % 1300))
            let out = try #require(bench.send(random(proto, from: from, to: to, payload)).first)
            #expect(mismatches(out, layers(proto, isV4)).isEmpty)
            // The server sends the same bytes back, ends exchanged.
            let seen = ends(out)
            let back = try #require(bench.send(random(proto, from: seen.destination, to: seen.source, payload)).first)
            #expect(mismatches(back, layers(proto, isV4)).isEmpty)
            #expect(ends(back) == (to, from))
        }
    }

    private func random(_ proto: UInt8, from source: Endpoint, to destination: Endpoint, _ payload: [UInt8]) -> [UInt8] {
        switch proto {
        case IPProtocol.tcp: Packet.tcp(from: source, to: destination, flags: .syn, options: TCPOption.mss(1400), payload: payload)
        case IPProtocol.udp:
            Packet.udp(from: source, to: destination, payload: payload, checksum: payload.count % 3 != 0 || !source.address.isV4)
        default: Packet.sctp(from: source, to: destination, chunks: [.initiation(), .data(payload)])
        }
    }

    private func layers(_ proto: UInt8, _ isV4: Bool) -> [Layer] {
        [
            isV4 ? .ipv4(.ttl(63)) : .ipv6(.ttl(63)),
            proto == IPProtocol.tcp ? .tcp() : proto == IPProtocol.udp ? .udp(.checksummed(true)) : .sctp(),
        ]
    }
}

/// A TCP packet whose checksum field holds only the pseudo-header's sum, as a card with checksum offload leaves it.
func partial(_ packet: [UInt8], from source: Endpoint, to destination: Endpoint) -> [UInt8] {
    let start = source.address.isV4 ? 20 : 40
    let sum = ~SlowChecksum.internet(
        SlowChecksum.pseudoHeader(from: source.address, to: destination.address, proto: 6, length: packet.count - start))
    return packet.with(UInt8(sum >> 8), UInt8(sum & 0xff), at: start + 16)
}
