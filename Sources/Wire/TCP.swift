/// The TCP header (RFC 9293 section 3.1).
@frozen public struct TCPHeader {
    public let bytes: Bytes

    /// `nil` when fewer than 20 bytes stand there.
    @inlinable @inline(__always)
    public init?(_ bytes: Bytes) {
        guard bytes.count >= 20 else { return nil }
        self.bytes = bytes
    }

    @inlinable public var sourcePort: UInt16 {
        @inline(__always) get { bytes.big16(at: 0) }
        nonmutating set { bytes.setBig16(newValue, at: 0) }
    }
    @inlinable public var destinationPort: UInt16 {
        @inline(__always) get { bytes.big16(at: 2) }
        nonmutating set { bytes.setBig16(newValue, at: 2) }
    }
    @inlinable public var sequence: UInt32 {
        @inline(__always) get { bytes.big32(at: 4) }
        nonmutating set { bytes.setBig32(newValue, at: 4) }
    }
    @inlinable public var acknowledgment: UInt32 {
        @inline(__always) get { bytes.big32(at: 8) }
        nonmutating set { bytes.setBig32(newValue, at: 8) }
    }
    /// Header length in bytes as the data offset says it; may lie behind the end.
    @inlinable @inline(__always)
    public var length: Int { Int(bytes[12] >> 4) &* 4 }
    @inlinable public var flags: TCPFlags {
        @inline(__always) get { TCPFlags(rawValue: bytes[13]) }
        nonmutating set { bytes[13] = newValue.rawValue }
    }
    @inlinable public var window: UInt16 { @inline(__always) get { bytes.big16(at: 14) } }
    @inlinable public var checksum: UInt16 {
        @inline(__always) get { bytes.big16(at: 16) }
        nonmutating set { bytes.setBig16(newValue, at: 16) }
    }
}

/// The control bits of a TCP segment.
@frozen public struct TCPFlags: OptionSet, Hashable, Sendable, BitwiseCopyable {
    public let rawValue: UInt8
    @inlinable @inline(__always)
    public init(rawValue: UInt8) { self.rawValue = rawValue }
    @inlinable public static var fin: TCPFlags { .init(rawValue: 0x01) }
    @inlinable public static var syn: TCPFlags { .init(rawValue: 0x02) }
    @inlinable public static var rst: TCPFlags { .init(rawValue: 0x04) }
    @inlinable public static var psh: TCPFlags { .init(rawValue: 0x08) }
    @inlinable public static var ack: TCPFlags { .init(rawValue: 0x10) }
    @inlinable public static var urg: TCPFlags { .init(rawValue: 0x20) }
}
