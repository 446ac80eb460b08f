/// Shortest expected delay: the smallest (active + 1) divided by weight, the load as it were with this connection on top.
/// Inactive connections do not count.
final class ShortestExpectedDelay: Scheduler {
    static var name: String { "sed" }
    static var summary: String { "fewest active connections per weight, the new one counted" }

    init(flags: ServiceFlags) {}

    func pick(for request: SchedulingRequest, from servers: Candidates) -> Int? {
        servers.cheapest { $0.expectedDelay }
    }

    func score(of place: Int, for request: SchedulingRequest, in servers: Candidates) -> String {
        let server = servers[place]
        return server.refusal ?? "(active \(server.active) + 1) / weight \(server.weight)"
    }
}

extension RealServer {
    /// Load as `sed` and `nq` see it, before division by weight.
    var expectedDelay: Int64 { Int64(active) + 1 }
}
