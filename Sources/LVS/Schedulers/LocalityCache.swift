internal import Wire

/// What `lblc` and `lblcr` remember for each destination address: 1024 buckets of entries that age by use.
struct LocalityCache<Choice> {
    struct Entry {
        let address: IPAddress
        var lastUse: Instant
        var choice: Choice
    }

    /// Where an entry stands; good until the next `insert` or `tick`.
    struct Position {
        fileprivate let bucket: Int
        fileprivate let index: Int
    }

    /// Beyond this many entries those idle for six minutes are collected.
    static var comfortable: Int { 16384 }
    /// From this many on nothing new is remembered.
    static var limit: Int { comfortable * 3 / 2 }
    private static var minute: Instant { 60 * second }
    private static var idle: Instant { 6 * minute }
    /// Ticks from one look at all entries to the next.
    private static var round: Int { 30 }

    private var buckets = [[Entry]](repeating: [], count: 1024)
    private(set) var count = 0
    /// The bucket where the last collection ended.
    private var rover = 0
    private var counter = 1
    /// The next tick; `nil` before the first one, which only starts the minute.
    private(set) var due: Instant?

    func find(_ address: IPAddress) -> Position? {
        let bucket = Self.bucket(of: address)
        guard let index = buckets[bucket].firstIndex(where: { $0.address == address }) else { return nil }
        return Position(bucket: bucket, index: index)
    }

    subscript(position: Position) -> Entry {
        get { buckets[position.bucket][position.index] }
        _modify { yield &buckets[position.bucket][position.index] }
    }

    /// Remembers a choice for an address that is not known yet, or does nothing when there is no room.
    mutating func insert(_ address: IPAddress, _ choice: Choice, at now: Instant) {
        guard count < Self.limit else { return }
        buckets[Self.bucket(of: address)].append(Entry(address: address, lastUse: now, choice: choice))
        count += 1
    }

    private static func bucket(of address: IPAddress) -> Int { MultiplicativeHash.slot(address.folded, bits: 10) }

    /// The timer of every minute; ticks that are late are made up for. Every 30th one forgets what has been idle for
    /// `expiration` nanoseconds. Any other one only looks when there are too many entries.
    mutating func tick(at now: Instant, expiration: Instant) {
        guard var tick = due else {
            due = now &+ Self.minute
            return
        }
        while tick <= now {
            let missed = Int((now &- tick) / Self.minute)
            // Nothing is used in between, so of many looks at all entries the last one does the work of all.
            if count <= Self.comfortable && missed >= 2 * Self.round {
                tick &+= Instant((missed / Self.round - 1) * Self.round) &* Self.minute
            }
            if counter == Self.round {
                forget(idleFor: expiration, at: tick, goal: Int.max)
                counter = 1
            } else if count <= Self.comfortable {
                counter += 1
            } else {
                let excess = count - Self.comfortable
                forget(idleFor: Self.idle, at: tick, goal: min(excess * 4 / 3, Self.comfortable / 2))
            }
            tick &+= Self.minute
        }
        due = tick
    }

    /// Those of the servers that a choice names; the look ends when all are found.
    func chosen(among servers: Set<ServerKey>, _ named: (Choice) -> some Sequence<ServerKey>) -> Set<ServerKey> {
        var sought = servers
        for entry in buckets.lazy.joined() {
            if sought.isEmpty { break }
            for server in named(entry.choice) { sought.remove(server) }
        }
        return servers.subtracting(sought)
    }

    /// Everything that is remembered; `described` says which servers a choice names, and which moments beside the last use.
    func memory(at now: Instant, _ described: (Choice) -> (servers: [ServerKey], times: [Instant])) -> SchedulerMemory {
        var memory = position(at: now)
        for entry in buckets.joined() { memory.items.append(Self.item(entry, at: now, described)) }
        return memory
    }

    /// Where its timer stands.
    func position(at now: Instant) -> SchedulerMemory {
        SchedulerMemory(position: [counter, rover], times: due.map { [$0 &- now] } ?? [])
    }

    /// What is remembered of one address.
    func item(
        of address: IPAddress, at now: Instant, _ described: (Choice) -> (servers: [ServerKey], times: [Instant])
    ) -> SchedulerMemory.Item? {
        find(address).map { Self.item(self[$0], at: now, described) }
    }

    private static func item(
        _ entry: Entry, at now: Instant, _ described: (Choice) -> (servers: [ServerKey], times: [Instant])
    ) -> SchedulerMemory.Item {
        let (servers, times) = described(entry.choice)
        return .init(address: entry.address, servers: servers, times: [entry.lastUse &- now] + times)
    }

    /// Goes on from another cache's memory; `choice` makes an item's choice, `nil` for one that makes no sense.
    mutating func resume(_ memory: SchedulerMemory, at now: Instant, _ choice: (SchedulerMemory.Item) -> Choice?) {
        if memory.position.count == 2 {
            counter = min(max(memory.position[0], 1), Self.round)
            rover = min(max(memory.position[1], 0), buckets.count - 1)
        }
        if let next = memory.times.first { due = now &+ min(max(next, -Self.minute), Self.minute) }
        for item in memory.items where find(item.address) == nil {
            guard let lastUse = item.times.first, let choice = choice(item) else { continue }
            insert(item.address, choice, at: now &+ min(lastUse, 0))
        }
    }

    /// Goes round the buckets from where the last round ended, until `goal` entries are gone.
    private mutating func forget(idleFor limit: Instant, at now: Instant, goal: Int) {
        let before = count
        for _ in buckets.indices {
            rover = (rover + 1) % buckets.count
            let held = buckets[rover].count
            buckets[rover].removeAll { now &- $0.lastUse >= limit }
            count -= held - buckets[rover].count
            if before - count >= goal { break }
        }
    }
}

/// A server as a cache remembers it: by its key, since it may leave the service and come back.
struct RememberedServer {
    let key: ServerKey
    /// Where it stood in the director's pool and in the list when last seen.
    private var id: ServerID
    private var hint: Int32

    init(_ place: Int, in servers: Candidates) {
        key = servers[place].key
        id = servers.order[place]
        hint = Int32(place)
    }

    /// By its key alone. One that has left the service counts as idle until it comes back.
    init(_ key: ServerKey, in servers: Candidates) {
        self.key = key
        let place = (0..<servers.count).first { servers[$0].key == key }
        id = place.map { servers.order[$0] } ?? -1
        hint = Int32(place ?? servers.count)
    }

    /// Its place in the list now, `nil` when it has left the service.
    mutating func place(in servers: Candidates) -> Int? {
        if Int(hint) < servers.count && servers[Int(hint)].key == key { return Int(hint) }
        guard let place = (0..<servers.count).first(where: { servers[$0].key == key }) else { return nil }
        id = servers.order[place]
        hint = Int32(place)
        return place
    }

    /// Overhead and weight, also of a server that has left: its connections may live on. Once they are gone it is idle.
    mutating func load(in servers: Candidates) -> (overhead: Int64, weight: Int64) {
        let place = place(in: servers)
        guard place != nil || id >= 0 else { return (0, 1) }
        let server = servers.pool[Int(place.map { servers.order[$0] } ?? id)]
        guard place != nil || (server.key == key && server.flags.contains(.used) && !server.isAvailable) else { return (0, 1) }
        return (server.overhead, Int64(server.weight))
    }
}
