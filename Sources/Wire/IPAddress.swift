/// The two IP versions.
@frozen public enum IPFamily: UInt8, Sendable, Hashable, BitwiseCopyable {
    case v4 = 4
    case v6 = 6

    /// Bits in an address: 32 or 128.
    public var width: Int { self == .v4 ? 32 : 128 }
    /// Bytes of the header without options: 20 or 40.
    public var headerLength: Int { self == .v4 ? 20 : 40 }
}

/// An IPv4 or IPv6 address as one 128-bit number in host order; IPv4 is held as `::ffff:a.b.c.d` (RFC 4291 section 2.5.5.2).
///
/// Packets that carry such a mapped address on an IPv6 wire are refused by the parser, so the two families never mix.
@frozen public struct IPAddress: Hashable, Sendable, BitwiseCopyable {
    public var high: UInt64
    public var low: UInt64

    @inlinable @inline(__always)
    public init(high: UInt64, low: UInt64) {
        self.high = high
        self.low = low
    }

    /// An IPv4 address as a number in host order: 10.0.0.1 is 0x0a000001.
    @inlinable @inline(__always)
    public init(v4: UInt32) {
        high = 0
        low = 0xffff_0000_0000 | UInt64(v4)
    }

    @inlinable @inline(__always)
    public var isV4: Bool { high == 0 && low >> 32 == 0xffff }

    @inlinable @inline(__always)
    public var family: IPFamily { isV4 ? .v4 : .v6 }

    /// The low 32 bits: for IPv4 the address in host order.
    @inlinable @inline(__always)
    public var v4: UInt32 { UInt32(truncatingIfNeeded: low) }

    /// 0.0.0.0 or ::.
    public static func unspecified(_ family: IPFamily) -> IPAddress {
        family == .v4 ? IPAddress(v4: 0) : IPAddress(high: 0, low: 0)
    }

    public var isUnspecified: Bool { isV4 ? v4 == 0 : high == 0 && low == 0 }
    public var isMulticast: Bool { isV4 ? v4 >> 28 == 0xe : high >> 56 == 0xff }
    public var isLoopback: Bool { isV4 ? v4 >> 24 == 127 : high == 0 && low == 1 }
    public var isLinkLocal: Bool { isV4 ? v4 >> 16 == 0xa9fe : high >> 54 == 0x3fa }

    /// The address with everything behind the first `length` bits of its family's width set to zero.
    public func masked(to length: Int) -> IPAddress {
        if isV4 {
            let kept = min(max(length, 0), 32)
            return IPAddress(v4: kept == 0 ? 0 : v4 & (UInt32.max << UInt32(32 - kept)))
        }
        let kept = min(max(length, 0), 128)
        let highMask = kept == 0 ? 0 : UInt64.max << UInt64(64 - min(kept, 64))
        let lowMask = kept <= 64 ? 0 : UInt64.max << UInt64(128 - kept)
        return IPAddress(high: high & highMask, low: low & lowMask)
    }

    /// Whether the first `length` bits agree with those of `prefix`.
    public func matches(_ prefix: IPAddress, length: Int) -> Bool {
        isV4 == prefix.isV4 && masked(to: length) == prefix.masked(to: length)
    }

    /// IPv4: the address in host order; IPv6: the four 32-bit words (big-endian numbers) XORed. What the hashing
    /// schedulers of IPVS call folding.
    public var folded: UInt32 {
        if isV4 { return v4 }
        return UInt32(truncatingIfNeeded: high >> 32) ^ UInt32(truncatingIfNeeded: high)
            ^ UInt32(truncatingIfNeeded: low >> 32) ^ UInt32(truncatingIfNeeded: low)
    }
}

extension IPAddress: Comparable {
    public static func < (a: IPAddress, b: IPAddress) -> Bool { (a.high, a.low) < (b.high, b.low) }
}

extension Bytes {
    /// Four bytes in network order.
    @inlinable @inline(__always)
    public func ipv4(at offset: Int) -> IPAddress { IPAddress(v4: big32(at: offset)) }

    /// Sixteen bytes in network order.
    @inlinable @inline(__always)
    public func ipv6(at offset: Int) -> IPAddress { IPAddress(high: big64(at: offset), low: big64(at: offset &+ 8)) }

    /// Writes 4 or 16 bytes in network order, by the address's family.
    @inlinable @inline(__always)
    public func setIP(_ address: IPAddress, at offset: Int) {
        if address.isV4 {
            setBig32(address.v4, at: offset)
        } else {
            setBig64(address.high, at: offset)
            setBig64(address.low, at: offset &+ 8)
        }
    }
}
