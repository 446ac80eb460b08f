import Wire

/// Locality-based least connection: an address stays with one server until that is overworked or down, then moves to the
/// least loaded one. Meant for caches, whose destinations are many addresses.
final class LocalityBased: Scheduler {
    static var name: String { "lblc" }
    static var summary: String { "a destination keeps its server until that is overworked" }

    /// Nanoseconds after which an unused address is forgotten (net.ipv4.vs.lblc_expiration).
    var expiration: Instant = 86_400 * second

    private var cache = LocalityCache<RememberedServer>()

    init(flags: ServiceFlags) {}

    func pick(for request: SchedulingRequest, from servers: Candidates) -> Int? {
        let known = cache.find(request.destination)
        if let known {
            cache[known].lastUse = request.now
            // The overload threshold is not asked here: who knows an address keeps it.
            if let place = cache[known].choice.place(in: servers), servers[place].weight > 0, !servers.isOverworked(place) {
                return place
            }
        }
        guard let place = servers.leastLoaded() else { return nil }
        let choice = RememberedServer(place, in: servers)
        if let known { cache[known].choice = choice } else { cache.insert(request.destination, choice, at: request.now) }
        return place
    }

    func tunablesChanged(_ tunables: Tunables) { expiration = Instant(tunables.lblcExpiration) * second }

    func tick(at now: Instant) { cache.tick(at: now, expiration: expiration) }

    var nextTick: Instant? { cache.due ?? 0 }

    func memory(at now: Instant) -> SchedulerMemory { cache.memory(at: now) { ([$0.key], []) } }

    func position(at now: Instant) -> SchedulerMemory { cache.position(at: now) }

    func item(for request: SchedulingRequest) -> SchedulerMemory.Item? {
        cache.item(of: request.destination, at: request.now) { ([$0.key], []) }
    }

    var itemCount: Int { cache.count }

    func remembered(among servers: Set<ServerKey>) -> Set<ServerKey> { cache.chosen(among: servers) { [$0.key] } }

    func resume(_ memory: SchedulerMemory, in servers: Candidates, at now: Instant) {
        cache.resume(memory, at: now) { item in item.servers.first.map { RememberedServer($0, in: servers) } }
    }

    func score(of place: Int, for request: SchedulingRequest, in servers: Candidates) -> String {
        let server = servers[place]
        let load = server.refusal ?? "overhead \(server.overhead) / weight \(server.weight)"
        guard let known = cache.find(request.destination), cache[known].choice.key == server.key else { return load }
        return load + (servers.isOverworked(place) ? ", knows the address but is overworked" : ", knows the address")
    }
}
