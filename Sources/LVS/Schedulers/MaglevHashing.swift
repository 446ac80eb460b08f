internal import Wire

/// Maglev hashing: like `sh`, but a change of servers moves few clients.
final class MaglevHashing: Scheduler {
    static var name: String { "mh" }
    static var summary: String { "by the client's address; a change of servers moves few clients" }
    static var flagNames: [(name: String, flag: ServiceFlags)] { [("mh-fallback", .scheduler1), ("mh-port", .scheduler2)] }

    /// Slots, as many as in the kernel by its own default.
    static var size: Int { 4093 }

    /// `mh-fallback`: look for another server when the client's own one is unavailable.
    private var fallsBack: Bool
    /// `mh-port`.
    private var usesPort: Bool
    private var table = MaglevTable(size: size)
    /// Servers have changed since the table was filled, which is done when it is asked next: once for any number of changes.
    private var isOutdated = false

    init(flags: ServiceFlags) {
        fallsBack = flags.contains(.scheduler1)
        usesPort = flags.contains(.scheduler2)
    }

    func flagsChanged(_ flags: ServiceFlags) {
        fallsBack = flags.contains(.scheduler1)
        usesPort = flags.contains(.scheduler2)
    }

    func pick(for request: SchedulingRequest, from servers: Candidates) -> Int? {
        if isOutdated { fill(from: servers) }
        let home = slot(for: request)
        let owner = Int(table.slots[home])
        if owner >= 0 && servers[owner].isUsable { return owner }
        guard fallsBack, owner >= 0 else { return nil }
        for offset in 0..<Self.size {
            let place = Int(table.slots[retry(offset, from: home, for: request)])
            if place >= 0 && servers[place].isUsable { return place }
        }
        return nil
    }

    private func slot(for request: SchedulingRequest, offset: Int = 0) -> Int {
        let port = usesPort ? request.hashedPort : 0
        return table.slot(of: UInt32(truncatingIfNeeded: offset) &+ UInt32(port) &+ request.client.folded)
    }

    private func retry(_ offset: Int, from home: Int, for request: SchedulingRequest) -> Int {
        slot(for: request, offset: (offset + home) % Self.size)
    }

    /// A server's address as a service of the given family folds it: of an IPv6 server an IPv4 service sees the first 32 bits.
    private func folded(_ address: IPAddress, _ family: IPFamily) -> UInt32 {
        family == .v4 && !address.isV4 ? UInt32(truncatingIfNeeded: address.high >> 32) : address.folded
    }

    func serversChanged(_ change: ServerChange, in servers: Candidates) {
        guard servers.count > Self.size else { return isOutdated = true }
        // The kernel refuses more servers than slots and goes on with the table it has.
        if isOutdated, case .added(let new) = change {
            fill(from: servers, without: new)
        } else {
            follow(change)
        }
    }

    /// Keeps the table pointing at the same servers.
    private func follow(_ change: ServerChange) {
        for slot in table.slots.indices {
            let place = Int(table.slots[slot])
            switch change {
            case .started: table.slots[slot] = -1
            case .added(let new): if place >= new { table.slots[slot] += 1 }
            case .edited: break
            case .removed(let old, _): table.slots[slot] = place == old ? -1 : place > old ? Int32(place - 1) : Int32(place)
            }
        }
    }

    /// - Parameter newcomer: place of a server that the table is to know nothing of, -1 for none.
    private func fill(from servers: Candidates, without newcomer: Int = -1) {
        isOutdated = false
        let (step, shift) = scale(of: servers, without: newcomer)
        var owners: [MaglevTable.Owner] = []
        owners.reserveCapacity(servers.count)
        for place in 0..<servers.count {
            let server = servers[place]
            guard server.lastWeight > 0, place != newcomer else { continue }
            owners.append(
                MaglevTable.Owner(
                    place: Int32(place), address: folded(server.key.address, servers.family), port: server.key.port,
                    turns: max((Int(server.lastWeight) / step) >> shift, 1)))
        }
        table.fill(owners)
    }

    /// What weights are divided by: their greatest common divisor (0 when there is no weight), then as many bits as leave
    /// the greatest one six. A weight is the last one that was not 0, so that a pause moves no other server's clients.
    private func scale(of servers: Candidates, without newcomer: Int) -> (step: Int, shift: Int) {
        var step = 0
        var greatest = 0
        for place in 0..<servers.count where servers[place].lastWeight > 0 && place != newcomer {
            let weight = Int(servers[place].lastWeight)
            step = greatestCommonDivisor(weight, step)
            greatest = max(greatest, weight)
        }
        if step == 0 { return (0, 0) }
        let bits = Int.bitWidth - (greatest / step).leadingZeroBitCount
        return (step, max(bits - 6, 0))
    }

    func score(of place: Int, for request: SchedulingRequest, in servers: Candidates) -> String {
        if isOutdated { fill(from: servers) }
        let home = slot(for: request)
        let share = "\(table.slots.count { Int($0) == place }) of \(Self.size) slots"
        let refused = servers[place].refusal.map { ", " + $0 } ?? ""
        if table.slots[home] == Int32(place) { return "owns slot \(home), \(share)\(refused)" }
        if fallsBack, table.slots[home] >= 0, !servers[Int(table.slots[home])].isUsable,
            let offset = (0..<Self.size).first(where: { table.slots[retry($0, from: home, for: request)] == Int32(place) })
        {
            return "fallback try \(offset + 1), slot \(retry(offset, from: home, for: request)), \(share)\(refused)"
        }
        return "slot \(home) is another's, \(share)\(refused)"
    }
}
