/// The Generic UDP Encapsulation header (draft-ietf-intarea-gue-09): what follows the UDP header of such a tunnel.
///
/// Variant 0 has a header of 4 bytes and an optional part; variant 1 is an IP packet with nothing in front, told by the
/// two highest bits of the IP version.
@frozen public struct GUEHeader {
    public let bytes: Bytes

    /// `nil` when the header does not stand there in full, the variant is 2 or 3, or variant 1 holds neither IPv4 nor IPv6.
    @inlinable @inline(__always)
    public init?(_ bytes: Bytes) {
        guard bytes.count >= 4 else { return nil }
        let first = bytes[0]
        switch first >> 6 {
        case 0: guard 4 &+ Int(first & 0x1f) &* 4 <= bytes.count else { return nil }
        case 1: guard first >> 4 == 4 || first >> 4 == 6 else { return nil }
        default: return nil
        }
        self.bytes = bytes
    }

    /// Lays down the 4 bytes of a variant 0 data header without options.
    public static func write(to bytes: Bytes, proto: UInt8) {
        bytes.setBig32(UInt32(proto) << 16, at: 0)
    }

    /// Lays down a variant 0 data header with remote checksum offload as a private option: 12 bytes. `start` and `field`
    /// (where the checksum begins and where it is stored) are counted in bytes from the start of the inner packet.
    public static func write(to bytes: Bytes, proto: UInt8, remoteChecksumFrom start: UInt16, storedAt field: UInt16) {
        bytes.setBig32(0x0200_0001 | UInt32(proto) << 16, at: 0)
        bytes.setBig32(remoteChecksumFlag, at: 4)
        bytes.setBig16(start, at: 8)
        bytes.setBig16(field, at: 10)
    }

    /// The bit of the private flags that announces remote checksum offload (Linux GUE_PFLAG_REMCSUM).
    @inlinable static var remoteChecksumFlag: UInt32 { 0x8000_0000 }

    /// 0 or 1.
    @inlinable @inline(__always)
    public var variant: UInt8 { bytes[0] >> 6 }

    /// Whether this is a control message, which carries no packet.
    @inlinable @inline(__always)
    public var isControl: Bool { bytes[0] & 0xe0 == 0x20 }

    /// Header length in bytes with its optional part: 0 in variant 1, else 4 to 128.
    @inlinable @inline(__always)
    public var length: Int { variant == 1 ? 0 : 4 &+ Int(bytes[0] & 0x1f) &* 4 }

    /// IP protocol number of what follows, in a control message the control type; in variant 1 that of the IP version.
    @inlinable @inline(__always)
    public var proto: UInt8 {
        if variant == 1 { return bytes[0] >> 4 == 6 ? IPProtocol.ipv6 : IPProtocol.ipip }
        return bytes[1]
    }

    /// The flags that describe the optional part; 0 in variant 1.
    @inlinable @inline(__always)
    public var flags: UInt16 { variant == 1 ? 0 : bytes.big16(at: 2) }

    /// The private flags behind flag bit 0x0001, where this knows of no other option in front; 0 without them.
    public var privateFlags: UInt32 { flags == 1 && length >= 8 ? bytes.big32(at: 4) : 0 }

    /// Where the remotely offloaded checksum begins and where it is stored, in bytes from the start of the inner packet;
    /// `nil` without that option.
    public var remoteChecksum: (start: Int, field: Int)? {
        guard privateFlags & Self.remoteChecksumFlag != 0, length >= 12 else { return nil }
        return (Int(bytes.big16(at: 8)), Int(bytes.big16(at: 10)))
    }

    /// What follows the header; in variant 1 all of it.
    @inlinable @inline(__always)
    public var payload: Bytes { bytes.dropFirst(length) }
}
