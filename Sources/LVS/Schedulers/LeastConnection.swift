/// Least connection: the smallest overhead. A weight only says whether a server is asked at all.
final class LeastConnection: Scheduler {
    static var name: String { "lc" }
    static var summary: String { "fewest connections" }

    init(flags: ServiceFlags) {}

    func pick(for request: SchedulingRequest, from servers: Candidates) -> Int? {
        var best = -1
        var least = Int64.max
        for place in 0..<servers.count {
            let server = servers[place]
            if server.isUsable && server.overhead < least {
                best = place
                least = server.overhead
            }
        }
        return best < 0 ? nil : best
    }

    func score(of place: Int, for request: SchedulingRequest, in servers: Candidates) -> String {
        servers[place].refusal ?? "overhead \(servers[place].overhead)"
    }
}
