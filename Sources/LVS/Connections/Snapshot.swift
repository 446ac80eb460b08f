public import Wire

/// What a director knows at one moment beside what it was told by commands and files: its connections and templates, and
/// where its schedulers, dice and number sequences stand. A director with the same services that adopts it goes on as this
/// one does. What lies in the middle of something is not part of it: incomplete fragments, frames that wait for a neighbour.
public struct Snapshot: Sendable {
    /// The director's clock.
    public var clock: Instant = 0
    /// Controllers before what hangs on them.
    public var entries: [Entry] = []
    public var services: [Service] = []
    public var servers: [Server] = []
    /// Servers that were removed while connections still know them.
    public var gone: [Gone] = []
    /// State of the dice; `nil` leaves them as they are.
    public var generator: UInt64?
    /// Nanoseconds until the regular work is next due: estimator, defences, trash.
    public var due: (estimate: Instant, second: Instant, trash: Instant)?
    /// Path MTUs that ICMP errors taught, with the nanoseconds that they are still believed.
    public var pathMTUs: [(address: IPAddress, mtu: Int, left: Instant)] = []
    /// FULLNAT: the port that a local address tries next towards a server.
    public var ports: [PortPosition] = []

    public init() {}

    /// A connection or template.
    public struct Entry: Sendable {
        /// What others call it by their `controller`.
        public var number: Int32
        /// `expires` counts from the snapshot's clock; `controller` is a number, -1 for none; `server` means nothing.
        public var connection: Connection
        /// Whose it is; `nil` for one without a server.
        public var server: ServiceServer?
        /// Template: persistence engine and what it found.
        public var engine = ""
        public var data: [UInt8] = []
        /// FULLNAT: how far the server was told who the client is.
        public var stream: ClientStream?

        public init(number: Int32, connection: Connection, server: ServiceServer?) {
            self.number = number
            self.connection = connection
            self.server = server
        }
    }

    /// A real server within its service.
    public struct ServiceServer: Hashable, Sendable {
        public var service: ServiceKey
        public var server: ServerKey
        public init(_ service: ServiceKey, _ server: ServerKey) {
            self.service = service
            self.server = server
        }
    }

    public struct Service: Sendable {
        public var key: ServiceKey
        /// What the scheduler goes on from.
        public var memory = SchedulerMemory()
        /// FULLNAT: place of the local address that is next.
        public var nextLocalAddress = 0
        public init(key: ServiceKey) { self.key = key }
    }

    public struct Server: Sendable {
        public var key: ServiceServer
        public var isOverloaded = false
        /// The last weight that was not 0.
        public var lastWeight: Int32?
        /// Where its rates stand.
        public var rates = RateEstimator.Position()
        /// Next ids of its two outer headers, `nil` while none was laid down.
        public var outerIDs: [UInt16?] = [nil, nil]
        public init(key: ServiceServer) { self.key = key }
    }

    public struct Gone: Sendable {
        public var key: ServiceServer
        public var settings: ServerSettings
        public init(key: ServiceServer, settings: ServerSettings) {
            self.key = key
            self.settings = settings
        }
    }

    public struct PortPosition: Sendable {
        public var local: IPAddress
        public var server: ServerKey
        public var proto: UInt8
        public var next: UInt16
        public init(local: IPAddress, server: ServerKey, proto: UInt8, next: UInt16) {
            self.local = local
            self.server = server
            self.proto = proto
            self.next = next
        }
    }
}

extension Director {
    /// Everything that `adopt` takes.
    public func snapshot() -> Snapshot {
        var snapshot = snapshotOfPositions()
        eachSnapshotEntry { snapshot.entries.append($0) }
        return snapshot
    }

    /// Connections and templates as a snapshot has them, one after the other: controllers before what hangs on them.
    public func eachSnapshotEntry(_ body: (Snapshot.Entry) -> Void) {
        var gone: [ServerID: Snapshot.ServiceServer] = [:]
        for (name, entry) in servers.trash.entries { gone[entry.server] = name }
        var isDeeper = true, depth = 0
        while isDeeper {
            isDeeper = false
            for id in 0..<connections.table.highWater where connections[id].flags.contains(.used) {
                let own = connections.depth(id)
                if own == depth { body(entry(of: id, gone)) }
                if own > depth { isDeeper = true }
            }
            depth += 1
        }
    }

    /// Which connections and templates a condition is true of, with all that they hang on.
    public func snapshotNumbers(where condition: (Connection) -> Bool) -> Set<Int32> {
        var numbers: Set<Int32> = []
        for id in 0..<connections.table.highWater where connections[id].flags.contains(.used) && condition(connections[id]) {
            var number = id
            while number >= 0, numbers.insert(number).inserted { number = connections[number].controller }
        }
        return numbers
    }

    /// Everything but connections and templates.
    public func snapshotOfPositions() -> Snapshot {
        var snapshot = Snapshot()
        snapshot.clock = clockwork.now
        snapshot.generator = clockwork.generator.position
        snapshot.due = (
            clockwork.schedule.nextEstimate - clockwork.now, clockwork.schedule.nextSecond - clockwork.now,
            clockwork.schedule.nextTrash - clockwork.now
        )
        snapshot.pathMTUs = host.network.learnedMTUs.map { ($0.key, $0.value.mtu, $0.value.until - clockwork.now) }.sorted {
            $0.address < $1.address
        }
        snapshot.ports = connections.portAllocator.positions
        for service in services.all {
            var state = Snapshot.Service(key: service.key)
            if let scheduler = service.scheduler { state.memory = scheduler.memory(at: clockwork.now) }
            state.nextLocalAddress = service.nextLocalAddress
            snapshot.services.append(state)
            for id in service.servers { snapshot.servers.append(standing(of: id, in: service.key)) }
        }
        for (name, entry) in servers.trash.inOrder {
            snapshot.gone.append(Snapshot.Gone(key: name, settings: servers[entry.server].settings))
        }
        return snapshot
    }

    private func standing(of id: ServerID, in service: ServiceKey) -> Snapshot.Server {
        var state = Snapshot.Server(key: .init(service, servers[id].key))
        state.isOverloaded = servers[id].isOverloaded
        state.lastWeight = servers[id].lastWeight
        state.rates = servers.ratePosition(id)
        state.outerIDs = [false, true].map { isPartial in
            let header = servers[outer: servers.outerPlace(id, isPartial: isPartial)]
            return header.generation == 0 ? nil : header.id
        }
        return state
    }

    private func entry(of id: ConnectionID, _ gone: [ServerID: Snapshot.ServiceServer]) -> Snapshot.Entry {
        var connection = carrying.upToDate(connections[id], at: id)
        connection.expires -= clockwork.now
        var entry = Snapshot.Entry(number: id, connection: connection, server: serviceServer(connection.server, gone))
        if connection.flags.contains(.template) {
            if let side = connections.templateData(of: id) { (entry.engine, entry.data) = side }
        } else if connection.hasSide {
            entry.stream = connections.sides[stream: id]
        }
        return entry
    }

    private func serviceServer(_ id: ServerID, _ gone: [ServerID: Snapshot.ServiceServer]) -> Snapshot.ServiceServer? {
        guard id >= 0 else { return nil }
        if let service = services[servers[id].service] { return .init(service.key, servers[id].key) }
        return gone[id]
    }
}

extension ConnectionState {
    /// How many controllers stand above a connection.
    func depth(_ id: ConnectionID) -> Int {
        var depth = 0
        var above = self[id].controller
        while above >= 0, depth < 8 {
            depth += 1
            above = self[above].controller
        }
        return depth
    }
}
