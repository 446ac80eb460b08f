/// The Internet checksum (RFC 1071): one's complement sum of 16-bit words, and its incremental update (RFC 1624).
@frozen public struct Checksum: BitwiseCopyable {
    @usableFromInline var sum: UInt64

    @inlinable @inline(__always)
    public init() { sum = 0 }

    /// Adds bytes as big-endian words; an odd last byte counts as the high half of a word.
    public mutating func add(_ bytes: Bytes) {
        var i = 0
        while i &+ 8 <= bytes.count {
            let word = bytes.big64(at: i)
            sum &+= (word >> 32) &+ (word & 0xffff_ffff)
            i &+= 8
        }
        while i &+ 2 <= bytes.count {
            sum &+= UInt64(bytes.big16(at: i))
            i &+= 2
        }
        if i < bytes.count { sum &+= UInt64(bytes[i]) << 8 }
    }

    @inlinable @inline(__always)
    public mutating func add(_ word: UInt16) { sum &+= UInt64(word) }

    @inlinable @inline(__always)
    public mutating func add(_ address: IPAddress) {
        if address.isV4 {
            sum &+= UInt64(address.v4)
        } else {
            sum &+= (address.high >> 32) &+ (address.high & 0xffff_ffff) &+ (address.low >> 32) &+ (address.low & 0xffff_ffff)
        }
    }

    /// Adds the pseudo-header of RFC 793 section 3.1 or RFC 8200 section 8.1.
    public mutating func addPseudoHeader(from source: IPAddress, to destination: IPAddress, proto: UInt8, length: Int) {
        add(source)
        add(destination)
        sum &+= UInt64(proto) &+ UInt64(UInt32(truncatingIfNeeded: length))
    }

    /// The sum folded to 16 bits, not complemented.
    @inlinable @inline(__always)
    public var folded: UInt16 {
        var s = (sum & 0xffff_ffff) &+ (sum >> 32)
        s = (s & 0xffff) &+ (s >> 16)
        s = (s & 0xffff) &+ (s >> 16)
        s = (s & 0xffff) &+ (s >> 16)
        return UInt16(truncatingIfNeeded: s)
    }

    /// What belongs into a checksum field.
    @inlinable @inline(__always)
    public var value: UInt16 { ~folded }

    /// The checksum of `bytes`.
    public static func of(_ bytes: Bytes) -> UInt16 {
        var checksum = Checksum()
        checksum.add(bytes)
        return checksum.value
    }

    /// The checksum of a TCP, UDP or ICMPv6 message between two addresses; 0 when the message holds the right one.
    public static func of(_ message: Bytes, from source: IPAddress, to destination: IPAddress, proto: UInt8) -> UInt16 {
        var checksum = Checksum()
        checksum.addPseudoHeader(from: source, to: destination, proto: proto, length: message.count)
        checksum.add(message)
        return checksum.value
    }

    /// The checksum after a 16-bit word it covers changed from `old` to `new` (RFC 1624 equation 3).
    @inlinable @inline(__always)
    public static func update(_ checksum: UInt16, from old: UInt16, to new: UInt16) -> UInt16 {
        var s = UInt32(~checksum) &+ UInt32(~old) &+ UInt32(new)
        s = (s & 0xffff) &+ (s >> 16)
        s = (s & 0xffff) &+ (s >> 16)
        return ~UInt16(truncatingIfNeeded: s)
    }

    /// The checksum after an address it covers changed, also between families.
    @inlinable @inline(__always)
    public static func update(_ checksum: UInt16, from old: IPAddress, to new: IPAddress) -> UInt16 {
        var difference = Checksum()
        difference.add(old)
        let removed = difference.folded
        var addition = Checksum()
        addition.add(new)
        return update(checksum, from: removed, to: addition.folded)
    }
}
