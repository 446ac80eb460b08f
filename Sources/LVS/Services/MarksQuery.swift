public import Wire

/// What netfilter rules look at in a packet; ports in host order.
public struct MarkQuery: Hashable, Sendable {
    public var source: IPAddress
    public var destination: IPAddress
    /// IP protocol number, for IPv6 behind the extension headers, and the one that stands in the IP header.
    public var proto: UInt8
    public var headerProto: UInt8
    public var sourcePort: UInt16
    public var destinationPort: UInt16
    /// Name of the interface that the packet came in by.
    public var ingress: String
    /// MAC addresses, 48 bits.
    public var sourceMAC: UInt64 = 0
    public var destinationMAC: UInt64 = 0
    /// The 14th byte of a TCP header: FIN 1, SYN 2, RST 4, PSH 8, ACK 16, URG 32.
    public var tcpFlags: UInt8
    /// Type and code, when `proto` is ICMP or ICMPv6.
    public var icmpType: UInt8
    public var icmpCode: UInt8
    /// Bytes that are there of the transport header and what follows it.
    public var transportLength = 20
    /// Bytes of the IP packet.
    public var length = 40
    public var hops: UInt8 = 64
    public var typeOfService: UInt8 = 0
    /// Offset of a fragment in units of eight bytes; beyond 0 it has no ports, flags or ICMP type that a rule could match.
    public var fragmentOffset: UInt16
    /// RTN_* number of the route to the destination; 2 is one of the director's own addresses.
    public var destinationType: UInt8
    /// The same for the source, and whether packets to it leave by the interface that this one came in by.
    public var sourceType: UInt8 = 1
    public var comesBack = true
    /// The mark the packet has before the first rule.
    public var mark: UInt32

    public init(
        source: IPAddress, destination: IPAddress, proto: UInt8, sourcePort: UInt16 = 0, destinationPort: UInt16 = 0,
        ingress: String = "", tcpFlags: UInt8 = 0, icmpType: UInt8 = 0, icmpCode: UInt8 = 0,
        isLaterFragment: Bool = false, isLocal: Bool = true, mark: UInt32 = 0
    ) {
        self.source = source
        self.destination = destination
        self.proto = proto
        headerProto = proto
        self.sourcePort = sourcePort
        self.destinationPort = destinationPort
        self.ingress = ingress
        self.tcpFlags = tcpFlags
        self.icmpType = icmpType
        self.icmpCode = icmpCode
        fragmentOffset = isLaterFragment ? 185 : 0
        destinationType = isLocal ? 2 : 1
        self.mark = mark
    }

    public var isLaterFragment: Bool {
        get { fragmentOffset != 0 }
        set { fragmentOffset = newValue ? 185 : 0 }
    }
    /// Whether the destination is one of the director's own addresses.
    public var isLocal: Bool {
        get { destinationType == 2 }
        set { destinationType = newValue ? 2 : 1 }
    }
}

/// What the rules have done to a packet so far.
public struct MarkState: Hashable, Sendable {
    public var mark: UInt32
    /// The mark of the connection, which is a new one: 0 until a rule sets it.
    public var connectionMark: UInt32 = 0
    /// Connection tracking is told to leave the packet alone (NOTRACK).
    public var isUntracked = false
    /// The rules in hand stand behind connection tracking.
    var isTracked = true

    public init(mark: UInt32 = 0) { self.mark = mark }
}

/// An address under a mask, which need not be a prefix.
public struct MaskedAddress: Hashable, Sendable {
    /// Bits outside the mask are 0.
    public let address: IPAddress
    public let mask: IPAddress

    public init(_ address: IPAddress, length: Int) {
        self.address = address.masked(to: length)
        mask =
            address.isV4
            ? IPAddress(v4: UInt32.max).masked(to: length)
            : IPAddress(high: UInt64.max, low: UInt64.max).masked(to: length)
    }

    /// - Parameter mask: of the same family as the address.
    public init(_ address: IPAddress, mask: IPAddress) {
        self.mask = mask
        self.address = IPAddress(high: address.high & mask.high, low: address.low & mask.low)
    }

    public func contains(_ other: IPAddress) -> Bool {
        other.high & mask.high == address.high && other.low & mask.low == address.low
    }

    /// Leading bits of the mask up to its first zero: the shortest prefix that holds all its addresses.
    public var prefixLength: Int {
        if address.isV4 { return (~mask.v4).leadingZeroBitCount }
        let high = (~mask.high).leadingZeroBitCount
        return high < 64 ? high : 64 + (~mask.low).leadingZeroBitCount
    }
}
