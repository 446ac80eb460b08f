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

        public init(address: IPAddress, prefixLength: Int, interface: Int32) {
            self.address = address
            self.prefixLength = prefixLength
            self.interface = interface
        }
    }

    /// A route; a `local` one makes every address of its prefix the host's own.
    public struct Route: Hashable, Sendable {
        public enum Kind: UInt8, Hashable, Sendable { case unicast, local, unreachable, blackhole, prohibit, broadcast }
        public var prefix: IPAddress
        public var length: Int
        public var gateway: IPAddress?
        public var interface: Int32
        public var kind: Kind
        /// 0 takes the interface's MTU.
        public var mtu: Int
        public var metric: UInt32
        /// Preferred source address.
        public var source: IPAddress?

        public init(
            prefix: IPAddress, length: Int, gateway: IPAddress? = nil, interface: Int32, kind: Kind = .unicast,
            mtu: Int = 0, metric: UInt32 = 0, source: IPAddress? = nil
        ) {
            self.prefix = prefix
            self.length = length
            self.gateway = gateway
            self.interface = interface
            self.kind = kind
            self.mtu = mtu
            self.metric = metric
            self.source = source
        }
    }

    /// A neighbour whose MAC is known.
    public struct Neighbor: Hashable, Sendable {
        public var address: IPAddress
        public var interface: Int32
        public var mac: MACAddress

        public init(address: IPAddress, interface: Int32, mac: MACAddress) {
            self.address = address
            self.interface = interface
            self.mac = mac
        }
    }

    public private(set) var generation: UInt32 = 1
    /// Raised by every change of what may be the host's own: addresses and routes.
    public private(set) var localGeneration: UInt32 = 1
    public var interfaces: [Interface] = [] { didSet { generation &+= 1 } }
    public var addresses: [Address] = [] {
        didSet { generation &+= 1; localGeneration &+= 1; localAddresses = Set(addresses.map(\.address)) }
    }
    public var routes: [Route] = [] { didSet { generation &+= 1; localGeneration &+= 1; routeIndex = RouteIndex(routes) } }
    private var routeIndex = RouteIndex()
    public private(set) var neighbors: [NeighborKey: MACAddress] = [:]
    private var localAddresses: Set<IPAddress> = []
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

    public init() {}

    /// Bytes that the way to an address carries, as an ICMP error said; `nil` when nothing is known.
    public func learnedMTU(_ address: IPAddress) -> Int? { learnedMTUs[address]?.mtu }

    /// Takes over, or with `nil` forgets, what an ICMP error said about the way to an address.
    public mutating func learnMTU(_ address: IPAddress, _ mtu: Int?, until: Instant) {
        learnedMTUs[address] = mtu.map { ($0, until) }
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

    /// Whether the host itself is meant by `address`: one of its addresses, in a `local` route, or loopback.
    public func isLocal(_ address: IPAddress) -> Bool {
        if localAddresses.contains(address) || address.isLoopback { return true }
        return lookup(address)?.kind == .local
    }

    /// The host's route for an address: local routes first, then the most specific one, lowest metric first among equals.
    public func lookup(_ address: IPAddress) -> Route? { routeIndex.lookup(address) }
}
