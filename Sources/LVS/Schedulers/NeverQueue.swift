/// Never queue: the first server without an active connection, whatever its weight; when all are busy, as `sed`.
final class NeverQueue: Scheduler {
    static var name: String { "nq" }
    static var summary: String { "an idle server first, else as SED" }

    init(flags: ServiceFlags) {}

    func pick(for request: SchedulingRequest, from servers: Candidates) -> Int? {
        for place in 0..<servers.count {
            let server = servers[place]
            if server.active == 0 && server.isUsable { return place }
        }
        return servers.cheapest { $0.expectedDelay }
    }

    func score(of place: Int, for request: SchedulingRequest, in servers: Candidates) -> String {
        let server = servers[place]
        if let refusal = server.refusal { return refusal }
        return server.active == 0 ? "idle" : "(active \(server.active) + 1) / weight \(server.weight)"
    }
}
