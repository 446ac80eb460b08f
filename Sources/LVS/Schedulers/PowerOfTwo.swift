/// Power of two choices: two servers drawn with chances by weight, the connection to the less loaded of the two.
final class PowerOfTwo: Scheduler {
    static var name: String { "twos" }
    static var summary: String { "the less loaded of two that are drawn by weight" }
    /// It throws dice, of which the kernel has its own.
    static var isInKernel: Bool { false }

    init(flags: ServiceFlags) {}

    func pick(for request: SchedulingRequest, from servers: Candidates) -> Int? {
        guard let (first, second) = draw(request.random, from: servers) else { return nil }
        // 32-bit products, which wrap, as the kernel compares them.
        let a = servers[first], b = servers[second]
        let firstLoad = Int32(truncatingIfNeeded: a.overhead) &* b.weight
        let secondLoad = Int32(truncatingIfNeeded: b.overhead) &* a.weight
        return firstLoad > secondLoad ? second : first
    }

    /// The places of two draws, `nil` when nobody is usable. Each half of the dice is one number out of 0...sum of weights;
    /// 0 counts for the first server like its own 1.
    private func draw(_ random: UInt64, from servers: Candidates) -> (Int, Int)? {
        var sum: Int64 = 0
        for place in 0..<servers.count where servers[place].isUsable { sum += Int64(servers[place].weight) }
        guard sum > 0 else { return nil }
        var left = number(random >> 32, upTo: sum)
        var right = number(random & 0xffff_ffff, upTo: sum)
        var first = -1
        var second = -1
        for place in 0..<servers.count where servers[place].isUsable {
            let weight = Int64(servers[place].weight)
            left -= weight
            right -= weight
            if first < 0 && left <= 0 { first = place }
            if second < 0 && right <= 0 { second = place }
            if first >= 0 && second >= 0 { return (first, second) }
        }
        return nil
    }

    /// 32 uniform bits as a number in 0...limit.
    private func number(_ bits: UInt64, upTo limit: Int64) -> Int64 {
        Int64((bits << 32).multipliedFullWidth(by: UInt64(limit) + 1).high)
    }

    func score(of place: Int, for request: SchedulingRequest, in servers: Candidates) -> String {
        let server = servers[place]
        if let refusal = server.refusal { return refusal }
        var drawn = ""
        if let (first, second) = draw(request.random, from: servers) {
            drawn =
                switch (first == place, second == place) {
                case (true, true): ", drawn twice"
                case (true, false): ", drawn first"
                case (false, true): ", drawn second"
                case (false, false): ", not drawn"
                }
        }
        return "overhead \(server.overhead) / weight \(server.weight)\(drawn)"
    }
}
