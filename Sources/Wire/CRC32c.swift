/// CRC32c, the checksum of SCTP (RFC 9260 appendix A): polynomial 0x1edc6f41, reflected, begun with and complemented
/// by all ones.
@frozen public struct CRC32c: BitwiseCopyable {
    @usableFromInline var remainder: UInt32

    @inlinable @inline(__always)
    public init() { remainder = .max }

    /// Adds bytes behind those added before.
    public mutating func add(_ bytes: Bytes) { remainder = Self.run(remainder, bytes, Self.tables.span) }

    /// Adds `count` zero bytes.
    mutating func addZeros(_ count: Int) {
        for _ in 0..<count { remainder = remainder >> 8 ^ Self.tables[Int(remainder & 0xff)] }
    }

    /// The number that is stored with its lowest byte first.
    @inlinable @inline(__always)
    public var value: UInt32 { ~remainder }

    /// The CRC32c of `bytes`.
    public static func of(_ bytes: Bytes) -> UInt32 {
        var crc = CRC32c()
        crc.add(bytes)
        return crc.value
    }

    /// Eight tables of 256: table k is the remainder of a byte with k zero bytes behind it, so that eight bytes need
    /// eight look-ups and no chain between them.
    private static let tables: [UInt32] = {
        var tables = [UInt32](repeating: 0, count: 2048)
        for byte in 0..<256 {
            var remainder = UInt32(byte)
            for _ in 0..<8 { remainder = remainder >> 1 ^ (remainder & 1 == 1 ? 0x82f6_3b78 : 0) }
            tables[byte] = remainder
        }
        for i in 256..<2048 { tables[i] = tables[i - 256] >> 8 ^ tables[Int(tables[i - 256] & 0xff)] }
        return tables
    }()

    private static func run(_ start: UInt32, _ bytes: Bytes, _ tables: Span<UInt32>) -> UInt32 {
        // Known here, no look-up below needs a check of its own.
        precondition(tables.count == 2048)
        var remainder = start
        var i = 0
        while i &+ 8 <= bytes.count {
            let word = bytes.big64(at: i).byteSwapped ^ UInt64(remainder)
            let near =
                tables[1792 | Int(word & 0xff)] ^ tables[1536 | Int(word >> 8 & 0xff)]
                ^ tables[1280 | Int(word >> 16 & 0xff)] ^ tables[1024 | Int(word >> 24 & 0xff)]
            let far =
                tables[768 | Int(word >> 32 & 0xff)] ^ tables[512 | Int(word >> 40 & 0xff)]
                ^ tables[256 | Int(word >> 48 & 0xff)] ^ tables[Int(word >> 56)]
            remainder = near ^ far
            i &+= 8
        }
        while i < bytes.count {
            remainder = remainder >> 8 ^ tables[Int((remainder ^ UInt32(bytes[i])) & 0xff)]
            i &+= 1
        }
        return remainder
    }
}

extension SCTPHeader {
    /// The checksum field as CRC32c gives it: stored with its lowest byte first.
    public var checksum: UInt32 {
        get { bytes.big32(at: 8).byteSwapped }
        nonmutating set { bytes.setBig32(newValue.byteSwapped, at: 8) }
    }

    /// Whether the checksum of the packet, which is all of `bytes`, is right.
    public var hasValidChecksum: Bool { checksum == computedChecksum }

    /// Computes the checksum of the packet, which is all of `bytes`, anew.
    public func fillChecksum() { checksum = computedChecksum }

    /// The field itself counts as zero (RFC 9260 section 6.8).
    private var computedChecksum: UInt32 {
        var crc = CRC32c()
        crc.add(bytes.prefix(8))
        crc.addZeros(4)
        crc.add(bytes.dropFirst(12))
        return crc.value
    }
}
