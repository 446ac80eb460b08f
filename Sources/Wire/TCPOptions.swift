/// The options of a TCP header (RFC 9293 section 3.1), walked in order; changes keep the header's checksum right.
@frozen public struct TCPOptions {
    public let header: TCPHeader
    /// End of the options, from the start of the header.
    @usableFromInline let end: Int

    /// `nil` when the data offset is below 20 bytes or lies behind the end.
    @inlinable @inline(__always)
    public init?(_ header: TCPHeader) {
        end = header.length
        guard end >= 20, end <= header.bytes.count else { return nil }
        self.header = header
    }

    /// The first option behind the header's 20 bytes.
    @inlinable @inline(__always)
    public var first: TCPOption? { option(at: 20) }

    /// The option behind `option`; `nil` at the end of the list, which also a length that cannot be brings about.
    @inlinable @inline(__always)
    public func next(after option: TCPOption) -> TCPOption? { self.option(at: option.offset &+ option.length) }

    /// The option that begins at `offset`, no-operations skipped.
    @inlinable
    func option(at offset: Int) -> TCPOption? {
        var offset = offset
        while offset < end, header.bytes[offset] == TCPOption.nop { offset &+= 1 }
        guard offset &+ 2 <= end, header.bytes[offset] != TCPOption.end else { return nil }
        let length = Int(header.bytes[offset &+ 1])
        guard length >= 2, offset &+ length <= end else { return nil }
        return TCPOption(kind: header.bytes[offset], offset: offset, length: length)
    }

    /// The first option of a kind.
    @inlinable
    public func find(_ kind: UInt8) -> TCPOption? {
        var each = first
        while let option = each, option.kind != kind { each = next(after: option) }
        return each
    }

    /// Whether every option up to the end of the list has a length that can be.
    public var isWellFormed: Bool {
        var offset = 20
        while let option = option(at: offset) { offset = option.offset &+ option.length }
        while offset < end, header.bytes[offset] == TCPOption.nop { offset &+= 1 }
        return offset == end || header.bytes[offset] == TCPOption.end
    }

    /// Maximum segment size in bytes (RFC 9293 section 3.7.1); `nil` without a valid option of that kind.
    public var mss: UInt16? {
        find(TCPOption.mss).flatMap { $0.length == 4 ? header.bytes.big16(at: $0.offset &+ 2) : nil }
    }

    /// Sets the maximum segment size; false when the option is not there.
    @discardableResult
    public func setMSS(_ size: UInt16, updatingChecksum: Bool = true) -> Bool {
        guard let option = find(TCPOption.mss), option.length == 4 else { return false }
        header.replace16(size, at: option.offset &+ 2, updatingChecksum: updatingChecksum)
        return true
    }

    /// Lowers the maximum segment size to `limit` when it is above; true when it was.
    @discardableResult
    public func clampMSS(to limit: UInt16, updatingChecksum: Bool = true) -> Bool {
        guard let size = mss, size > limit else { return false }
        return setMSS(limit, updatingChecksum: updatingChecksum)
    }

    /// Adds `difference` to every edge of every selective acknowledgment block (RFC 2018), modulo 2^32.
    public func shiftSACK(by difference: UInt32, updatingChecksum: Bool = true) {
        var each = first
        while let option = each {
            if option.kind == TCPOption.sack {
                var edge = option.offset &+ 2
                while edge &+ 4 <= option.offset &+ option.length {
                    header.replace32(header.bytes.big32(at: edge) &+ difference, at: edge, updatingChecksum: updatingChecksum)
                    edge &+= 4
                }
            }
            each = next(after: option)
        }
    }

    /// Timestamp value and echo reply (RFC 7323 section 3.2); `nil` without a valid option of that kind.
    public var timestamps: (value: UInt32, echo: UInt32)? {
        guard let option = find(TCPOption.timestamps), option.length == 10 else { return nil }
        return (header.bytes.big32(at: option.offset &+ 2), header.bytes.big32(at: option.offset &+ 6))
    }

    /// Overwrites an option with no-operations.
    public func blank(_ option: TCPOption, updatingChecksum: Bool = true) {
        for offset in option.offset..<option.offset &+ option.length {
            header.replace8(TCPOption.nop, at: offset, updatingChecksum: updatingChecksum)
        }
    }
}

/// One TCP option: its kind and where it stands.
@frozen public struct TCPOption: BitwiseCopyable {
    public let kind: UInt8
    /// Where its kind stands, from the start of the TCP header.
    public let offset: Int
    /// Bytes with kind and length.
    public let length: Int

    @inlinable @inline(__always)
    init(kind: UInt8, offset: Int, length: Int) {
        self.kind = kind
        self.offset = offset
        self.length = length
    }

    @inlinable public static var end: UInt8 { 0 }
    @inlinable public static var nop: UInt8 { 1 }
    @inlinable public static var mss: UInt8 { 2 }
    @inlinable public static var windowScale: UInt8 { 3 }
    @inlinable public static var sackPermitted: UInt8 { 4 }
    @inlinable public static var sack: UInt8 { 5 }
    @inlinable public static var timestamps: UInt8 { 8 }
}

extension TCPHeader {
    /// Changes a 16-bit word at any offset. The checksum adds words at even offsets, so a word at an odd one enters it
    /// with its bytes exchanged.
    public func replace16(_ value: UInt16, at offset: Int, updatingChecksum: Bool) {
        let old = bytes.big16(at: offset)
        bytes.setBig16(value, at: offset)
        guard updatingChecksum else { return }
        checksum =
            offset & 1 == 0
            ? Checksum.update(checksum, from: old, to: value)
            : Checksum.update(checksum, from: old.byteSwapped, to: value.byteSwapped)
    }

    /// Changes a 32-bit word at any offset.
    public func replace32(_ value: UInt32, at offset: Int, updatingChecksum: Bool) {
        replace16(UInt16(truncatingIfNeeded: value >> 16), at: offset, updatingChecksum: updatingChecksum)
        replace16(UInt16(truncatingIfNeeded: value), at: offset &+ 2, updatingChecksum: updatingChecksum)
    }

    func replace8(_ value: UInt8, at offset: Int, updatingChecksum: Bool) {
        let old = bytes[offset]
        bytes[offset] = value
        guard updatingChecksum else { return }
        let shift: UInt16 = offset & 1 == 0 ? 8 : 0
        checksum = Checksum.update(checksum, from: UInt16(old) << shift, to: UInt16(value) << shift)
    }
}
