/// One chunk of an SCTP packet (RFC 9260 section 3.2).
public struct SCTPChunk: Sendable {
    public var type: UInt8
    public var flags: UInt8
    public var value: [UInt8]

    public init(_ type: UInt8, flags: UInt8 = 0, value: [UInt8] = []) {
        self.type = type
        self.flags = flags
        self.value = value
    }

    public static func data(_ payload: [UInt8] = hex("64 61 74 61"), tsn: UInt32 = 1, stream: UInt16 = 0) -> SCTPChunk {
        SCTPChunk(0, flags: 3, value: big(tsn) + big(stream) + [0, 0] + [0, 0, 0, 0] + payload)
    }
    public static func initiation(tag: UInt32 = 0x0102_0304, window: UInt32 = 65536, tsn: UInt32 = 1) -> SCTPChunk {
        SCTPChunk(1, value: big(tag) + big(window) + [0, 1, 0, 1] + big(tsn))
    }
    public static func initiationAck(tag: UInt32 = 0x0506_0708, window: UInt32 = 65536, tsn: UInt32 = 1) -> SCTPChunk {
        SCTPChunk(2, value: big(tag) + big(window) + [0, 1, 0, 1] + big(tsn) + [0, 7, 0, 8, 1, 2, 3, 4])
    }
    public static func sack(tsn: UInt32 = 1) -> SCTPChunk { SCTPChunk(3, value: big(tsn) + big(UInt32(65536)) + [0, 0, 0, 0]) }
    public static var heartbeat: SCTPChunk { SCTPChunk(4, value: [0, 1, 0, 8, 1, 2, 3, 4]) }
    public static var heartbeatAck: SCTPChunk { SCTPChunk(5, value: [0, 1, 0, 8, 1, 2, 3, 4]) }
    public static var abort: SCTPChunk { SCTPChunk(6) }
    public static func shutdown(tsn: UInt32 = 1) -> SCTPChunk { SCTPChunk(7, value: big(tsn)) }
    public static var shutdownAck: SCTPChunk { SCTPChunk(8) }
    public static var error: SCTPChunk { SCTPChunk(9) }
    public static var cookieEcho: SCTPChunk { SCTPChunk(10, value: [1, 2, 3, 4]) }
    public static var cookieAck: SCTPChunk { SCTPChunk(11) }
    public static var shutdownComplete: SCTPChunk { SCTPChunk(14) }

    /// Header and value, padded to four bytes; the padding does not count in the length.
    var bytes: [UInt8] {
        let plain = [type, flags] + big(UInt16(4 + value.count)) + value
        return plain + [UInt8](repeating: 0, count: (4 - plain.count % 4) % 4)
    }
}

extension Packet {
    /// An SCTP packet with its CRC32c.
    public static func sctp(
        from source: Endpoint, to destination: Endpoint, tag: UInt32 = 0x0102_0304, chunks: [SCTPChunk],
        ttl: UInt8 = 64, tos: UInt8 = 0, id: UInt16 = 0, df: Bool = true
    ) -> [UInt8] {
        var packet = big(source.port) + big(destination.port) + big(tag) + [0, 0, 0, 0] + chunks.flatMap(\.bytes)
        packet.replaceSubrange(8..<12, with: SlowChecksum.crc32c(packet))
        return ip(from: source, to: destination, proto: 132, payload: packet, ttl: ttl, tos: tos, id: id, df: df)
    }
}
