/// Overflow: all to the greatest weight until that server has more active connections than weight, then to the next.
/// So a server takes one connection more than it weighs.
final class WeightedOverflow: Scheduler {
    static var name: String { "ovf" }
    static var summary: String { "all to the greatest weight that has fewer active connections than weight" }

    init(flags: ServiceFlags) {}

    func pick(for request: SchedulingRequest, from servers: Candidates) -> Int? {
        var best = -1
        var greatest: Int32 = 0
        for place in 0..<servers.count {
            let server = servers[place]
            if server.weight > greatest && server.active <= server.weight && !server.isOverloaded {
                best = place
                greatest = server.weight
            }
        }
        return best < 0 ? nil : best
    }

    func score(of place: Int, for request: SchedulingRequest, in servers: Candidates) -> String {
        let server = servers[place]
        if let refusal = server.refusal { return refusal }
        return "\(server.active) active\(server.active > server.weight ? " >" : ", not more than") weight \(server.weight)"
    }
}
