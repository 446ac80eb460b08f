/// Weighted round robin: round the list at a weight level that sinks from the greatest weight to 1, serving whoever
/// weighs at least as much.
final class WeightedRoundRobin: Scheduler {
    static var name: String { "wrr" }
    static var summary: String { "in turn, as often as it weighs" }

    /// Place of the server served last; -1 is the head of the list.
    private var last = -1
    /// The level, always a multiple of `step` plus 1 once there is a weight.
    private var level = 0
    /// The highest level: the greatest weight - (step - 1). 0 when nobody has weight.
    private var top = 0
    /// The greatest common divisor of all weights.
    private var step = 1
    /// The same and the greatest weight, 0 when nobody has weight.
    private var divisor = 0, greatest = 0

    init(flags: ServiceFlags) {}

    func memory(at now: Instant) -> SchedulerMemory { SchedulerMemory(position: [last, level]) }

    func resume(_ memory: SchedulerMemory, in servers: Candidates, at now: Instant) {
        guard memory.position.count == 2 else { return }
        last = min(max(memory.position[0], -1), ServerPool.capacity)
        level = min(max(memory.position[1], min(1, top)), max(top, 0))
    }

    func pick(for request: SchedulingRequest, from servers: Candidates) -> Int? {
        if top == 0 { return nil }
        if let place = first(after: last, in: servers) { return serve(place) }

        // The kernel walks the whole list at one level after the other. Here a level that nobody reaches is skipped, so
        // that weights of a million cost no more than weights of three.
        var greatest = 0
        for place in 0..<servers.count {
            let server = servers[place]
            if !server.isOverloaded { greatest = max(greatest, Int(server.weight)) }
        }
        guard greatest > 0 else {
            // On the last level the kernel stops where it stood, from any other one at the head of the list.
            if last < 0 || level > step {
                last = -1
                level = top
            }
            return nil
        }
        level -= step
        if level <= 0 { level = top }
        if level > greatest { level = greatest - step + 1 }
        guard let place = first(after: -1, in: servers) else { return nil }
        return serve(place)
    }

    private func first(after start: Int, in servers: Candidates) -> Int? {
        var place = start + 1
        while place < servers.count {
            let server = servers[place]
            if Int(server.weight) >= level && !server.isOverloaded { return place }
            place += 1
        }
        return nil
    }

    private func serve(_ place: Int) -> Int {
        last = place
        return place
    }

    func serversChanged(_ change: ServerChange, in servers: Candidates) {
        if case .added(let place) = change {
            weigh(servers[place])
        } else {
            (divisor, greatest) = (0, 0)
            for place in 0..<servers.count { weigh(servers[place]) }
        }
        step = max(divisor, 1)
        top = greatest - (step - 1)
        last = -1
        if change == .started || level > top || level == 0 {
            level = top
        } else if step > 1 {
            level = level / step * step + 1
        }
    }

    private func weigh(_ server: RealServer) {
        guard server.weight > 0 else { return }
        divisor = greatestCommonDivisor(Int(server.weight), divisor)
        greatest = max(greatest, Int(server.weight))
    }

    func score(of place: Int, for request: SchedulingRequest, in servers: Candidates) -> String {
        if let refusal = servers[place].refusal { return refusal }
        let served = place == last ? ", last served" : ""
        return "weight \(servers[place].weight), level \(level)\(served)"
    }
}

/// Of two numbers that are not negative; that of a number and 0 is the number.
func greatestCommonDivisor(_ a: Int, _ b: Int) -> Int {
    var (a, b) = (a, b)
    while b != 0 { (a, b) = (b, a % b) }
    return a
}
