public import Wire

/// What firewall-mark rules look at in a packet; ports in host order.
public struct MarkQuery: Hashable, Sendable {
    public var source: IPAddress
    public var destination: IPAddress
    /// IP protocol number, for IPv6 behind the extension headers.
    public var proto: UInt8
    public var sourcePort: UInt16
    public var destinationPort: UInt16
    /// Name of the interface that the packet came in by.
    public var ingress: String
    /// The 14th byte of a TCP header: FIN 1, SYN 2, RST 4, PSH 8, ACK 16, URG 32.
    public var tcpFlags: UInt8
    /// Type and code, when `proto` is ICMP or ICMPv6.
    public var icmpType: UInt8
    public var icmpCode: UInt8
    /// A fragment other than the first: it has no ports, flags or ICMP type that a rule could match.
    public var isLaterFragment: Bool
    /// Whether the destination is one of the director's own addresses (`-m addrtype --dst-type LOCAL`).
    public var isLocal: Bool
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
        self.sourcePort = sourcePort
        self.destinationPort = destinationPort
        self.ingress = ingress
        self.tcpFlags = tcpFlags
        self.icmpType = icmpType
        self.icmpCode = icmpCode
        self.isLaterFragment = isLaterFragment
        self.isLocal = isLocal
        self.mark = mark
    }
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

/// One condition of a rule.
public struct MarkMatch: Hashable, Sendable {
    public enum Condition: Hashable, Sendable {
        /// One of them holds the address.
        case source([MaskedAddress])
        case destination([MaskedAddress])
        /// Interface names; one that ends with `+` means all that begin so.
        case ingress([String])
        case proto([UInt8])
        case sourcePort([ClosedRange<UInt16>])
        case destinationPort([ClosedRange<UInt16>])
        case eitherPort([ClosedRange<UInt16>])
        /// The flags under the mask are exactly these.
        case tcpFlags(mask: UInt8, value: UInt8)
        case icmp(types: ClosedRange<UInt8>, codes: ClosedRange<UInt8>)
        case laterFragment
        case mark(value: UInt32, mask: UInt32)
        /// The destination is the director's own.
        case local
    }

    public var condition: Condition
    public var isNegated: Bool

    public init(_ condition: Condition, isNegated: Bool = false) {
        self.condition = condition
        self.isNegated = isNegated
    }

    /// - Parameter mark: the packet's mark at this rule.
    public func holds(for packet: MarkQuery, mark: UInt32) -> Bool {
        switch condition {
        case .sourcePort, .destinationPort, .eitherPort, .tcpFlags, .icmp:
            // A fragment without transport header matches neither such a condition nor its negation.
            if packet.isLaterFragment { return false }
        default: break
        }
        return isTrue(for: packet, mark: mark) != isNegated
    }

    private func isTrue(for packet: MarkQuery, mark: UInt32) -> Bool {
        switch condition {
        case .source(let places): places.contains { $0.contains(packet.source) }
        case .destination(let places): places.contains { $0.contains(packet.destination) }
        case .ingress(let names): names.contains { Self.name($0, covers: packet.ingress) }
        case .proto(let protos): protos.contains(packet.proto)
        case .sourcePort(let ranges): ranges.contains { $0.contains(packet.sourcePort) }
        case .destinationPort(let ranges): ranges.contains { $0.contains(packet.destinationPort) }
        case .eitherPort(let ranges): ranges.contains { $0.contains(packet.sourcePort) || $0.contains(packet.destinationPort) }
        case .tcpFlags(let mask, let value): packet.tcpFlags & mask == value
        case .icmp(let types, let codes): types.contains(packet.icmpType) && codes.contains(packet.icmpCode)
        case .laterFragment: packet.isLaterFragment
        case .mark(let value, let bits): mark & bits == value
        case .local: packet.isLocal
        }
    }

    private static func name(_ pattern: String, covers name: String) -> Bool {
        pattern.utf8.last == 0x2b ? name.utf8.starts(with: pattern.utf8.dropLast()) : name == pattern
    }
}

/// What a rule does with a packet for which all its conditions hold.
public enum MarkTarget: Hashable, Sendable {
    /// New mark: old bits outside `clearing`, exclusive-or `toggling`. Every form of `-j MARK` is one of these.
    case mark(clearing: UInt32, toggling: UInt32)
    /// Ends the table.
    case accept
    /// Back to the rule behind the jump; in the first chain, the end.
    case `return`
    /// On with another chain, by its place, and back here.
    case jump(Int)
    /// On with another chain without coming back here.
    case goto(Int)
    /// Only counts.
    case none
}

/// One rule and where it stands.
public struct MarkRule: Hashable, Sendable {
    public var matches: [MarkMatch]
    public var target: MarkTarget
    /// Line in its file, from 1; 0 for a rule that comes from no file.
    public var line: Int
    /// The rule as it was written.
    public var text: String

    public init(matches: [MarkMatch] = [], target: MarkTarget, line: Int = 0, text: String = "") {
        self.matches = matches
        self.target = target
        self.line = line
        self.text = text
    }
}
