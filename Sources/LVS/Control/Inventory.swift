public import Wire

/// One real server as a listing shows it.
public struct ServerRecord: Hashable, Sendable {
    public var key: ServerKey
    public var settings: ServerSettings
    public var active: UInt32
    public var inactive: UInt32
    /// Persistence templates bound to it.
    public var persistent: UInt32
    public var statistics: Statistics

    public init(
        key: ServerKey, settings: ServerSettings, active: UInt32 = 0, inactive: UInt32 = 0, persistent: UInt32 = 0,
        statistics: Statistics = Statistics()
    ) {
        self.key = key
        self.settings = settings
        self.active = active
        self.inactive = inactive
        self.persistent = persistent
        self.statistics = statistics
    }
}

/// One virtual service as a listing shows it; servers in the kernel's order, newest first.
public struct ServiceRecord: Hashable, Sendable {
    public var key: ServiceKey
    public var settings: ServiceSettings
    public var statistics: Statistics
    public var servers: [ServerRecord]

    public init(key: ServiceKey, settings: ServiceSettings, statistics: Statistics = Statistics(), servers: [ServerRecord] = []) {
        self.key = key
        self.settings = settings
        self.statistics = statistics
        self.servers = servers
    }
}

/// One entry of the connection table as `-L -c` shows it.
public struct ConnectionRecord: Hashable, Sendable {
    /// 0 for a template of a mark service, shown as `IP`.
    public var proto: UInt8
    public var client: IPAddress
    public var clientPort: UInt16
    public var virtual: IPAddress
    public var virtualPort: UInt16
    public var server: IPAddress
    public var serverPort: UInt16
    /// The kernel's state name: `ESTABLISHED`, `UDP`, `NONE`, `ASSURED`.
    public var state: String
    /// Whole seconds until it expires, as the kernel rounds them.
    public var expires: UInt32
    public var isTemplate: Bool
    /// A master told of it.
    public var isSynchronised: Bool
    public var persistenceEngine: String
    /// The engine's data, a Call-ID for `sip`.
    public var persistenceData: [UInt8]

    public init(
        proto: UInt8, client: IPAddress, clientPort: UInt16, virtual: IPAddress, virtualPort: UInt16,
        server: IPAddress, serverPort: UInt16, state: String, expires: UInt32, isTemplate: Bool = false, isSynchronised: Bool = false,
        persistenceEngine: String = "", persistenceData: [UInt8] = []
    ) {
        self.proto = proto
        self.client = client
        self.clientPort = clientPort
        self.virtual = virtual
        self.virtualPort = virtualPort
        self.server = server
        self.serverPort = serverPort
        self.state = state
        self.expires = expires
        self.isTemplate = isTemplate
        self.isSynchronised = isSynchronised
        self.persistenceEngine = persistenceEngine
        self.persistenceData = persistenceData
    }
}

/// The timeouts that `--set` changes, in seconds.
public struct Timeouts: Hashable, Sendable {
    public var tcp: UInt32
    public var fin: UInt32
    public var udp: UInt32
    public init(tcp: UInt32 = 900, fin: UInt32 = 120, udp: UInt32 = 300) {
        self.tcp = tcp
        self.fin = fin
        self.udp = udp
    }
}

/// Everything an administrator can ask the director to tell, at one moment.
public struct Inventory: Hashable, Sendable {
    /// Services in the kernel's order.
    public var services: [ServiceRecord]
    public var timeouts: Timeouts
    public var daemons: [SyncDaemon]
    /// What the header line calls `size=`.
    public var tableSize: Int
    public var total: Statistics

    public init(
        services: [ServiceRecord] = [], timeouts: Timeouts = Timeouts(), daemons: [SyncDaemon] = [],
        tableSize: Int = 4096, total: Statistics = Statistics()
    ) {
        self.services = services
        self.timeouts = timeouts
        self.daemons = daemons
        self.tableSize = tableSize
        self.total = total
    }
}

/// Where a listing goes on: the services by the kernel's hash buckets, in each the newest first.
public struct InventoryPlace: Hashable, Sendable {
    var bucket = 0
    /// The newest service of the bucket that is still to come.
    var sequence = UInt64.max
    /// How many servers of that service are to come; `nil` when it was not begun.
    var servers: Int?

    /// The beginning.
    public init() {}

    init(bucket: Int, sequence: UInt64, servers: Int? = nil) {
        self.bucket = bucket
        self.sequence = sequence
        self.servers = servers
    }
}

/// A part of a listing.
public struct InventoryPage: Sendable {
    public var services: [ServiceRecord] = []
    /// The first of them has more servers of the service that the page before ended with.
    public var isContinued = false
    /// Where the next part begins; `nil` behind the last one.
    public var next: InventoryPlace?

    public init(services: [ServiceRecord] = []) { self.services = services }
}
