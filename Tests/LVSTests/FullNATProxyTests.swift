import LVS
import PacketKit
import Testing
import Wire

import enum PacketKit.Packet
import enum PacketKit.TCPOption

/// The PROXY protocol header in front of a client's stream.
struct FullNATProxyTests {
    private typealias Handshake = FullNATClientOptionTests.Handshake

    private static let header4 = hex("0d 0a 0d 0a 00 0d 0a 51 55 49 54 0a 21 11 00 0c c6 33 64 07 cb 00 71 0a 0f a0 00 50")
    private static let header6 = hex(
        """
        0d 0a 0d 0a 00 0d 0a 51 55 49 54 0a 21 21 00 24 20 01 0d b8 00 0c 00 00 00 00 00 00 00 00 00 07
        20 01 0d b8 00 0f 00 00 00 00 00 00 00 00 00 10 0f a0 00 50
        """)

    @Test("The stream begins with the header; what follows moves, what comes back moves back", arguments: [true, false], [0, 128])
    func inFront(_ isV4: Bool, _ headroom: Int) throws {
        let connection = try Handshake(isV4: isV4, option: .proxyProtocol, headroom: headroom)
        let bench = connection.bench
        let header = isV4 ? Self.header4 : Self.header6
        let length = UInt32(header.count)
        let back: Layer = isV4 ? .ipv4(.source(connection.virtual)) : .ipv6(.source(connection.virtual))
        // The server's first window leaves room for the header.
        expect(connection.answer, back, .tcp(.ack(1001), .window(65535 - Int(length)), .options(TCPOption.mss(1460))))
        // The handshake's last segment brings it, so that a server that speaks first has it; data repeat it until it is there.
        expect(try #require(bench.send(connection.fromClient()).first), connection.ip(), .tcp(.seq(1001), .ack(5001)), .payload(header))
        expect(
            try #require(bench.send(connection.fromClient(flags: [.ack, .psh], payload: hex("41 42"))).first),
            connection.ip(), .tcp(.seq(1001)), .payload(header + hex("41 42")))
        expect(
            try #require(bench.send(connection.fromClient(seq: 1003, payload: hex("43"))).first),
            connection.ip(), .tcp(.seq(1003 + Int(length))), .payload(hex("43")))
        // The server has part of the header, then the header and two bytes, then all with a gap told.
        for (ack, told) in [(1001, 1001), (1011, 1001), (1003 + length, 1003)] as [(UInt32, Int)] {
            expect(try #require(bench.send(connection.fromServer(ack: ack)).first), back, .tcp(.ack(told)))
        }
        let blocks = TCPOption.nop + TCPOption.nop + TCPOption.sack((1100 + length, 1200 + length))
        expect(
            try #require(bench.send(connection.fromServer(ack: 1004 + length, options: blocks)).first),
            back, .tcp(.ack(1004), .options(TCPOption.nop + TCPOption.nop + TCPOption.sack((1100, 1200)))))
        // The header is there: a retransmission of the first bytes does not bring it again.
        expect(
            try #require(bench.send(connection.fromClient(payload: hex("41 42"))).first),
            connection.ip(), .tcp(.seq(1001 + Int(length))), .payload(hex("41 42")))
        // A probe of a live connection, one byte before what comes next, and a reset.
        expect(try #require(bench.send(connection.fromClient(seq: 1003)).first), connection.ip(), .tcp(.seq(1003 + Int(length))))
        expect(
            try #require(bench.send(connection.fromClient(seq: 1004, flags: .rst)).first), connection.ip(), .tcp(.seq(1004 + Int(length))))
    }

    @Test("A segment that is full goes behind the header's own", arguments: [(1460, [UInt8]()), (1200, TCPOption.mss(1200))])
    func alone(_ size: Int, _ synOptions: [UInt8]) throws {
        let connection = try Handshake(option: .proxyProtocol, synOptions: synOptions)
        let payload = (0..<size).map { UInt8(truncatingIfNeeded: $0) }
        let out = connection.bench.send(connection.fromClient(flags: [.ack, .psh, .fin], payload: payload))
        #expect(connection.bench.verdict == .fullNAT && out.count == 2)
        expect(
            out[0], .ethernet(.destination("02:00:00:00:00:11")), .ipv4(.destination(connection.server), .length(68)),
            .tcp(.seq(1001), .flags(.ack)), .payload(Self.header4))
        expect(
            out[1], .ethernet(.destination("02:00:00:00:00:11")), .ipv4(.destination(connection.server)),
            .tcp(.seq(1029), .flags([.ack, .psh, .fin])), .payload(payload))
    }

    @Test("A superframe takes the header along")
    func superframe() throws {
        let connection = try Handshake(option: .proxyProtocol)
        let payload = [UInt8](repeating: 3, count: 5000)
        let offload = Offload(
            flags: Offload.needsChecksum, segmentation: Offload.tcp4, headerLength: 54, segmentSize: 1460,
            checksumStart: 34, checksumOffset: 16)
        let sent = partial(connection.fromClient(payload: payload), from: connection.client, to: connection.virtual)
        let out = try #require(connection.bench.send(sent, offload: offload).first)
        #expect(connection.bench.offloads == [offload])
        let whole = Packet.tcp(
            from: connection.local, to: connection.server, flags: .ack, seq: 1001, ack: 5001,
            payload: Self.header4 + payload, ttl: 63)
        #expect(packet(out) == partial(whole, from: connection.local, to: connection.server))
    }

    @Test("A server that gets segments in any order, twice or late reads header and stream", arguments: 0..<12)
    func reassembly(_ seed: UInt64) throws {
        var dice = SeededGenerator(seed: seed)
        let isV4 = seed % 2 == 0
        let connection = try Handshake(isV4: isV4, option: .proxyProtocol)
        let header = isV4 ? Self.header4 : Self.header6
        let stream = dice.bytes(12_000)
        var receiver = Receiver()
        /// Bytes that the client knows to have arrived.
        var acknowledged = 0
        var round = 0
        while acknowledged < stream.count, round < 4000 {
            round += 1
            // A segment from anywhere between what is acknowledged and a window further on, of any size.
            let start = min(acknowledged + Int(dice.next() % 4) * Int(dice.next() % 1500), stream.count - 1)
            let size = [0, 1, 7, 536, 1460][Int(dice.next() % 5)]
            let payload = Array(stream[start..<min(start + size, stream.count)])
            for frame in connection.bench.send(connection.fromClient(seq: 1001 &+ UInt32(start), payload: payload)) {
                #expect(mismatches(frame, [connection.ip(), .tcp(.ack(5001))]).isEmpty)
                // One in six is lost on its way to the server.
                if dice.next() % 6 != 0 { receiver.take(packet(frame), isV4) }
            }
            let block = receiver.firstBlock.map { TCPOption.nop + TCPOption.nop + TCPOption.sack($0) } ?? []
            let back = try #require(connection.bench.send(connection.fromServer(ack: receiver.acknowledgment, options: block)).first)
            let expected = max(receiver.inOrder.count - header.count, 0)
            expect(back, isV4 ? .ipv4() : .ipv6(), .tcp(.ack(1001 + expected)))
            if let first = receiver.firstBlock, first.0 > 1001 + UInt32(header.count) {
                let length = UInt32(header.count)
                let moved = TCPOption.sack((first.0 - length, first.1 - length))
                expect(back, isV4 ? .ipv4() : .ipv6(), .tcp(.options(TCPOption.nop + TCPOption.nop + moved)))
            }
            acknowledged = expected
        }
        #expect(receiver.inOrder == header + stream)
    }

    /// The server's end: reassembles by sequence number.
    private struct Receiver {
        private var bytes: [UInt32: UInt8] = [:]
        private(set) var inOrder: [UInt8] = []

        mutating func take(_ packet: [UInt8], _ isV4: Bool) {
            let tcp = Array(packet.dropFirst(isV4 ? 20 : 40))
            let start = tcp[4..<8].reduce(UInt32(0)) { $0 << 8 | UInt32($1) }
            for (i, byte) in tcp.dropFirst(Int(tcp[12] >> 4) * 4).enumerated() {
                let place = start &+ UInt32(i)
                if let known = bytes[place], known != byte { Issue.record("byte \(place) was \(known), is \(byte)") }
                if place >= acknowledgment { bytes[place] = byte }
            }
            while let next = bytes[acknowledgment] { inOrder.append(next) }
        }

        var acknowledgment: UInt32 { 1001 &+ UInt32(inOrder.count) }

        /// The first stretch of bytes behind a gap.
        var firstBlock: (UInt32, UInt32)? {
            guard let left = bytes.keys.filter({ $0 > acknowledgment }).min() else { return nil }
            var right = left
            while bytes[right] != nil { right += 1 }
            return (left, right)
        }
    }
}
