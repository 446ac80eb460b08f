/// Weighted failover: all to the greatest weight that is not overloaded.
final class WeightedFailover: Scheduler {
    static var name: String { "fo" }
    static var summary: String { "all to the greatest weight" }

    init(flags: ServiceFlags) {}

    func pick(for request: SchedulingRequest, from servers: Candidates) -> Int? {
        var best = -1
        var greatest: Int32 = 0
        for place in 0..<servers.count {
            let server = servers[place]
            if server.weight > greatest && !server.isOverloaded {
                best = place
                greatest = server.weight
            }
        }
        return best < 0 ? nil : best
    }

    func score(of place: Int, for request: SchedulingRequest, in servers: Candidates) -> String {
        servers[place].refusal ?? "weight \(servers[place].weight)"
    }
}
