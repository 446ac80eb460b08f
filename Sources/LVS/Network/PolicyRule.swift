public import Wire

/// Which routing a packet gets: what the kernel's `struct flowi` says about it (fib_rules_lookup).
public struct RouteQuery: Hashable, Sendable, BitwiseCopyable {
    public var destination: IPAddress
    /// The unspecified address where the host has not chosen one yet.
    public var source: IPAddress
    public var mark: UInt32
    /// The interface that the packet came in on; 0 for what the host sends, which rules know as `iif lo`.
    public var ingress: Int32
    /// Host order; 0 where the packet has none.
    public var sourcePort: UInt16
    public var destinationPort: UInt16
    /// IP protocol number; 0 where the host does not say.
    public var proto: UInt8
    /// Type of service or traffic class, without the bits of congestion.
    public var typeOfService: UInt8

    public init(
        to destination: IPAddress, from source: IPAddress? = nil, mark: UInt32 = 0, ingress: Int32 = 0, proto: UInt8 = 0,
        sourcePort: UInt16 = 0, destinationPort: UInt16 = 0, typeOfService: UInt8 = 0
    ) {
        self.destination = destination
        self.source = source ?? .unspecified(destination.family)
        self.mark = mark
        self.ingress = ingress
        self.sourcePort = sourcePort
        self.destinationPort = destinationPort
        self.proto = proto
        // IPv4 looks at three bits of the byte (IPTOS_RT_MASK).
        self.typeOfService = typeOfService & (destination.isV4 ? 0x1c : 0xfc)
    }
}

/// A prefix of addresses, as a rule's `from` and `to` say it.
public struct AddressPrefix: Hashable, Sendable {
    public var address: IPAddress
    public var length: Int

    public init(_ address: IPAddress, length: Int) {
        self.address = address
        self.length = length
    }
}

/// A rule of policy routing, as `ip rule` makes them (ip-rule(8)).
public struct PolicyRule: Hashable, Sendable {
    public enum Action: Hashable, Sendable {
        /// Looks into a table; where that knows no way, the next rule is asked.
        case lookup(UInt32)
        /// Goes on with the first rule of a later priority.
        case goto(UInt32)
        case nop
        case unreachable, prohibit, blackhole
    }

    public var family: IPFamily
    public var priority: UInt32
    /// `not`: holds for every packet that the rest of it does not fit.
    public var isInverted = false
    public var source: AddressPrefix?
    public var destination: AddressPrefix?
    /// `iif`, `oif`: by name, so that an interface may come and go.
    public var ingress: String?
    public var egress: String?
    public var mark: UInt32 = 0
    public var markMask: UInt32 = 0
    /// 0 for any.
    public var typeOfService: UInt8 = 0
    /// IP protocol number, 0 for any.
    public var proto: UInt8 = 0
    public var sourcePorts: ClosedRange<UInt16>?
    public var destinationPorts: ClosedRange<UInt16>?
    /// Users whose packets are meant. What a director sends belongs to user 0, as all that IPVS sends.
    public var users: ClosedRange<UInt32>?
    /// Packets that came out of a collecting tunnel of this number; never those of a director.
    public var tunnel: UInt64?
    public var action: Action
    /// `suppress_prefixlength`: a way found by a prefix no longer than this does not count.
    public var suppressedLength: Int?

    public init(_ family: IPFamily, priority: UInt32, _ action: Action) {
        self.family = family
        self.priority = priority
        self.action = action
    }

    /// The rules that there are before somebody makes others.
    public static var standard: [PolicyRule] {
        [
            PolicyRule(.v4, priority: 0, .lookup(RouteTableID.local)), PolicyRule(.v4, priority: 32766, .lookup(RouteTableID.main)),
            PolicyRule(.v4, priority: 32767, .lookup(RouteTableID.default)),
            PolicyRule(.v6, priority: 0, .lookup(RouteTableID.local)), PolicyRule(.v6, priority: 32766, .lookup(RouteTableID.main)),
        ]
    }

    /// Holds for every packet.
    var isUnconditional: Bool {
        !isInverted && source == nil && destination == nil && ingress == nil && egress == nil && markMask == 0 && typeOfService == 0
            && proto == 0 && sourcePorts == nil && destinationPorts == nil && users?.contains(0) ?? true && tunnel == nil
    }

    /// Whether the rule holds for a packet; `ingress` is the index of the interface that its `iif` names, -1 without such
    /// an interface.
    func holds(for query: RouteQuery, ingress: Int32) -> Bool { fits(query, ingress) != isInverted }

    private func fits(_ query: RouteQuery, _ interface: Int32) -> Bool {
        // No look-up of a director's is bound to an interface, which is what `oif` asks for.
        if egress != nil || tunnel != nil { return false }
        if ingress != nil, interface != (query.ingress == 0 ? PolicyRouting.loopback : query.ingress) { return false }
        if (mark ^ query.mark) & markMask != 0 { return false }
        if let users, !users.contains(0) { return false }
        if let source, !query.source.matches(source.address, length: source.length) { return false }
        if let source, family == .v6, query.source.isUnspecified, source.length > 0 { return false }
        if let destination, !query.destination.matches(destination.address, length: destination.length) { return false }
        if typeOfService != 0, typeOfService != query.typeOfService { return false }
        if proto != 0, proto != query.proto { return false }
        if let sourcePorts, !sourcePorts.contains(query.sourcePort) { return false }
        if let destinationPorts, !destinationPorts.contains(query.destinationPort) { return false }
        return true
    }
}

/// Numbers of the tables that every host has (rtnetlink(7)).
public enum RouteTableID {
    public static var `default`: UInt32 { 253 }
    public static var main: UInt32 { 254 }
    public static var local: UInt32 { 255 }
}
