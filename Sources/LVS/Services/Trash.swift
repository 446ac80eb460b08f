import Wire

/// Servers that were removed while connections, or the addresses that a scheduler remembers, still know them. One that comes
/// back under the same service and address is the same server again, with its connections and counters; one that nothing knows
/// any more goes after two minutes.
struct Trash {
    struct Entry {
        var server: ServerID
        /// The service object itself lives on (it was only the server that was removed).
        var serviceSequence: UInt64
        var idleSince: Instant?
        fileprivate var number: UInt64 = 0
    }
    private(set) var entries: [Snapshot.ServiceServer: Entry] = [:]
    private var lastNumber: UInt64 = 0

    /// The longest there first.
    var inOrder: [(key: Snapshot.ServiceServer, value: Entry)] { entries.sorted { $0.value.number < $1.value.number } }

    mutating func add(_ server: ServerID, _ name: Snapshot.ServiceServer, serviceSequence: UInt64) {
        lastNumber += 1
        entries[name] = Entry(server: server, serviceSequence: serviceSequence, number: lastNumber)
    }

    mutating func take(_ name: Snapshot.ServiceServer) -> Entry? { entries.removeValue(forKey: name) }

    /// A server that is known to somebody is not idle; one that is idle for long enough is forgotten.
    /// - Returns: those that are forgotten.
    mutating func sort(at now: Instant, isKnown: (Snapshot.ServiceServer, Entry) -> Bool) -> [ServerID] {
        var forgotten: [Entry] = []
        for (name, entry) in entries {
            if isKnown(name, entry) {
                entries[name]?.idleSince = nil
            } else if let since = entry.idleSince, now - since >= Self.patience {
                entries[name] = nil
                forgotten.append(entry)
            } else {
                entries[name]?.idleSince = entry.idleSince ?? now
            }
        }
        return forgotten.sorted { $0.number < $1.number }.map(\.server)
    }

    /// Nanoseconds without connections after which a server is forgotten.
    static let patience: Instant = 120 * second
}

extension Director {
    /// Takes a server out of its service; its connections keep it in the trash.
    mutating func discard(_ server: ServerID, of service: VirtualService) {
        servers[server].flags.remove(.available)
        servers[server].service = -1
        guard !servers.isInheriting else { return servers.inherit(server, of: service.key) }
        servers.trash.add(server, .init(service.key, servers[server].key), serviceSequence: service.sequence)
        if tunables.expireNoDestination != 0 {
            clockwork.schedule.nextFlush = min(clockwork.schedule.nextFlush, clockwork.now + Self.moment)
        }
    }

    /// Nanoseconds until connections go that have no future: the kernel's timers run then, and do not in between.
    static var moment: Instant { 10 * millisecond }

    /// Begins to expire every connection and template of servers that are gone, but those that others hang on, and what the last
    /// of them hung on (expire_nodest_conn).
    mutating func beginFlush() {
        guard tunables.expireNoDestination != 0, !servers.isInheriting else { return }
        clockwork.flushed = 0
    }

    /// Goes on with it.
    /// - Parameter limit: connections that may expire in this call; a few times as many are looked at.
    /// - Returns: whether it is done.
    mutating func goOnFlushing(_ limit: Int) -> Bool {
        guard let begin = clockwork.flushed else { return true }
        let highWater = connections.table.highWater, looks = limit > Int.max / 16 ? .max : limit * 16
        var id = begin, left = limit
        while id < highWater {
            guard left > 0, Int(id - begin) < looks else {
                clockwork.flushed = id
                return false
            }
            defer { id += 1 }
            guard connections[id].flags.contains(.used), connections[id].children == 0 else { continue }
            let server = connections[id].server
            guard server >= 0, !servers[server].isAvailable else { continue }
            let controller = connections[id].controller
            expire(id)
            if controller >= 0, connections[controller].children == 0 { expire(controller) }
            left -= 1
        }
        clockwork.flushed = nil
        return true
    }

    mutating func takeFromTrash(_ key: ServerKey, for service: VirtualService) -> ServerID? {
        if let server = servers.takeInherited(key, of: service.key) {
            if servers[server].homeSequence != service.sequence { servers.makeZero(server) }
            return server
        }
        guard let entry = servers.trash.take(.init(service.key, key)) else { return nil }
        // Under a new service object of the same identity what it showed is the new zero; its connections stay.
        if entry.serviceSequence != service.sequence { servers.makeZero(entry.server) }
        return entry.server
    }

    mutating func emptyTrash(at now: Instant) {
        let slots = servers.slots
        host.natServers.forgetFormer { slots[Int($0)].total == 0 }
        let remembered = serversRememberedInTrash()
        let forgotten = servers.trash.sort(at: now) { name, entry in
            let server = slots[Int(entry.server)]
            return server.total != 0 || server.persistent != 0
                || remembered[entry.serviceSequence]?.contains(name.server) == true
        }
        for server in forgotten { servers.remove(server) }
        releaseServicePlaces()
    }

    /// The servers in the trash that schedulers remember, by their services' sequence.
    private func serversRememberedInTrash() -> [UInt64: Set<ServerKey>] {
        var trashed: [UInt64: Set<ServerKey>] = [:]
        for (name, entry) in servers.trash.entries { trashed[entry.serviceSequence, default: []].insert(name.server) }
        guard !trashed.isEmpty else { return [:] }
        return services.all.reduce(into: [:]) { remembered, service in
            guard let keys = trashed[service.sequence], let scheduler = service.scheduler else { return }
            remembered[service.sequence] = scheduler.remembered(among: keys)
        }
    }

    /// Places of services are free when neither a service nor a server in the trash has them.
    mutating func releaseServicePlaces() {
        guard services.slots.count > services.count4 + services.count6 else { return }
        services.slots.release(except: Set(services.all.map(\.id) + servers.trash.entries.values.map { servers[$0.server].home }))
    }
}
