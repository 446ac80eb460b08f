/// An ARP packet for Ethernet and IPv4 (RFC 826), 28 bytes; padding may follow.
@frozen public struct ARPPacket {
    public let bytes: Bytes

    /// `nil` when fewer than 28 bytes stand there or the address kinds are not Ethernet and IPv4.
    @inlinable @inline(__always)
    public init?(_ bytes: Bytes) {
        guard bytes.count >= 28, bytes.big32(at: 0) == 0x0001_0800, bytes.big16(at: 4) == 0x0604 else { return nil }
        self.bytes = bytes
    }

    /// Bytes of the packet: 28.
    @inlinable public static var length: Int { 28 }

    /// Lays down 28 bytes. In a request for a resolution the target's MAC address is zero (RFC 826); a gratuitous ARP
    /// (RFC 5227) names the same address as sender and target.
    public static func write(
        to bytes: Bytes, operation: ARPOperation, senderMAC: MACAddress, sender: IPAddress,
        targetMAC: MACAddress = .zero, target: IPAddress
    ) {
        bytes.setBig32(0x0001_0800, at: 0)
        bytes.setBig16(0x0604, at: 4)
        bytes.setBig16(operation.rawValue, at: 6)
        bytes.setMAC(senderMAC, at: 8)
        bytes.setBig32(sender.v4, at: 14)
        bytes.setMAC(targetMAC, at: 18)
        bytes.setBig32(target.v4, at: 24)
    }

    @inlinable public var operation: ARPOperation {
        @inline(__always) get { ARPOperation(rawValue: bytes.big16(at: 6)) }
        nonmutating set { bytes.setBig16(newValue.rawValue, at: 6) }
    }
    @inlinable public var senderMAC: MACAddress {
        @inline(__always) get { bytes.mac(at: 8) }
        nonmutating set { bytes.setMAC(newValue, at: 8) }
    }
    @inlinable public var sender: IPAddress {
        @inline(__always) get { bytes.ipv4(at: 14) }
        nonmutating set { bytes.setBig32(newValue.v4, at: 14) }
    }
    @inlinable public var targetMAC: MACAddress {
        @inline(__always) get { bytes.mac(at: 18) }
        nonmutating set { bytes.setMAC(newValue, at: 18) }
    }
    @inlinable public var target: IPAddress {
        @inline(__always) get { bytes.ipv4(at: 24) }
        nonmutating set { bytes.setBig32(newValue.v4, at: 24) }
    }
}

/// The operation field of an ARP packet (IANA arp-parameters).
@frozen public struct ARPOperation: RawRepresentable, Hashable, Sendable, BitwiseCopyable {
    public let rawValue: UInt16
    @inlinable @inline(__always)
    public init(rawValue: UInt16) { self.rawValue = rawValue }
    @inlinable public static var request: ARPOperation { .init(rawValue: 1) }
    @inlinable public static var reply: ARPOperation { .init(rawValue: 2) }
}
