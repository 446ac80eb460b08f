public import Wire

/// A real server: what the administrator said, what is counted, and where its packets go. A plain value in the director's
/// pool, so that the path of a packet touches no object.
public struct RealServer: BitwiseCopyable {
    public var key: ServerKey
    public var settings: ServerSettings
    /// Weight at the time it was added, or the last weight that was not 0 (what `mh` builds its table from).
    public var lastWeight: Int32
    /// Connections in an active state, and all that are bound, templates not counted.
    public var active: Int32
    public var total: Int32
    /// Persistence templates bound to it.
    public var persistent: Int32
    public var flags: Flags
    /// Place of its service, -1 while the server is in the trash.
    public var service: Int32
    public var counters: Counters
    /// Packets' way to the server, as last derived from the network.
    public var path: Path
    /// Place of the service that it belongs or belonged to, and that service's number.
    var home: Int32
    var homeSequence: UInt64

    public struct Flags: OptionSet, Hashable, Sendable, BitwiseCopyable {
        public let rawValue: UInt8
        public init(rawValue: UInt8) { self.rawValue = rawValue }
        /// Holds a server: the slot is not free.
        public static var used: Flags { .init(rawValue: 1) }
        /// Belongs to a service (IP_VS_DEST_F_AVAILABLE).
        public static var available: Flags { .init(rawValue: 2) }
        /// Has reached its upper threshold (IP_VS_DEST_F_OVERLOAD).
        public static var overloaded: Flags { .init(rawValue: 4) }
        /// Its service sets timeouts of its own.
        public static var ownTimeouts: Flags { .init(rawValue: 8) }
        /// Without weight, and what it has ends with its next packet.
        public static var resetting: Flags { .init(rawValue: 16) }
    }

    public init(key: ServerKey, settings: ServerSettings, service: Int32, sequence: UInt64 = 0) {
        self.key = key
        self.settings = settings
        lastWeight = settings.weight
        active = 0
        total = 0
        persistent = 0
        flags = [.used, .available]
        self.service = service
        counters = Counters()
        path = Path()
        home = service
        homeSequence = sequence
    }

    public var weight: Int32 { settings.weight }
    /// Connections in an inactive state, as 6.1.192 counts them.
    public var inactive: Int32 { max(total - active, 0) }
    public var isOverloaded: Bool { flags.contains(.overloaded) }
    public var isAvailable: Bool { flags.contains(.available) }

    /// Takes new connections: has weight and is not overloaded.
    public var isUsable: Bool { settings.weight > 0 && !flags.contains(.overloaded) }

    /// Load as `lc`, `wlc`, `lblc`, `lblcr` and `twos` see it: 256·active + total, that is 257·active + inactive.
    public var overhead: Int64 { Int64(active) << 8 + Int64(total) }
}

/// The way to an address: egress interface, MACs, MTU, source address. Outdated when the network's generation moves on.
public struct Path: BitwiseCopyable {
    public var destination = MACAddress.zero
    public var source = MACAddress.zero
    public var interface: Int32 = 0
    /// Bytes of an IP packet that the way carries, a learned path MTU considered.
    public var mtu: Int32 = 0
    /// Generation of the network that this was derived from; 0 for never.
    public var generation: UInt32 = 0
    public var kind = Kind.unresolved
    /// Why there is no route, where there is none.
    public var refusal = Network.Refusal.networkUnreachable
    /// An ICMP error has taught the path MTU.
    public var isLearned = false
    /// The director's own address towards there.
    public var local = IPAddress(high: 0, low: 0)
    /// Whose MAC is meant: the address itself or its gateway.
    public var nextHop = IPAddress(high: 0, low: 0)

    public enum Kind: UInt8, BitwiseCopyable, Sendable {
        /// Never looked up.
        case unresolved
        case noRoute
        /// The host itself.
        case local
        /// Routed, but the next hop's MAC is not known yet.
        case unknownNeighbor
        case ready
    }

    public init() {}

    /// A packet can be sent this way, at the latest when the next hop's MAC is known.
    @inline(__always)
    public var isUsable: Bool { kind == .ready || kind == .unknownNeighbor }
}
