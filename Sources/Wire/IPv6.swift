/// The IPv6 header (RFC 8200 section 3).
@frozen public struct IPv6Header {
    public let bytes: Bytes

    /// `nil` when fewer than 40 bytes stand there or the version is not 6.
    @inlinable @inline(__always)
    public init?(_ bytes: Bytes) {
        guard bytes.count >= 40, bytes[0] >> 4 == 6 else { return nil }
        self.bytes = bytes
    }

    /// Lays down a header of 40 bytes.
    public static func write(
        to bytes: Bytes, payloadLength: Int, nextHeader: UInt8, from source: IPAddress,
        to destination: IPAddress, hopLimit: UInt8 = 64, trafficClass: UInt8 = 0,
        flowLabel: UInt32 = 0
    ) {
        bytes.setBig32(6 << 28 | UInt32(trafficClass) << 20 | flowLabel & 0xfffff, at: 0)
        bytes.setBig16(UInt16(truncatingIfNeeded: payloadLength), at: 4)
        bytes[6] = nextHeader
        bytes[7] = hopLimit
        bytes.setBig64(source.high, at: 8)
        bytes.setBig64(source.low, at: 16)
        bytes.setBig64(destination.high, at: 24)
        bytes.setBig64(destination.low, at: 32)
    }

    @inlinable @inline(__always)
    public var trafficClass: UInt8 { UInt8(truncatingIfNeeded: bytes.big16(at: 0) >> 4) }
    @inlinable @inline(__always)
    public var flowLabel: UInt32 { bytes.big32(at: 0) & 0xfffff }
    /// Bytes behind the 40 of this header, extension headers included.
    @inlinable public var payloadLength: Int {
        @inline(__always) get { Int(bytes.big16(at: 4)) }
        nonmutating set { bytes.setBig16(UInt16(truncatingIfNeeded: newValue), at: 4) }
    }
    @inlinable public var nextHeader: UInt8 {
        @inline(__always) get { bytes[6] }
        nonmutating set { bytes[6] = newValue }
    }
    @inlinable public var hopLimit: UInt8 {
        @inline(__always) get { bytes[7] }
        nonmutating set { bytes[7] = newValue }
    }
    @inlinable public var source: IPAddress {
        @inline(__always) get { bytes.ipv6(at: 8) }
        nonmutating set { bytes.setBig64(newValue.high, at: 8); bytes.setBig64(newValue.low, at: 16) }
    }
    @inlinable public var destination: IPAddress {
        @inline(__always) get { bytes.ipv6(at: 24) }
        nonmutating set { bytes.setBig64(newValue.high, at: 24); bytes.setBig64(newValue.low, at: 32) }
    }
}

/// Where the extension headers of an IPv6 packet (RFC 8200 section 4) lead.
@frozen public struct IPv6Extensions: BitwiseCopyable {
    /// Protocol behind the last extension header that could be read.
    public var proto: UInt8
    /// Where it begins, from the start of the IPv6 header.
    public var offset: Int
    /// Where the fragment header stands; 0 without one.
    public var fragmentHeader: Int
    /// Where the byte stands that names what follows the unfragmentable part.
    public var lastNextHeader: Int

    /// Follows hop-by-hop, routing, destination options, AH and fragment headers until something else or a non-first
    /// fragment stands there; `nil` when a header reaches behind the end or a second fragment header stands there.
    @inlinable
    public init?(_ bytes: Bytes) {
        guard bytes.count >= 40 else { return nil }
        proto = bytes[6]
        offset = 40
        fragmentHeader = 0
        lastNextHeader = 6
        while true {
            switch proto {
            case IPProtocol.hopByHop, IPProtocol.routing, IPProtocol.destinationOptions, IPProtocol.ah:
                guard bytes.holds(8, at: offset) else { return nil }
                let words = Int(bytes[offset &+ 1])
                // The authentication header counts words of four bytes, less two (RFC 4302 section 2.2).
                let length = proto == IPProtocol.ah ? (words &+ 2) &* 4 : (words &+ 1) &* 8
                guard bytes.holds(length, at: offset) else { return nil }
                lastNextHeader = offset
                proto = bytes[offset]
                offset &+= length
            case IPProtocol.fragment:
                guard bytes.holds(8, at: offset), fragmentHeader == 0 else { return nil }
                fragmentHeader = offset
                proto = bytes[offset]
                let isFirst = bytes.big16(at: offset &+ 2) & 0xfff8 == 0
                offset &+= 8
                guard isFirst else { return }
            default:
                return
            }
        }
    }
}
