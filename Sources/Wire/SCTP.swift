/// The SCTP common header (RFC 9260 section 3.1) and the chunk behind it.
@frozen public struct SCTPHeader {
    public let bytes: Bytes

    /// `nil` when fewer than 12 bytes stand there.
    @inlinable @inline(__always)
    public init?(_ bytes: Bytes) {
        guard bytes.count >= 12 else { return nil }
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
    /// Type of the first chunk; `nil` when no chunk header of four bytes is there.
    @inlinable public var firstChunk: UInt8? { bytes.count >= 16 ? bytes[12] : nil }

    /// Type of the chunk behind the first one, lengths rounded up to four bytes; `nil` also when the first one's length
    /// is below the four bytes of its header.
    public var secondChunk: UInt8? {
        guard bytes.count >= 16 else { return nil }
        let length = Int(bytes.big16(at: 14))
        let next = 12 &+ (length &+ 3) & ~3
        return length >= 4 && bytes.holds(4, at: next) ? bytes[next] : nil
    }
}
