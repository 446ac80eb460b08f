/// Weighted least connection, what `-A` without `-s` means: the smallest overhead divided by weight. While all are idle
/// that is the head of the list, whatever it weighs.
final class WeightedLeastConnection: Scheduler {
    static var name: String { "wlc" }
    static var summary: String { "fewest connections per weight" }

    init(flags: ServiceFlags) {}

    func pick(for request: SchedulingRequest, from servers: Candidates) -> Int? { servers.leastLoaded() }

    func score(of place: Int, for request: SchedulingRequest, in servers: Candidates) -> String {
        let server = servers[place]
        return server.refusal ?? "overhead \(server.overhead) / weight \(server.weight)"
    }
}
