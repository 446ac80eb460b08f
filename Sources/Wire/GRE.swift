/// The GRE header (RFC 2784, key and sequence number of RFC 2890).
@frozen public struct GREHeader {
    public let bytes: Bytes

    /// `nil` when the header that its flags promise does not stand there, the version is not 0, or a reserved flag that
    /// would change the layout (RFC 2784 section 2.3: bits 1, 4 and 5) is set.
    @inlinable @inline(__always)
    public init?(_ bytes: Bytes) {
        guard bytes.count >= 4 else { return nil }
        let word = bytes.big16(at: 0)
        guard word & 0x4c07 == 0, Self.length(flags: word) <= bytes.count else { return nil }
        self.bytes = bytes
    }

    /// Lays down a header in front of the packet that follows it in `bytes`; with `checksum`, header and all that
    /// follows are covered.
    public static func write(
        to bytes: Bytes, proto: UInt16, checksum: Bool = false, key: UInt32? = nil,
        sequence: UInt32? = nil
    ) {
        bytes.setBig16((checksum ? 0x8000 : 0) | (key != nil ? 0x2000 : 0) | (sequence != nil ? 0x1000 : 0), at: 0)
        bytes.setBig16(proto, at: 2)
        var offset = 4
        if checksum {
            bytes.setBig32(0, at: 4)
            offset = 8
        }
        if let key {
            bytes.setBig32(key, at: offset)
            offset &+= 4
        }
        if let sequence { bytes.setBig32(sequence, at: offset) }
        if checksum { bytes.setBig16(Checksum.of(bytes), at: 4) }
    }

    /// Header length in bytes that the flags word promises: 4 to 16.
    @inlinable @inline(__always)
    public static func length(flags: UInt16) -> Int {
        4 &+ Int(flags >> 15) &* 4 &+ Int(flags >> 13 & 1) &* 4 &+ Int(flags >> 12 & 1) &* 4
    }

    /// Header length in bytes.
    @inlinable @inline(__always)
    public var length: Int { Self.length(flags: bytes.big16(at: 0)) }

    @inlinable @inline(__always)
    public var hasChecksum: Bool { bytes[0] & 0x80 != 0 }
    @inlinable @inline(__always)
    public var hasKey: Bool { bytes[0] & 0x20 != 0 }
    @inlinable @inline(__always)
    public var hasSequence: Bool { bytes[0] & 0x10 != 0 }

    /// EtherType of what follows.
    @inlinable @inline(__always)
    public var proto: UInt16 { bytes.big16(at: 2) }

    /// `nil` without the C flag.
    public var checksum: UInt16? { hasChecksum ? bytes.big16(at: 4) : nil }
    /// `nil` without the K flag.
    public var key: UInt32? { hasKey ? bytes.big32(at: hasChecksum ? 8 : 4) : nil }
    /// `nil` without the S flag.
    public var sequence: UInt32? { hasSequence ? bytes.big32(at: length &- 4) : nil }

    /// Whether the checksum is right, which covers all of `bytes`; true without one.
    public var hasValidChecksum: Bool { !hasChecksum || Checksum.of(bytes) == 0 }

    /// What follows the header.
    @inlinable @inline(__always)
    public var payload: Bytes { bytes.dropFirst(length) }
}
