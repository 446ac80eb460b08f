/// The UDP header (RFC 768).
@frozen public struct UDPHeader {
    public let bytes: Bytes

    /// `nil` when fewer than 8 bytes stand there.
    @inlinable @inline(__always)
    public init?(_ bytes: Bytes) {
        guard bytes.count >= 8 else { return nil }
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
    /// Header and payload in bytes.
    @inlinable public var length: Int {
        @inline(__always) get { Int(bytes.big16(at: 4)) }
        nonmutating set { bytes.setBig16(UInt16(truncatingIfNeeded: newValue), at: 4) }
    }
    /// 0 means that none was computed (IPv4 only).
    @inlinable public var checksum: UInt16 {
        @inline(__always) get { bytes.big16(at: 6) }
        nonmutating set { bytes.setBig16(newValue, at: 6) }
    }
}
