extension RealServer {
    /// Why the server takes no new connection, in words; `nil` when it does.
    var refusal: String? {
        if isOverloaded { return "overloaded" }
        return settings.weight > 0 ? nil : "weight 0"
    }
}

/// The comparisons of load that several schedulers share. All are strict, so the first in the list wins a tie.
extension Candidates {
    /// Place of the usable server with the smallest cost divided by its weight. Compared crosswise, as the kernel does, so
    /// that nothing is rounded; products beyond 64 bits wrap.
    @inline(__always)
    func cheapest(_ cost: (RealServer) -> Int64) -> Int? {
        var best = -1
        var bestCost: Int64 = 0
        var bestWeight: Int64 = 0
        for place in 0..<count {
            let server = self[place]
            guard server.isUsable else { continue }
            let weight = Int64(server.weight)
            let price = cost(server)
            if best < 0 || bestCost &* weight > price &* bestWeight {
                best = place
                bestCost = price
                bestWeight = weight
            }
        }
        return best < 0 ? nil : best
    }

    /// The choice of `wlc`, which `lblc` and `lblcr` fall back on.
    func leastLoaded() -> Int? { cheapest { $0.overhead } }

    /// Whether `lblc` and `lblcr` give a remembered server up: it has more active connections than weight while some
    /// server of the service, overloaded or not, is less than half used.
    func isOverworked(_ place: Int) -> Bool {
        let server = self[place]
        guard server.active > server.weight else { return false }
        for other in 0..<count where Int64(self[other].active) * 2 < Int64(self[other].weight) { return true }
        return false
    }
}
