/// Round robin: the server after the last one served, around the list.
final class RoundRobin: Scheduler {
    static var name: String { "rr" }
    static var summary: String { "each server in turn" }

    /// Place of the server served last; -1 is the head of the list.
    private var last = -1

    init(flags: ServiceFlags) {}

    func memory(at now: Instant) -> SchedulerMemory { SchedulerMemory(position: [last]) }

    func resume(_ memory: SchedulerMemory, in servers: Candidates, at now: Instant) {
        last = min(max(memory.position.first ?? -1, -1), ServerPool.capacity)
    }

    func pick(for request: SchedulingRequest, from servers: Candidates) -> Int? {
        // The list's head is a station of the circle of its own; the server served last comes last.
        var place = last
        for _ in 0..<(servers.count + 1) {
            place += 1
            if place >= servers.count { place = -1; continue }
            if servers[place].isUsable { last = place; return place }
        }
        return nil
    }

    func serversChanged(_ change: ServerChange, in servers: Candidates) {
        switch change {
        case .started: last = -1
        case .added(let place): if last >= place { last += 1 }
        case .edited: break
        // On the removed server itself: its predecessor, so that its successor is next.
        case .removed(let place, _): if last >= place { last -= 1 }
        }
    }

    func score(of place: Int, for request: SchedulingRequest, in servers: Candidates) -> String {
        if let refusal = servers[place].refusal { return refusal }
        if place == last { return "last served, asked last" }
        let ahead = place > last ? place - last : servers.count - last + place
        return ahead == 1 ? "next in the circle" : "\(ahead) steps after the last served"
    }
}
