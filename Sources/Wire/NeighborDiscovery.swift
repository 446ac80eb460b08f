/// A neighbour solicitation or advertisement (RFC 4861 sections 4.3 and 4.4): the ICMPv6 message behind the IPv6 header.
///
/// A receiver also has to see hop limit 255 and a valid checksum (section 7.1).
@frozen public struct NeighborMessage {
    public let bytes: Bytes

    /// `nil` when it is of another type, has a code, is shorter than 24 bytes, or an option has length 0 or reaches
    /// behind the end.
    @inlinable
    public init?(_ bytes: Bytes) {
        guard bytes.count >= 24, bytes[0] == ICMPv6Type.neighborSolicitation || bytes[0] == ICMPv6Type.neighborAdvertisement,
            bytes[1] == 0
        else { return nil }
        var offset = 24
        while offset < bytes.count {
            guard bytes.holds(8, at: offset), bytes[offset &+ 1] != 0 else { return nil }
            offset &+= Int(bytes[offset &+ 1]) &* 8
        }
        guard offset == bytes.count else { return nil }
        self.bytes = bytes
    }

    /// Bytes of a message with one link-layer address option: 32.
    @inlinable public static var length: Int { 32 }

    /// Lays down an advertisement with the target's link-layer address in the first 32 bytes. `source` and `destination`
    /// are those of the IPv6 header; an unsolicited one goes to all nodes (`ff02::1`) with `solicited` false and `override`
    /// true (RFC 4861 section 7.2.6).
    public static func writeAdvertisement(
        to bytes: Bytes, from source: IPAddress, to destination: IPAddress,
        target: IPAddress, targetMAC: MACAddress, isRouter: Bool = false,
        solicited: Bool = false, override: Bool = true
    ) {
        let flags: UInt32 = (isRouter ? 0x8000_0000 : 0) | (solicited ? 0x4000_0000 : 0) | (override ? 0x2000_0000 : 0)
        bytes.setBig32(UInt32(ICMPv6Type.neighborAdvertisement) << 24, at: 0)
        bytes.setBig32(flags, at: 4)
        bytes.setBig64(target.high, at: 8)
        bytes.setBig64(target.low, at: 16)
        bytes[24] = 2
        bytes[25] = 1
        bytes.setMAC(targetMAC, at: 26)
        bytes.setBig16(Checksum.of(bytes.prefix(length), from: source, to: destination, proto: IPProtocol.icmpv6), at: 2)
    }

    /// Lays down a solicitation without a link-layer address, as duplicate address detection sends it, in the first 24 bytes
    /// (RFC 4862 section 5.4.2): from `::` to the target's solicited-node group, so that whoever has the target tells all nodes.
    public static func writeProbe(to bytes: Bytes, for target: IPAddress) {
        bytes.setBig64(UInt64(ICMPv6Type.neighborSolicitation) << 56, at: 0)
        bytes.setBig64(target.high, at: 8)
        bytes.setBig64(target.low, at: 16)
        let sum = Checksum.of(
            bytes.prefix(24), from: .unspecified(.v6), to: .solicitedNode(of: target), proto: IPProtocol.icmpv6)
        bytes.setBig16(sum, at: 2)
    }

    /// Whether the checksum is right for a message between these addresses.
    public func hasValidChecksum(from source: IPAddress, to destination: IPAddress) -> Bool {
        Checksum.of(bytes, from: source, to: destination, proto: IPProtocol.icmpv6) == 0
    }

    @inlinable public var isSolicitation: Bool { bytes[0] == ICMPv6Type.neighborSolicitation }
    @inlinable public var isRouter: Bool { bytes[4] & 0x80 != 0 }
    @inlinable public var isSolicited: Bool { bytes[4] & 0x40 != 0 }
    @inlinable public var isOverride: Bool { bytes[4] & 0x20 != 0 }
    @inlinable public var target: IPAddress { bytes.ipv6(at: 8) }

    /// The source's link-layer address in a solicitation, the target's in an advertisement; `nil` without that option.
    public var linkAddress: MACAddress? {
        let wanted: UInt8 = isSolicitation ? 1 : 2
        var offset = 24
        while bytes.holds(8, at: offset), bytes[offset &+ 1] != 0 {
            if bytes[offset] == wanted, bytes[offset &+ 1] == 1 { return bytes.mac(at: offset &+ 2) }
            offset &+= Int(bytes[offset &+ 1]) &* 8
        }
        return nil
    }
}

extension IPAddress {
    /// The group in which an IPv6 address is asked for (RFC 4291 section 2.7.1): `ff02::1:ff` with its last 24 bits.
    public static func solicitedNode(of address: IPAddress) -> IPAddress {
        IPAddress(high: 0xff02 << 48, low: 0x1_ff00_0000 | address.low & 0xff_ffff)
    }
}

extension MACAddress {
    /// The Ethernet group address of an IP group: `33:33` with the last 32 bits of an IPv6 group (RFC 2464 section 7),
    /// `01:00:5e` with the last 23 of an IPv4 one (RFC 1112 section 6.4).
    public init(group address: IPAddress) {
        self.init(bits: address.isV4 ? 0x0100_5e00_0000 | UInt64(address.v4 & 0x7f_ffff) : 0x3333_0000_0000 | UInt64(address.v4))
    }
}
