import Wire

/// What synchronisation keeps beside connections: a master's messages on their way, and for how long each connection was said
/// to live.
struct Synchronisation: ~Copyable {
    /// A master runs: packets of connections are looked at for what is to be said of them.
    private(set) var isMaster = false
    private var master: SyncDaemon?
    private var streams: [SyncStream] = []
    /// Messages that have left their thread, in order.
    private var ready: [SyncMessage] = []
    private var full: [[UInt8]] = []
    /// Until when each connection was said to live when it was sent last, in ticks of 10 ms with their lowest two bits counting
    /// repetitions; where it was never sent, when it was made. From the first master on.
    private var horizons = Slab<Int64>(capacity: 1)
    /// Sequence numbers that messages told, which are told on.
    var sequences: [ConnectionID: SyncSequences] = [:]
    /// Connections that were told of without the client's port.
    var anyPorts = 0
    var counters = SyncCounters()
    /// The socket takes no more: messages wait.
    var isBlocked = false
    /// When something is due; never, while no master has anything to say.
    private(set) var next: Instant = .max

    mutating func start(_ daemon: SyncDaemon, threads: Int, capacity: Int, at now: Instant) {
        master = daemon
        isMaster = true
        streams = (0..<threads).map { _ in SyncStream(at: now) }
        if horizons.capacity < capacity { horizons = Slab(capacity: capacity) }
    }

    /// What was not said yet is not said any more.
    mutating func stop() {
        (master, isMaster, streams, next) = (nil, false, [], .max)
        ready = []
    }

    /// Adds a record to what is said next.
    mutating func say(_ record: SyncRecord, of id: ConnectionID, version: Int, limit: Int64, at now: Instant) {
        guard let master else { return }
        let place = Int(id) % streams.count
        let length = SyncWriter.length(of: record, version: version)
        let isLost = streams[place].prepare(
            length: length, version: version, master, limit: Int(clamping: max(limit, 0)), at: now, &full)
        if isLost { counters.messagesLost &+= 1 }
        streams[place].append(record)
        counters.recordsSent &+= 1
        take(from: place)
        next = min(next, streams[place].next)
    }

    /// Lets what is due happen.
    mutating func run(at now: Instant) {
        guard !isBlocked else { return next = now + 100 * millisecond }
        next = .max
        for place in streams.indices {
            streams[place].run(at: now, &full)
            take(from: place)
            next = min(next, streams[place].next)
        }
    }

    private mutating func take(from place: Int) {
        guard !full.isEmpty else { return }
        ready += full.map { SyncMessage(bytes: $0, portOffset: place) }
        counters.messagesSent &+= UInt64(full.count)
        full.removeAll(keepingCapacity: true)
    }

    /// The messages that leave now.
    mutating func takeReady() -> [SyncMessage] {
        guard !ready.isEmpty else { return [] }
        defer { ready = [] }
        return ready
    }

    subscript(horizon id: ConnectionID) -> Int64 {
        get { horizons[Int(id)] }
        nonmutating set { horizons[Int(id)] = newValue }
    }

    /// A connection is made: it was not sent yet.
    func begin(_ id: ConnectionID, at now: Instant) { self[horizon: id] = Self.tick(now) & ~3 }

    /// A connection goes.
    mutating func forget(_ id: ConnectionID, _ flags: Connection.Flags) {
        if flags.contains(.anyClientPort) { anyPorts -= 1 }
        if !sequences.isEmpty { sequences[id] = nil }
    }

    static func tick(_ moment: Instant) -> Int64 { moment / (10 * millisecond) }
}

extension Director {
    /// Messages of the master daemon that are to leave now; to be asked after each batch and each passing of time.
    public mutating func takeSyncMessages() -> [SyncMessage] { synchronisation.takeReady() }

    /// Whether the way of messages is blocked: they wait then, and more than `sync_qlen_max` of them are given up.
    public var syncIsBlocked: Bool {
        get { synchronisation.isBlocked }
        set { synchronisation.isBlocked = newValue }
    }

    /// How much was said and heard.
    public var syncCounters: SyncCounters { synchronisation.counters }

    /// Ports that each daemon uses, from its first one on: as many as `sync_ports` said when the first of them was started.
    public var syncPortCount: Int { services.syncPorts }

    /// The daemons that run.
    public var syncDaemons: [SyncDaemon] { services.daemons }
}
