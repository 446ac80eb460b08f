import LVS
import PacketKit
import Testing
import Wire

import enum PacketKit.Packet

private let client: Endpoint = "198.51.100.7:4000", client6: Endpoint = "[2001:db8:c::7]:4000"
private let none = TunnelFlags()
private let virtual: Endpoint = "203.0.113.10:80", virtual6: Endpoint = "[2001:db8:f::10]:80"

/// A superframe, and the packets it stands for, each built by itself: the slow twin of the cutting.
struct Superframe: Sendable, CustomTestStringConvertible {
    var testDescription: String
    var packet: [UInt8]
    var offload: Offload
    var segments: [[UInt8]]

    /// TCP: sequence numbers and ids go on, FIN and PSH are said last, CWR first.
    static func tcp(
        _ from: Endpoint, _ to: Endpoint, _ count: Int, size: Int, flags: UInt8 = 0x10, options: [UInt8] = [], id: UInt16 = 100,
        df: Bool = true
    ) -> Superframe {
        let payload = sample(count)
        func build(_ seq: UInt32, _ flags: UInt8, _ payload: [UInt8], _ id: UInt16) -> [UInt8] {
            Packet.tcp(
                from: from, to: to, flags: TCPFlags(rawValue: flags), seq: seq, ack: 9, options: options, payload: payload, tos: 4, id: id,
                df: df)
        }
        var segments: [[UInt8]] = []
        for (i, start) in stride(from: 0, to: count, by: size).enumerated() {
            let isLast = start + size >= count
            let said = flags & (isLast ? 0xff : ~0x09) & (i == 0 ? 0xff : ~0x80)
            segments.append(build(0xffff_ff00 &+ UInt32(start), said, Array(payload[start..<min(start + size, count)]), id &+ UInt16(i)))
        }
        let whole = build(0xffff_ff00, flags, payload, id), isV4 = from.address.isV4
        let offload = Offload(
            flags: Offload.needsChecksum, segmentation: isV4 ? Offload.tcp4 : Offload.tcp6, headerLength: 54,
            segmentSize: UInt16(size), checksumStart: isV4 ? 34 : 54, checksumOffset: 16)
        return Superframe(
            testDescription: "tcp\(isV4 ? 4 : 6) \(count) by \(size), flags \(flags)", packet: whole.partial, offload: offload,
            segments: segments)
    }

    /// UDP_SEGMENT: datagrams of their own.
    static func datagrams(_ from: Endpoint, _ to: Endpoint, _ count: Int, size: Int, id: UInt16 = 65535) -> Superframe {
        let payload = sample(count), isV4 = from.address.isV4
        let segments = stride(from: 0, to: count, by: size).enumerated().map { i, start in
            Packet.udp(from: from, to: to, payload: Array(payload[start..<min(start + size, count)]), id: id &+ UInt16(i), df: true)
        }
        let offload = Offload(
            flags: Offload.needsChecksum, segmentation: Offload.udpSegments, segmentSize: UInt16(size),
            checksumStart: isV4 ? 34 : 54, checksumOffset: 6)
        return Superframe(
            testDescription: "udp\(isV4 ? 4 : 6) \(count) by \(size)",
            packet: Packet.udp(from: from, to: to, payload: payload, id: id, df: true).partial, offload: offload, segments: segments)
    }

    /// UFO: fragments of one datagram.
    static func fragments(_ from: Endpoint, _ to: Endpoint, _ count: Int, size: Int) -> Superframe {
        let isV4 = from.address.isV4, whole = Packet.udp(from: from, to: to, payload: sample(count), id: 7, df: false)
        let sizes = [Int](repeating: size & ~7, count: (count + 8) / (size & ~7))
        let offload = Offload(
            flags: Offload.needsChecksum, segmentation: Offload.udpFragments, segmentSize: UInt16(size),
            checksumStart: isV4 ? 34 : 54, checksumOffset: 6)
        return Superframe(
            testDescription: "ufo\(isV4 ? 4 : 6) \(count) by \(size)", packet: whole.partial, offload: offload,
            segments: whole.pieces(sizes))
    }

    private static func sample(_ count: Int) -> [UInt8] { (0..<count).map { UInt8(truncatingIfNeeded: $0 &* 7 &+ $0 >> 8) } }
}

extension [UInt8] {
    fileprivate func pieces(_ sizes: [Int]) -> [[UInt8]] {
        var rest = fragments(sizes[0]), pieces: [[UInt8]] = []
        for size in sizes.dropFirst() where rest.count == 2 {
            pieces.append(rest[0])
            let isV4 = self[0] >> 4 == 4, header = isV4 ? 20 : 40
            let done = pieces.reduce(0) { $0 + $1.count - (isV4 ? 20 : 48) }
            // The remainder cut again, its places moved on.
            let tail = Array(self[..<header]) + self[(header + done)...]
            rest = tail.fragments(size).map { $0.moved(by: done, isV4) }
        }
        return pieces + rest
    }

    private func moved(by offset: Int, _ isV4: Bool) -> [UInt8] {
        if isV4 {
            let word = UInt16(self[6]) << 8 | UInt16(self[7])
            let moved = word &+ UInt16(offset / 8)
            var header = Array(self[..<20]).with(UInt8(moved >> 8), UInt8(truncatingIfNeeded: moved), at: 6).with(0, 0, at: 10)
            let sum = SlowChecksum.internet(header)
            header = header.with(UInt8(sum >> 8), UInt8(truncatingIfNeeded: sum), at: 10)
            return header + self[20...]
        }
        let moved = (UInt16(self[42]) << 8 | UInt16(self[43])) &+ UInt16(offset)
        return with(UInt8(moved >> 8), UInt8(truncatingIfNeeded: moved), at: 42)
    }
}

struct SegmentationTests {
    private func bench(_ proto: UInt8 = IPProtocol.tcp, _ type: TunnelType = .ipip, _ flags: TunnelFlags = [], mtu: Int = 1500) throws
        -> TranslationFixture
    {
        let bench = TranslationFixture(serverMTU: mtu)
        bench.tune { $0.sloppyTCP = 1 }
        let settings = ServerSettings(method: .tunneling, tunnel: type, tunnelPort: 6080, tunnelFlags: flags)
        try bench.tunnel(virtual, to: "10.2.0.11:80", proto: proto, settings)
        try bench.tunnel(virtual6, to: "10.2.0.11:80", proto: proto, settings)
        return bench
    }

    /// The segment as the director hands it on: one hop less.
    private func forwarded(_ segment: [UInt8]) -> [UInt8] {
        guard segment[0] >> 4 == 4 else { return segment.with(segment[7] - 1, at: 7) }
        let header = Array(segment[..<20]).with(segment[8] - 1, at: 8).with(0, 0, at: 10)
        let sum = SlowChecksum.internet(header)
        return header.with(UInt8(sum >> 8), UInt8(truncatingIfNeeded: sum), at: 10) + segment[20...]
    }

    @Test(
        "Each segment is what its sender would have sent",
        arguments: [
            Superframe.tcp(client, virtual, 4000, size: 1400), .tcp(client, virtual, 4200, size: 1400, flags: 0x99),
            .tcp(client, virtual, 2801, size: 1400, flags: 0xd8, options: TCPOption.nop + TCPOption.nop + TCPOption.timestamps(1, 2)),
            .tcp(client, virtual, 100, size: 1400, flags: 0x99), .tcp(client, virtual, 65_000, size: 536, id: 65_530),
            .tcp(client6, virtual6, 5000, size: 1300, flags: 0x91), .tcp(client6, virtual6, 60_000, size: 1400),
        ])
    func streams(_ superframe: Superframe) throws {
        let bench = try bench()
        let out = bench.send(superframe.packet, offload: superframe.offload)
        #expect(bench.verdict == .tunneling)
        #expect(out.map { Array(packet($0).dropFirst(20)) } == superframe.segments.map(forwarded))
        #expect(bench.offloads.allSatisfy { $0 == Offload() })
        for frame in out { expect(frame, .ipv4(.proto(superframe.packet[0] >> 4 == 4 ? 4 : 41))) }
    }

    @Test(
        "Datagrams and fragments of a datagram",
        arguments: [
            Superframe.datagrams(client, virtual, 4000, size: 1200), .datagrams(client, virtual, 1200, size: 1200),
            .datagrams(client6, virtual6, 7001, size: 1000),
            .fragments(client, virtual, 4000, size: 1403), .fragments(client, virtual, 60_000, size: 1000),
            .fragments(client, virtual, 2792, size: 1400),
        ])
    func datagrams(_ superframe: Superframe) throws {
        let bench = try bench(IPProtocol.udp, .gue)
        let out = bench.send(superframe.packet, offload: superframe.offload)
        #expect(bench.verdict == .tunneling)
        #expect(out.map { Array(packet($0).dropFirst(32)) } == superframe.segments.map(forwarded))
    }

    @Test("IPv6 fragments of a datagram share a number of the director's")
    func fragments6() throws {
        let superframe = Superframe.fragments(client6, virtual6, 5000, size: 1400)
        let bench = try bench(IPProtocol.udp)
        let out = bench.send(superframe.packet, offload: superframe.offload).map { Array(packet($0).dropFirst(20)) }
        try #require(out.count == superframe.segments.count)
        #expect(Set(out.map { Array($0[44..<48]) }).count == 1)
        #expect(out.map { $0.with(0x12, 0x34, 0x56, 0x78, at: 44) } == superframe.segments.map(forwarded))
    }

    @Test("With an outer checksum, and with one left to the receiver")
    func checksums() throws {
        let superframe = Superframe.tcp(client, virtual, 3000, size: 1300)
        let sealed = try bench(IPProtocol.tcp, .gre, .checksum)
        let out = sealed.send(superframe.packet, offload: superframe.offload)
        #expect(out.map { Array(packet($0).dropFirst(28)) } == superframe.segments.map(forwarded))
        for frame in out { expect(frame, .ipv4(), .gre(.checksummed(true)), .ipv4(), .tcp()) }

        let remote = try bench(IPProtocol.tcp, .gue, .remoteChecksum)
        let left = remote.send(superframe.packet, offload: superframe.offload)
        #expect(left.map { Array(packet($0).dropFirst(40)) } == superframe.segments.map { forwarded($0.partial) })
        for frame in left { expect(frame, .ipv4(), .udp(.checksummed(true)), .gue(.header(hex("02040001 80000000 00140024")))) }
    }

    @Test(
        "The limit is each segment's, and one message is enough",
        arguments: [
            (TunnelType.ipip, none, 1440, 1480), (.gue, none, 1428, 1468), (.gue, .remoteChecksum, 1420, 1460), (.gre, none, 1436, 1476),
            (.gre, .checksum, 1432, 1472),
        ])
    func limit(_ type: TunnelType, _ flags: TunnelFlags, _ size: Int, _ limit: Int) throws {
        let bench = try bench(IPProtocol.tcp, type, flags)
        let fits = Superframe.tcp(client, virtual, 9000, size: size)
        #expect(bench.send(fits.packet, offload: fits.offload).count == fits.segments.count)
        let over = Superframe.tcp(client, virtual, 9000, size: size + 1)
        let out = bench.send(over.packet, offload: over.offload)
        #expect(bench.verdict == .fragmentationNeeded)
        try #require(out.count == 1)
        expect(out[0], .ipv4(.source("203.0.113.10"), .destination("198.51.100.7")), .icmp(.type(3), .code(4), .rest(limit)))
    }

    @Test("IPv6 segments over the limit are too big")
    func limit6() throws {
        let bench = try bench()
        let over = Superframe.tcp(client6, virtual6, 9000, size: 1421)
        let out = bench.send(over.packet, offload: over.offload)
        try #require(out.count == 1)
        expect(out[0], .ipv6(.source("2001:db8:f::10")), .icmp(.type(2), .rest(1480)))
    }

    @Test("Without DF the segments are wrapped whole and the outer packets are cut")
    func outerFragments() throws {
        let bench = try bench(mtu: 1000)
        let superframe = Superframe.tcp(client, virtual, 3000, size: 1400, df: false)
        let out = bench.send(superframe.packet, offload: superframe.offload).map(packet)
        #expect(bench.verdict == .tunneling)
        #expect(out.allSatisfy { $0.count <= 1000 && $0[6] & 0x40 == 0 })
        var wholes: [UInt16: [UInt8]] = [:], order: [UInt16] = []
        for piece in out {
            let id = UInt16(piece[4]) << 8 | UInt16(piece[5])
            if wholes[id] == nil { order.append(id) }
            let offset = (Int(piece[6] & 0x1f) << 8 | Int(piece[7])) * 8
            #expect(wholes[id, default: []].count == offset)
            wholes[id, default: []] += piece[20...]
        }
        #expect(order.map { wholes[$0] ?? [] } == superframe.segments.map(forwarded))
    }

    @Test("Packets behind a superframe in the same batch stay behind it")
    func order() throws {
        let bench = try bench()
        let superframe = Superframe.tcp(client, virtual, 4000, size: 1400)
        let last = Packet.tcp(from: client, to: virtual, flags: [.fin, .ack], seq: 7)
        let out = bench.send([superframe.packet, last], offloads: [superframe.offload, Offload()])
        #expect(out.map { Array(packet($0).dropFirst(20)) } == (superframe.segments + [last]).map(forwarded))
    }

    @Test(
        "Superframes that contradict themselves go no further",
        arguments: [
            Offload(flags: 1, segmentation: Offload.tcp4, segmentSize: 0), Offload(flags: 1, segmentation: Offload.tcp6, segmentSize: 100),
            Offload(flags: 1, segmentation: Offload.udpSegments, segmentSize: 100), Offload(flags: 1, segmentation: 9, segmentSize: 100),
        ])
    func contradictions(_ offload: Offload) throws {
        let bench = try bench()
        #expect(bench.send(Superframe.tcp(client, virtual, 3000, size: 1400).packet, offload: offload).isEmpty)
        #expect(bench.verdict == .malformed)
    }

    @Test("A header that reaches behind the end, no payload, more segments than there is memory for")
    func extremes() throws {
        let bench = try bench()
        let superframe = Superframe.tcp(client, virtual, 60_000, size: 1400)
        #expect(bench.send(Array(superframe.packet[..<40]).with(0, 40, at: 2).sealed, offload: superframe.offload).isEmpty)
        #expect(bench.verdict == .malformed)
        #expect(
            bench.send(Array(superframe.packet[..<44]).with(0, 44, at: 2).with(0xf0, at: 32).sealed, offload: superframe.offload).isEmpty)
        #expect(bench.verdict == .malformed)
        var tiny = superframe.offload
        tiny.segmentSize = 1
        #expect(bench.send(superframe.packet, offload: tiny).count <= 8192)
        #expect(bench.verdict == .noBuffer)
    }
}

extension [UInt8] {
    /// This IPv4 packet with its header checksum made right.
    fileprivate var sealed: [UInt8] {
        let header = Array(self[..<20]).with(0, 0, at: 10), sum = SlowChecksum.internet(header)
        return header.with(UInt8(sum >> 8), UInt8(truncatingIfNeeded: sum), at: 10) + self[20...]
    }
}
