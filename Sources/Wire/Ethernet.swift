/// The Ethernet II header (IEEE 802.3 clause 3), with one 802.1Q or 802.1ad tag when present.
@frozen public struct EthernetHeader {
    public let bytes: Bytes

    /// `nil` when the frame is shorter than 14 bytes, or 18 with a tag.
    @inlinable @inline(__always)
    public init?(_ bytes: Bytes) {
        guard bytes.count >= 14 else { return nil }
        self.bytes = bytes
        guard !isTagged || bytes.count >= 18 else { return nil }
    }

    @inlinable public var destination: MACAddress {
        @inline(__always) get { bytes.mac(at: 0) }
        nonmutating set { bytes.setMAC(newValue, at: 0) }
    }
    @inlinable public var source: MACAddress {
        @inline(__always) get { bytes.mac(at: 6) }
        nonmutating set { bytes.setMAC(newValue, at: 6) }
    }

    @inlinable @inline(__always)
    public var isTagged: Bool {
        let type = bytes.big16(at: 12)
        return type == EtherType.vlan || type == EtherType.serviceVLAN
    }

    /// The 12-bit VLAN id of the tag, 0 without one.
    public var vlan: UInt16 { isTagged ? bytes.big16(at: 14) & 0xfff : 0 }

    /// The type of the payload, behind the tag when there is one.
    @inlinable public var type: UInt16 {
        @inline(__always) get { isTagged ? bytes.big16(at: 16) : bytes.big16(at: 12) }
        nonmutating set { bytes.setBig16(newValue, at: isTagged ? 16 : 12) }
    }

    /// 14, or 18 with a tag.
    @inlinable @inline(__always)
    public var length: Int { isTagged ? 18 : 14 }
}

/// Ethernet payload types (IEEE 802 numbers).
public enum EtherType {
    @inlinable public static var ipv4: UInt16 { 0x0800 }
    @inlinable public static var arp: UInt16 { 0x0806 }
    @inlinable public static var vlan: UInt16 { 0x8100 }
    @inlinable public static var serviceVLAN: UInt16 { 0x88a8 }
    @inlinable public static var ipv6: UInt16 { 0x86dd }
}
