import Wire

/// Locality-based least connection with replication: an address has a set of servers, which grows when its least loaded
/// member is overworked and shrinks when it has not grown for a while.
final class LocalityBasedReplication: Scheduler {
    static var name: String { "lblcr" }
    static var summary: String { "a destination has a set of servers, which grows with its load" }

    /// Nanoseconds after which an unused address is forgotten, and after which a set that has not changed gives one member
    /// up (net.ipv4.vs.lblcr_expiration).
    var expiration: Instant = 86_400 * second

    private struct ServerSet {
        /// Newest first, never none.
        var members: [RememberedServer]
        var lastChange: Instant
    }

    private var cache = LocalityCache<ServerSet>()

    init(flags: ServiceFlags) {}

    func pick(for request: SchedulingRequest, from servers: Candidates) -> Int? {
        guard let known = cache.find(request.destination) else {
            guard let place = servers.leastLoaded() else { return nil }
            let set = ServerSet(members: [RememberedServer(place, in: servers)], lastChange: request.now)
            cache.insert(request.destination, set, at: request.now)
            return place
        }
        cache[known].lastUse = request.now
        let best = leastLoaded(of: &cache[known].choice, in: servers)
        if cache[known].choice.members.count > 1 && request.now &- cache[known].choice.lastChange > expiration {
            dropMostLoaded(of: &cache[known].choice, in: servers, at: request.now)
        }
        if let best, !servers.isOverworked(best) { return best }

        guard let place = servers.leastLoaded() else { return nil }
        let key = servers[place].key
        if !cache[known].choice.members.contains(where: { $0.key == key }) {
            cache[known].choice.members.insert(RememberedServer(place, in: servers), at: 0)
            cache[known].choice.lastChange = request.now
        }
        return place
    }

    private func leastLoaded(of set: inout ServerSet, in servers: Candidates) -> Int? {
        var best = -1
        for index in set.members.indices {
            guard let place = set.members[index].place(in: servers), servers[place].isUsable else { continue }
            if best < 0
                || servers[best].overhead &* Int64(servers[place].weight)
                    > servers[place].overhead &* Int64(servers[best].weight)
            {
                best = place
            }
        }
        return best < 0 ? nil : best
    }

    private func dropMostLoaded(of set: inout ServerSet, in servers: Candidates, at now: Instant) {
        var most: (index: Int, overhead: Int64, weight: Int64)?
        for index in set.members.indices {
            let (overhead, weight) = set.members[index].load(in: servers)
            guard weight > 0 else { continue }
            if let leader = most, leader.overhead &* weight >= overhead &* leader.weight { continue }
            most = (index, overhead, weight)
        }
        guard let most else { return }
        set.members.remove(at: most.index)
        set.lastChange = now
    }

    func tunablesChanged(_ tunables: Tunables) { expiration = Instant(tunables.lblcrExpiration) * second }

    func tick(at now: Instant) { cache.tick(at: now, expiration: expiration) }

    var nextTick: Instant? { cache.due ?? 0 }

    func memory(at now: Instant) -> SchedulerMemory {
        cache.memory(at: now) { set in (set.members.map(\.key), [set.lastChange - now]) }
    }

    func position(at now: Instant) -> SchedulerMemory { cache.position(at: now) }

    func item(for request: SchedulingRequest) -> SchedulerMemory.Item? {
        cache.item(of: request.destination, at: request.now) { set in (set.members.map(\.key), [set.lastChange - request.now]) }
    }

    var itemCount: Int { cache.count }

    func remembered(among servers: Set<ServerKey>) -> Set<ServerKey> {
        cache.chosen(among: servers) { $0.members.lazy.map(\.key) }
    }

    func resume(_ memory: SchedulerMemory, in servers: Candidates, at now: Instant) {
        cache.resume(memory, at: now) { item in
            guard item.times.count == 2, !item.servers.isEmpty else { return nil }
            return ServerSet(members: item.servers.map { RememberedServer($0, in: servers) }, lastChange: now &+ min(item.times[1], 0))
        }
    }

    func score(of place: Int, for request: SchedulingRequest, in servers: Candidates) -> String {
        let server = servers[place]
        let load = server.refusal ?? "overhead \(server.overhead) / weight \(server.weight)"
        guard let known = cache.find(request.destination),
            cache[known].choice.members.contains(where: { $0.key == server.key })
        else { return load }
        return load + (servers.isOverworked(place) ? ", in the address's set but overworked" : ", in the address's set")
    }
}
