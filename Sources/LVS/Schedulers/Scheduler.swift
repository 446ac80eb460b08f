public import Wire

/// Picks a real server for a new connection. One per service; asked only when no connection or template is known.
public protocol Scheduler: AnyObject, SendableMetatype {
    /// The name after `-s`.
    static var name: String { get }

    /// What it does, in one line of help.
    static var summary: String { get }

    /// Names for scheduler flags that mean something to it alone, as `-b` takes them.
    static var flagNames: [(name: String, flag: ServiceFlags)] { get }

    /// Whether the Linux kernels that SVS is compared with have it and choose alike, not by dice of their own.
    static var isInKernel: Bool { get }

    /// A scheduler for a service with these flags.
    init(flags: ServiceFlags)

    /// Index into `servers` of the server for a new connection, or `nil` when none is usable.
    func pick(for request: SchedulingRequest, from servers: Candidates) -> Int?

    /// Called after servers were added, edited or removed, and once when the scheduler takes a service over.
    func serversChanged(_ change: ServerChange, in servers: Candidates)

    /// Called when an edit of the service keeps the scheduler but may have changed its flags.
    func flagsChanged(_ flags: ServiceFlags)

    /// Called with the switches of `net.ipv4.vs.*` when the scheduler takes a service over and when one was written.
    func tunablesChanged(_ tunables: Tunables)

    /// Called when `now` has reached the moment that `nextTick` named.
    func tick(at now: Instant)

    /// When `tick` is wanted; `nil` for never. A moment that has passed, 0 too, means at the next chance.
    var nextTick: Instant? { get }

    /// What it knows at `now` of what went before, which a replay of living traffic goes on from. Empty for schedulers that
    /// decide by the servers and the request alone.
    func memory(at now: Instant) -> SchedulerMemory

    /// The same without items: what changes with any pick.
    func position(at now: Instant) -> SchedulerMemory

    /// What it remembers of the address that a request was for, when it remembers addresses.
    func item(for request: SchedulingRequest) -> SchedulerMemory.Item?

    /// How many addresses it remembers.
    var itemCount: Int { get }

    /// Which of these it remembers for addresses. Nothing is forgotten of a removed server that is remembered.
    func remembered(among servers: Set<ServerKey>) -> Set<ServerKey>

    /// Goes on from what another scheduler of this kind knew, once the servers are there. Values that make no sense are
    /// brought to ones that do.
    func resume(_ memory: SchedulerMemory, in servers: Candidates, at now: Instant)

    /// What the server at `place` has to show for this request, in words: what `svs explain` prints beside it.
    /// Changes nothing.
    func score(of place: Int, for request: SchedulingRequest, in servers: Candidates) -> String
}

extension Scheduler {
    public static var flagNames: [(name: String, flag: ServiceFlags)] { [] }
    public static var isInKernel: Bool { true }
    public func serversChanged(_ change: ServerChange, in servers: Candidates) {}
    public func flagsChanged(_ flags: ServiceFlags) {}
    public func tunablesChanged(_ tunables: Tunables) {}
    public func tick(at now: Instant) {}
    public var nextTick: Instant? { nil }
    public func memory(at now: Instant) -> SchedulerMemory { SchedulerMemory() }
    public func position(at now: Instant) -> SchedulerMemory { memory(at: now) }
    public func item(for request: SchedulingRequest) -> SchedulerMemory.Item? { nil }
    public var itemCount: Int { 0 }
    public func remembered(among servers: Set<ServerKey>) -> Set<ServerKey> { [] }
    public func resume(_ memory: SchedulerMemory, in servers: Candidates, at now: Instant) {}

    public func score(of place: Int, for request: SchedulingRequest, in servers: Candidates) -> String {
        let server = servers[place]
        return "weight \(server.weight), \(server.active) active, \(server.total) in all"
    }
}

/// What happened to a service's servers. Indices are places in the newest-first list after the change;
/// for a removal, the place where the server stood.
public enum ServerChange: Hashable, Sendable {
    /// The scheduler begins its work on a service.
    case started
    case added(Int)
    case edited(Int)
    case removed(Int, ServerKey)
}

/// The new connection that a scheduler decides about.
public struct SchedulingRequest: Sendable {
    /// Client address and port (host order).
    public var client: IPAddress
    public var clientPort: UInt16
    /// The packet's own destination.
    public var destination: IPAddress
    public var destinationPort: UInt16
    public var proto: UInt8
    public var now: Instant
    /// A number from the engine's dice, for schedulers that draw lots.
    public var random: UInt64

    public init(
        client: IPAddress, clientPort: UInt16, destination: IPAddress, destinationPort: UInt16 = 0,
        proto: UInt8 = IPProtocol.tcp, now: Instant = 0, random: UInt64 = 0
    ) {
        self.client = client
        self.clientPort = clientPort
        self.destination = destination
        self.destinationPort = destinationPort
        self.proto = proto
        self.now = now
        self.random = random
    }
}

/// Nanoseconds on the director's clock, whose zero means nothing. The engine never reads a clock: time is an argument.
public typealias Instant = Int64

/// A service's servers in the kernel's order: newest first.
public struct Candidates {
    /// Index of each server in the director's pool, newest first.
    public let order: [ServerID]
    let pool: SlabView<RealServer>
    /// What each server of the pool shows; `nil` where nothing is estimated.
    private let shown: SlabView<ShownCounters>?
    /// The service's.
    public let family: IPFamily

    public init(order: [ServerID], pool: SlabView<RealServer>, shown: SlabView<ShownCounters>? = nil, family: IPFamily = .v4) {
        self.order = order
        self.pool = pool
        self.shown = shown
        self.family = family
    }

    @inline(__always)
    public var count: Int { order.count }
    @inline(__always)
    public subscript(place: Int) -> RealServer { pool[Int(order[place])] }

    /// Counters and rates of a server as listings show them: as of the last tick of the estimator, every two seconds.
    public func statistics(of place: Int) -> Statistics { shown?[Int(order[place])].statistics ?? Statistics() }
}

/// Place of a real server in the director's pool.
public typealias ServerID = Int32

/// Every scheduler that `-s` knows, besides `none`, which is a service without one.
public enum Schedulers {
    public static let roster: [any Scheduler.Type] = [
        RoundRobin.self,
        WeightedRoundRobin.self,
        LeastConnection.self,
        WeightedLeastConnection.self,
        ShortestExpectedDelay.self,
        NeverQueue.self,
        SourceHashing.self,
        DestinationHashing.self,
        LocalityBased.self,
        LocalityBasedReplication.self,
        WeightedFailover.self,
        WeightedOverflow.self,
        MaglevHashing.self,
        PowerOfTwo.self,
    ]

    /// The name of no scheduler: a service that schedules nothing.
    public static var none: String { "none" }

    /// What a service without `-s` has.
    public static var usual: String { WeightedLeastConnection.name }

    /// The scheduler of a name, `nil` when there is none of that name.
    public static func type(named name: String) -> (any Scheduler.Type)? { roster.first { $0.name == name } }

    /// A scheduler by name, `nil` when there is none of that name.
    public static func named(_ name: String, flags: ServiceFlags) -> (any Scheduler)? {
        type(named: name)?.init(flags: flags)
    }
}
