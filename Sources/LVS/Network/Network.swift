public import Wire

/// The director host's network as the engine sees it: links, addresses, routes and neighbours. Plain data that the host
/// floor or a `network` file fills; every change raises `generation`, which outdates what the engine derived from it.
public struct Network: Sendable {
    /// One network interface.
    public struct Interface: Hashable, Sendable {
        /// 1 and up; the frames' `ingress` and `egress`.
        public var index: Int32
        public var name: String
        public var mac: MACAddress
        /// Bytes of an IP packet.
        public var mtu: Int
        public var isUp: Bool
        public var isLoopback: Bool
        /// Somebody is at the other end of the cable; routing does not look at it.
        public var hasCarrier = true

        public init(index: Int32, name: String, mac: MACAddress, mtu: Int, isUp: Bool = true, isLoopback: Bool = false) {
            self.index = index
            self.name = name
            self.mac = mac
            self.mtu = mtu
            self.isUp = isUp
            self.isLoopback = isLoopback
        }
    }

    /// An address on an interface.
    public struct Address: Hashable, Sendable {
        public var address: IPAddress
        public var prefixLength: Int
        public var interface: Int32
        /// How far it may be used as a source, as rtnetlink counts: 0 everywhere, 253 on the link, 254 on the host.
        public var scope: UInt8
        /// One of several of its network that is not the first (IFA_F_SECONDARY): never chosen as a source of IPv4.
        public var isSecondary: Bool

        public init(address: IPAddress, prefixLength: Int, interface: Int32, scope: UInt8? = nil, isSecondary: Bool = false) {
            self.address = address
            self.prefixLength = prefixLength
            self.interface = interface
            self.scope = scope ?? (address.isLoopback ? 254 : !address.isV4 && address.isLinkLocal ? 253 : 0)
            self.isSecondary = isSecondary
        }
    }

    /// One of several ways that a route spreads its packets over.
    public struct NextHop: Hashable, Sendable {
        public var gateway: IPAddress?
        public var interface: Int32
        /// Its share, compared with the other ones'.
        public var weight: Int

        public init(gateway: IPAddress?, interface: Int32, weight: Int = 1) {
            self.gateway = gateway
            self.interface = interface
            self.weight = weight
        }
    }

    /// A route; a `local` one makes every address of its prefix the host's own.
    public struct Route: Hashable, Sendable {
        public enum Kind: UInt8, Hashable, Sendable { case unicast, local, unreachable, blackhole, prohibit, broadcast, `throw` }
        public var prefix: IPAddress
        public var length: Int
        public var gateway: IPAddress?
        public var interface: Int32
        public var kind: Kind
        /// Number of the table that it stands in.
        public var table: UInt32
        /// Type of service of the packets that it is for, 0 for all; IPv4 only.
        public var typeOfService: UInt8 = 0
        /// Of IPv6 routes of one metric: 1 for those to use first, -1 last (RFC 4191).
        public var preference: Int8 = 0
        /// All next hops of a route that has several, `gateway` and `interface` being the first; empty otherwise.
        public var nextHops: [NextHop] = []
        /// 0 takes the interface's MTU.
        public var mtu: Int
        public var metric: UInt32
        /// Preferred source address.
        public var source: IPAddress?

        /// - Parameter table: `nil` is where such a route stands by itself: local for `local` and `broadcast`, else main.
        public init(
            prefix: IPAddress, length: Int, gateway: IPAddress? = nil, interface: Int32, kind: Kind = .unicast,
            mtu: Int = 0, metric: UInt32 = 0, source: IPAddress? = nil, table: UInt32? = nil
        ) {
            self.prefix = prefix
            self.length = length
            self.gateway = gateway
            self.interface = interface
            self.kind = kind
            self.table = table ?? (kind == .local || kind == .broadcast ? RouteTableID.local : RouteTableID.main)
            self.mtu = mtu
            self.metric = metric
            self.source = source
        }
    }

    public private(set) var generation: UInt32 = 1
    /// Raised by every change of what may be the host's own: addresses, routes and rules.
    public private(set) var localGeneration: UInt32 = 1
    public var interfaces: [Interface] = [] { didSet { generation &+= 1; routing.setRules(rules, interfaces) } }
    public var addresses: [Address] = [] {
        didSet { generation &+= 1; localGeneration &+= 1; readAddresses() }
    }
    public var routes: [Route] = [] { didSet { generation &+= 1; localGeneration &+= 1; routing.setRoutes(routes) } }
    /// Rules of policy routing of both families, each family's in the order in which they are asked.
    public var rules = PolicyRule.standard {
        didSet { generation &+= 1; localGeneration &+= 1; routing.setRules(rules, interfaces) }
    }
    /// Whether IPv4's tables local and main are one, in which the longer prefix wins whichever it stands in: so the kernel
    /// keeps them until the first rule is made, and never again afterwards.
    public var joinsLocalAndMain: Bool {
        get { routing.joinsLocalAndMain }
        set {
            guard newValue != routing.joinsLocalAndMain else { return }
            generation &+= 1
            localGeneration &+= 1
            routing.joinsLocalAndMain = newValue
        }
    }
    private var routing = PolicyRouting()
    public private(set) var neighbors: [NeighborKey: MACAddress] = [:]
    private var localAddresses: Set<IPAddress> = []
    /// The broadcast address of each of the host's networks.
    private var broadcasts: Set<UInt32> = []
    /// Whether the host forwards packets between interfaces (net.ipv4.ip_forward, net.ipv6.conf.all.forwarding).
    public var forwards4 = true
    public var forwards6 = true

    public struct NeighborKey: Hashable, Sendable, Comparable {
        public var address: IPAddress
        public var interface: Int32
        public static func < (a: NeighborKey, b: NeighborKey) -> Bool { (a.interface, a.address) < (b.interface, b.address) }
        public init(address: IPAddress, interface: Int32) {
            self.address = address
            self.interface = interface
        }
    }

    /// Path MTUs that ICMP errors taught, until a moment of the director's clock.
    public private(set) var learnedMTUs: [IPAddress: (mtu: Int, until: Instant)] = [:]

    /// Raised by every change of them.
    private(set) var learnedGeneration: UInt32 = 0

    public init() {}

    private mutating func readAddresses() {
        localAddresses = Set(addresses.map(\.address))
        broadcasts = []
        for entry in addresses where entry.address.isV4 && (1..<31).contains(entry.prefixLength) {
            broadcasts.insert(entry.address.v4 | UInt32.max >> UInt32(entry.prefixLength))
        }
    }

    /// Whether an IPv4 address is the broadcast address of one of the host's networks.
    func isBroadcast(_ address: IPAddress) -> Bool { broadcasts.contains(address.v4) }

    /// Bytes that the way to an address carries, as an ICMP error said; `nil` when nothing is known.
    public func learnedMTU(_ address: IPAddress) -> Int? { learnedMTUs[address]?.mtu }

    /// Takes over, or with `nil` forgets, what an ICMP error said about the way to an address.
    public mutating func learnMTU(_ address: IPAddress, _ mtu: Int?, until: Instant) {
        learnedMTUs[address] = mtu.map { ($0, until) }
        learnedGeneration &+= 1
        generation &+= 1
    }

    /// Forgets what ICMP errors said too long ago.
    mutating func forgetMTUs(at now: Instant) {
        for (address, learned) in learnedMTUs where learned.until <= now { learnMTU(address, nil, until: now) }
    }

    /// Notes a neighbour's MAC, or that it is gone (`nil`).
    public mutating func setNeighbor(_ address: IPAddress, on interface: Int32, to mac: MACAddress?) {
        let key = NeighborKey(address: address, interface: interface)
        guard neighbors[key] != mac else { return }
        neighbors[key] = mac
        generation &+= 1
    }

    /// Neighbours that the host has asked in vain, and has heard nothing of since; nothing follows from it.
    public var failing: Set<NeighborKey> = []

    /// Neighbours that did not answer, since this was last asked.
    private var failedNeighbors: [NeighborKey] = []

    /// Notes that a neighbour was asked for its MAC in vain.
    public mutating func failNeighbor(_ address: IPAddress, on interface: Int32) {
        failedNeighbors.append(NeighborKey(address: address, interface: interface))
    }

    mutating func takeFailedNeighbors() -> [NeighborKey] {
        defer { failedNeighbors.removeAll() }
        return failedNeighbors
    }

    public func interface(_ index: Int32) -> Interface? { interfaces.first { $0.index == index } }
    public func interface(named name: String) -> Interface? { interfaces.first { $0.name == name } }
    public func neighbor(_ address: IPAddress, on interface: Int32) -> MACAddress? {
        neighbors[NeighborKey(address: address, interface: interface)]
    }

    /// Whether an address is configured on one of the host's links; `local` routes do not count.
    public func hasAddress(_ address: IPAddress) -> Bool { localAddresses.contains(address) }

    /// Whether the host itself is meant by `address`, whatever the packet: one of its addresses, in a `local` route that every
    /// packet finds, or loopback.
    public func isLocal(_ address: IPAddress) -> Bool {
        if localAddresses.contains(address) || address.isLoopback { return true }
        return lookup(address)?.kind == .local
    }

    /// Whether packets with one of these marks find the host itself at an address, by a rule that leads to a `local` route.
    func isLocal(_ address: IPAddress, markedWith marks: Set<UInt32>) -> Bool {
        uses(address.family).contains(.mark)
            && marks.contains { $0 != 0 && route(RouteQuery(to: address, mark: $0)).route?.kind == .local }
    }

    /// Whether some packets may find the host itself at an address: for all, or by a rule that leads to a `local` route.
    func mayBeLocal(_ address: IPAddress) -> Bool { isLocal(address) || routing.mayBeLocal(address) }

    /// Whether an address is the host's own for every packet, without a look at the tables.
    func isAlwaysLocal(_ address: IPAddress) -> Bool {
        guard localAddresses.contains(address) || address.isLoopback else { return false }
        return address.isV4 ? routing.beginsLocal4 : routing.beginsLocal6
    }

    /// Whether the host may send from an address as its own: IPv4's source has to be in the table `local`.
    public func isOwnSource(_ address: IPAddress) -> Bool { hasAddress(address) || routing.isInLocalTable(address) }

    /// The route that decides about what the host sends to an address, its source not chosen yet; `nil` without one.
    public func lookup(_ address: IPAddress) -> Route? { route(RouteQuery(to: address)).route }

    /// What the host's rules and tables say about a packet.
    public func route(_ query: RouteQuery) -> Routing { routing.route(query) }

    /// The host's routing of a packet.
    public struct Routing: Hashable, Sendable {
        /// The route that decides; `nil` where a rule does, or nobody.
        public var route: Route?
        /// Why the packet has no way; `nil` where it has one.
        public var refusal: Refusal?
    }

    /// Why a packet has no way, which decides what its sender is told.
    public enum Refusal: UInt8, Hashable, Sendable, BitwiseCopyable {
        /// No rule, no table has a route, or a rule says so (ENETUNREACH).
        case networkUnreachable
        /// A route `unreachable` (EHOSTUNREACH).
        case hostUnreachable
        /// `prohibit` (EACCES).
        case prohibited
        /// `blackhole` (EINVAL): nobody is told.
        case discarded
    }

    /// What of a packet the routing of a family looks at besides its destination.
    @inline(__always)
    func uses(_ family: IPFamily) -> PolicyRouting.Uses { family == .v4 ? routing.uses4 : routing.uses6 }
}
