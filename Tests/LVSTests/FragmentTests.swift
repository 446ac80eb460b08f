import LVS
import PacketKit
import Testing
import Wire

import enum PacketKit.Packet

private let client: Endpoint = "198.51.100.7:4000"
private let virtual: Endpoint = "203.0.113.10:53"
private let client6: Endpoint = "[2001:db8:c::7]:4000"
private let virtual6: Endpoint = "[2001:db8:f::10]:53"

/// Fragments through a director: what kernel 6.1 makes of the same sizes, as the oracle recorded it.
struct FragmentTests {
    static func bench(_ method: ForwardingMethod = .directRouting, serverMTU: Int = 1500) throws -> TranslationFixture {
        let bench = TranslationFixture(serverMTU: serverMTU)
        try bench.serve(virtual, "10.2.0.11:53", proto: IPProtocol.udp, method: method)
        try bench.serve(virtual6, "[fd00:2::11]:53", proto: IPProtocol.udp, method: method)
        return bench
    }

    static func datagram(_ payload: Int, v6: Bool = false, id: UInt16 = 77, df: Bool = false, tos: UInt8 = 0) -> [UInt8] {
        let bytes = (0..<payload).map { UInt8(truncatingIfNeeded: $0 &* 7) }
        return Packet.udp(from: v6 ? client6 : client, to: v6 ? virtual6 : virtual, payload: bytes, tos: tos, id: id, df: df)
    }

    /// Payload bytes of every piece.
    static func sizes(_ frames: [[UInt8]]) -> [Int] {
        frames.map { $0.count - 14 - ($0[14] >> 4 == 4 ? Int($0[14] & 15) * 4 : 48) }
    }

    /// `packet` in fragments of the given payload sizes, the last one taking what is left.
    static func cut(_ packet: [UInt8], _ sizes: [Int]) -> [[UInt8]] {
        let headers = packet[0] >> 4 == 4 ? 20 : 40
        var out: [[UInt8]] = []
        var offset = 0
        for size in sizes {
            let isLast = out.count == sizes.count - 1
            let end = isLast ? packet.count - headers : offset + size
            out.append(fragment(packet, offset, end, more: !isLast))
            offset = end
        }
        return out
    }

    /// The stretch of a packet's payload as a fragment.
    static func fragment(_ packet: [UInt8], _ start: Int, _ end: Int, more: Bool, df: Bool = false, id: UInt32 = 0x1234_5678) -> [UInt8] {
        let isV4 = packet[0] >> 4 == 4
        let headers = isV4 ? 20 : 40
        let piece = Array(packet[headers...].dropFirst(start).prefix(end - start))
        func address(_ range: Range<Int>) -> Endpoint {
            let bytes = packet[range]
            if isV4 { return Endpoint(IPAddress(v4: bytes.reduce(0) { $0 << 8 | UInt32($1) })) }
            return Endpoint(
                IPAddress(
                    high: bytes.prefix(8).reduce(0) { $0 << 8 | UInt64($1) },
                    low: bytes.suffix(8).reduce(0) { $0 << 8 | UInt64($1) }))
        }
        if isV4 {
            return Packet.ip(
                from: address(12..<16), to: address(16..<20), proto: packet[9], payload: piece, ttl: packet[8],
                tos: packet[1], id: UInt16(packet[4]) << 8 | UInt16(packet[5]), df: df, mf: more, offset: start)
        }
        let whole = Packet.ip(from: address(8..<24), to: address(24..<40), proto: packet[6], payload: piece, ttl: packet[7])
        return whole.extensionHeaders(.fragment(offset: start, more: more, id: id))
    }

    @Test(
        "Out go the pieces that came in; small ones grow together as in the kernel's buffers",
        arguments: [
            ([304, 404], [304, 404]), ([200, 220], [216, 204]), ([8, 8, 8, 96], [96, 24]), ([104, 104, 1000], [104, 104, 1000]),
            ([104, 1000, 104], [104, 1000, 104]), ([1480, 200], [1480, 200]), ([1000, 1480, 100], [1000, 1480, 100]),
            ([160, 100], [160, 100]),
        ])
    func shapes(_ sizes: [Int], _ expected: [Int]) throws {
        let bench = try Self.bench()
        let packet = Self.datagram(sizes.reduce(0, +) - 8)
        for piece in Self.cut(packet, sizes).dropLast() {
            #expect(bench.send(piece) == [])
            #expect(bench.verdict == .fragmentQueued)
        }
        let out = bench.send(Self.cut(packet, sizes).last!)
        #expect(bench.verdict == .directRouting)
        #expect(Self.sizes(out) == expected)
        #expect(out.flatMap { $0.dropFirst(34) } == Array(packet[20...]))
        for (place, frame) in out.enumerated() {
            expect(frame, .ethernet(.destination("02:00:00:00:00:11")), .ipv4(.ttl(63), .id(77), .mf(place < out.count - 1), .df(false)))
        }
        let service = try #require(bench.inventory.services.first { $0.key.address.isV4 })
        let counters = service.servers[0].statistics.counters
        #expect([counters.packetsIn, counters.bytesIn] == [1, UInt64(packet.count)])
    }

    @Test(
        "IPv6 pieces never grow together; the fragment header keeps its identification",
        arguments: [
            ([304, 404], [304, 404]), ([8, 8, 8, 400], [8, 8, 8, 400]), ([1448, 300], [1448, 300]), ([200, 208], [200, 208]),
        ])
    func shapes6(_ sizes: [Int], _ expected: [Int]) throws {
        let bench = try Self.bench()
        let packet = Self.datagram(sizes.reduce(0, +) - 8, v6: true)
        let pieces = Self.cut(packet, sizes)
        for piece in pieces.dropLast() { #expect(bench.send(piece) == []) }
        let out = bench.send(pieces.last!)
        #expect(Self.sizes(out) == expected)
        for (place, frame) in out.enumerated() {
            expect(frame, .ipv6(.ttl(63), .id(0x1234_5678), .mf(place < out.count - 1), .extensions([44])))
        }
    }

    @Test("Any order", arguments: [[0, 1, 2], [0, 2, 1], [1, 0, 2], [1, 2, 0], [2, 0, 1], [2, 1, 0]])
    func orders(_ order: [Int]) throws {
        for v6 in [false, true] {
            let bench = try Self.bench()
            let packet = Self.datagram(1200, v6: v6)
            let pieces = Self.cut(packet, [400, 400, 408])
            var out: [[UInt8]] = []
            for place in order { out = bench.send(pieces[place]) }
            #expect(Self.sizes(out) == [400, 400, 408])
            #expect(out.flatMap { $0.dropFirst(v6 ? 62 : 34) } == Array(packet[(v6 ? 40 : 20)...]))
        }
    }

    @Test(
        "DF on the longest fragment makes the whole unbreakable",
        arguments: [
            // Sizes, which have DF, server MTU; pieces or the limit told.
            ([200, 220], [true, true], 1500, "216 DF, 204 DF"), ([304, 404], [true, true], 1500, "304, 404"),
            ([304, 404], [true, false], 600, "304, 404"), ([304, 404], [false, true], 600, "limit 600"),
            ([800, 408], [true, true], 600, "limit 600"), ([800, 408], [false, false], 600, "576, 576, 56"),
        ])
    func dontFragment(_ sizes: [Int], _ flags: [Bool], _ mtu: Int, _ expected: String) throws {
        let bench = try Self.bench(serverMTU: mtu)
        let packet = Self.datagram(sizes.reduce(0, +) - 8)
        var out: [[UInt8]] = []
        var offset = 0
        for (place, size) in sizes.enumerated() {
            out = bench.send(Self.fragment(packet, offset, offset + size, more: place < sizes.count - 1, df: flags[place]))
            offset += size
        }
        if bench.verdict == .fragmentationNeeded {
            #expect("limit \(Int(out[0][40]) << 8 | Int(out[0][41]))" == expected)
        } else {
            #expect(zip(Self.sizes(out), out).map { "\($0)" + ($1[20] & 0x40 != 0 ? " DF" : "") }.joined(separator: ", ") == expected)
        }
    }

    @Test(
        "Congestion marks come together; those with and without ECN do not",
        arguments: [
            (0, 0, 0), (2, 3, 3), (1, 2, 1), (3, 3, 3), (0, 2, nil), (0, 3, nil), (1, 0, nil),
        ] as [(UInt8, UInt8, UInt8?)])
    func congestion(_ first: UInt8, _ second: UInt8, _ whole: UInt8?) throws {
        let bench = try Self.bench()
        bench.send(Self.cut(Self.datagram(800, tos: 0x20 | first), [400, 408])[0])
        let out = bench.send(Self.cut(Self.datagram(800, tos: 0x40 | second), [400, 408])[1])
        #expect(out.first.map { $0[15] } == whole.map { 0x20 | $0 })
    }

    @Test(
        "What does not fit together",
        arguments: [
            // Fragments as start, end and more; verdict on the last one.
            ([(0, 400, true), (0, 400, true)], Verdict.fragmentDuplicate),
            ([(0, 400, true), (400, 800, true), (200, 600, true)], .fragmentDuplicate),
            ([(0, 400, true), (392, 800, true)], .fragmentOverlap),
            ([(800, 1208, false), (400, 800, true), (600, 1000, true)], .fragmentOverlap),
            ([(400, 1208, false), (400, 800, false)], .fragmentInvalid), ([(400, 808, false), (1200, 1208, true)], .fragmentInvalid),
            ([(400, 400, true)], .fragmentInvalid),
        ])
    func contradictions(_ stretches: [(Int, Int, Bool)], _ verdict: Verdict) throws {
        let bench = try Self.bench()
        let packet = Self.datagram(1200)
        for (start, end, more) in stretches { bench.send(Self.fragment(packet, start, end, more: more)) }
        #expect(bench.verdict == verdict)
    }

    @Test("A fragment too far behind the 64 KiB of a datagram")
    func tooLong() throws {
        let bench = try Self.bench()
        let big = Packet.ip(from: client, to: virtual, proto: 17, payload: [UInt8](repeating: 1, count: 100), id: 9, offset: 65528)
        bench.send(big)
        let gap = Packet.ip(from: client, to: virtual, proto: 17, payload: [UInt8](repeating: 1, count: 65500), id: 9, mf: true)
        // The frame is longer than the interface carries, as any that could fill the gap in one go.
        bench.send(gap)
        #expect(bench.verdict == .oversizedFrame)
        #expect(bench.fragmentTimeout != nil)
    }

    @Test("A lone fragment that is the whole loses its fragment header")
    func atomic() throws {
        let bench = try Self.bench()
        let out = bench.send(Self.datagram(20, v6: true).extensionHeaders(.fragment()))
        expect(try #require(out.first), .ipv6(.extensions([]), .ttl(63)), .udp(.destinationPort(53)))
    }

    @Test("An IPv6 fragment of odd length is refused, the first one of a connection forwarded alone")
    func odd() throws {
        let bench = try Self.bench()
        let packet = Self.datagram(600, v6: true)
        let later = try #require(bench.send(Self.fragment(packet, 304, 405, more: true)).first)
        expect(later, .ipv6(.source("2001:db8:f::10"), .destination(client6)), .icmp(.type(4), .code(0), .rest(4)))
        let first = try #require(bench.send(Self.fragment(packet, 0, 301, more: true)).first)
        expect(first, .ethernet(.destination("02:00:00:00:00:11")), .ipv6(.mf(true), .ttl(63)))
    }

    @Test("Replies of a NAT server are put together, translated and taken apart")
    func replies() throws {
        for (server, client, virtual) in [("10.2.0.11:53", client, virtual), ("[fd00:2::11]:53", client6, virtual6)]
            as [(Endpoint, Endpoint, Endpoint)]
        {
            let bench = try Self.bench(.masquerading)
            bench.send(Packet.udp(from: client, to: virtual, payload: hex("01")))
            let reply = Packet.udp(from: server, to: client, payload: [UInt8](repeating: 5, count: 800), id: 3)
            #expect(bench.send(Self.cut(reply, [200, 608])[0]) == [])
            let out = bench.send(Self.cut(reply, [200, 608])[1])
            #expect(bench.verdict == .replyTranslated)
            #expect(Self.sizes(out) == [200, 608])
            for frame in out {
                expect(
                    frame, .ethernet(.destination("02:00:00:00:00:fe")),
                    client.address.isV4 ? .ipv4(.source(virtual), .ttl(63)) : .ipv6(.source(virtual), .ttl(63)))
            }
        }
    }

    @Test("Fragments to others are the host's")
    func others() throws {
        let bench = try Self.bench()
        let packet = Packet.udp(from: client, to: "192.0.2.99:53", payload: [UInt8](repeating: 5, count: 800))
        bench.send(Self.cut(packet, [400, 408])[0])
        #expect(bench.verdict == .passNotLocal)
    }
}
