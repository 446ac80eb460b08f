/// The IPv4 header (RFC 791 section 3.1).
@frozen public struct IPv4Header {
    public let bytes: Bytes

    /// `nil` when fewer than 20 bytes stand there, the version is not 4, or the options reach behind the end.
    @inlinable @inline(__always)
    public init?(_ bytes: Bytes) {
        guard bytes.count >= 20 else { return nil }
        let first = bytes[0]
        guard first >> 4 == 4, first & 15 >= 5, Int(first & 15) &* 4 <= bytes.count else { return nil }
        self.bytes = bytes
    }

    /// Lays down a header of 20 bytes with everything but what is named set to zero, and its checksum.
    public static func write(
        to bytes: Bytes, totalLength: Int, proto: UInt8, from source: IPAddress,
        to destination: IPAddress, timeToLive: UInt8 = 64, typeOfService: UInt8 = 0,
        id: UInt16 = 0, dontFragment: Bool = false
    ) {
        bytes[0] = 0x45
        bytes[1] = typeOfService
        bytes.setBig16(UInt16(truncatingIfNeeded: totalLength), at: 2)
        bytes.setBig16(id, at: 4)
        bytes.setBig16(dontFragment ? 0x4000 : 0, at: 6)
        bytes[8] = timeToLive
        bytes[9] = proto
        bytes.setBig16(0, at: 10)
        bytes.setBig32(source.v4, at: 12)
        bytes.setBig32(destination.v4, at: 16)
        bytes.setBig16(Checksum.of(bytes.prefix(20)), at: 10)
    }

    /// Header length in bytes, options included: 20 to 60.
    @inlinable @inline(__always)
    public var length: Int { Int(bytes[0] & 15) &* 4 }

    @inlinable public var typeOfService: UInt8 {
        @inline(__always) get { bytes[1] }
        nonmutating set { bytes[1] = newValue }
    }
    /// Length of the whole packet in bytes, header included.
    @inlinable public var totalLength: Int {
        @inline(__always) get { Int(bytes.big16(at: 2)) }
        nonmutating set { bytes.setBig16(UInt16(truncatingIfNeeded: newValue), at: 2) }
    }
    @inlinable public var id: UInt16 {
        @inline(__always) get { bytes.big16(at: 4) }
        nonmutating set { bytes.setBig16(newValue, at: 4) }
    }
    /// The flags and the fragment offset as one word.
    @inlinable public var fragmentWord: UInt16 {
        @inline(__always) get { bytes.big16(at: 6) }
        nonmutating set { bytes.setBig16(newValue, at: 6) }
    }
    @inlinable @inline(__always)
    public var dontFragment: Bool { fragmentWord & 0x4000 != 0 }
    @inlinable @inline(__always)
    public var moreFragments: Bool { fragmentWord & 0x2000 != 0 }
    /// Where this fragment's payload belongs in the datagram, in bytes.
    @inlinable @inline(__always)
    public var fragmentOffset: Int { Int(fragmentWord & 0x1fff) &* 8 }
    @inlinable @inline(__always)
    public var isFragment: Bool { fragmentWord & 0x3fff != 0 }

    @inlinable public var timeToLive: UInt8 {
        @inline(__always) get { bytes[8] }
        nonmutating set { bytes[8] = newValue }
    }
    @inlinable public var proto: UInt8 {
        @inline(__always) get { bytes[9] }
        nonmutating set { bytes[9] = newValue }
    }
    @inlinable public var checksum: UInt16 {
        @inline(__always) get { bytes.big16(at: 10) }
        nonmutating set { bytes.setBig16(newValue, at: 10) }
    }
    @inlinable public var source: IPAddress {
        @inline(__always) get { bytes.ipv4(at: 12) }
        nonmutating set { bytes.setBig32(newValue.v4, at: 12) }
    }
    @inlinable public var destination: IPAddress {
        @inline(__always) get { bytes.ipv4(at: 16) }
        nonmutating set { bytes.setBig32(newValue.v4, at: 16) }
    }

    @inlinable @inline(__always)
    public var hasValidChecksum: Bool {
        if bytes[0] & 15 == 5 {
            let a = bytes.big64(at: 0), b = bytes.big64(at: 8)
            var s = (a >> 32) &+ (a & 0xffff_ffff) &+ (b >> 32) &+ (b & 0xffff_ffff) &+ UInt64(bytes.big32(at: 16))
            s = (s & 0xffff_ffff) &+ (s >> 32)
            s = (s & 0xffff) &+ (s >> 16)
            s = (s & 0xffff) &+ (s >> 16)
            return s & 0xffff == 0xffff || (s & 0xffff) &+ (s >> 16) == 0xffff
        }
        return Checksum.of(bytes.prefix(length)) == 0
    }

    /// Computes the header checksum anew.
    public func fillChecksum() {
        checksum = 0
        checksum = Checksum.of(bytes.prefix(length))
    }
}

/// IP protocol numbers (IANA).
public enum IPProtocol {
    @inlinable public static var hopByHop: UInt8 { 0 }
    @inlinable public static var icmp: UInt8 { 1 }
    @inlinable public static var ipip: UInt8 { 4 }
    @inlinable public static var tcp: UInt8 { 6 }
    @inlinable public static var udp: UInt8 { 17 }
    @inlinable public static var ipv6: UInt8 { 41 }
    @inlinable public static var routing: UInt8 { 43 }
    @inlinable public static var fragment: UInt8 { 44 }
    @inlinable public static var gre: UInt8 { 47 }
    @inlinable public static var esp: UInt8 { 50 }
    @inlinable public static var ah: UInt8 { 51 }
    @inlinable public static var icmpv6: UInt8 { 58 }
    @inlinable public static var none: UInt8 { 59 }
    @inlinable public static var destinationOptions: UInt8 { 60 }
    @inlinable public static var sctp: UInt8 { 132 }
    @inlinable public static var udpLite: UInt8 { 136 }
}
