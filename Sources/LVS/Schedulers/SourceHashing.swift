internal import Wire

/// Source hashing: a client always gets the same server, by its address or, with `sh-port`, by address and port.
final class SourceHashing: Scheduler {
    static var name: String { "sh" }
    static var summary: String { "by the client's address" }
    static var flagNames: [(name: String, flag: ServiceFlags)] { [("sh-fallback", .scheduler1), ("sh-port", .scheduler2)] }

    /// `sh-fallback`: look for another server when the client's own one is unavailable.
    private var fallsBack: Bool
    /// `sh-port`.
    private var usesPort: Bool
    /// The place that serves each of 256 slots, -1 for nobody.
    private var slots = [Int32](repeating: -1, count: 256)

    init(flags: ServiceFlags) {
        fallsBack = flags.contains(.scheduler1)
        usesPort = flags.contains(.scheduler2)
    }

    func flagsChanged(_ flags: ServiceFlags) {
        fallsBack = flags.contains(.scheduler1)
        usesPort = flags.contains(.scheduler2)
    }

    func pick(for request: SchedulingRequest, from servers: Candidates) -> Int? {
        let home = slot(for: request)
        let owner = Int(slots[home])
        guard owner >= 0 else { return nil }
        if servers[owner].isUsable { return owner }
        guard fallsBack else { return nil }
        for offset in 0..<256 {
            let place = Int(slots[retry(offset, from: home)])
            if servers[place].isUsable { return place }
        }
        return nil
    }

    private func slot(for request: SchedulingRequest) -> Int {
        let port = usesPort ? request.hashedPort : 0
        return MultiplicativeHash.slot(request.client.folded &+ UInt32(port), bits: 8)
    }

    /// The slot is added twice, once by the walk that starts there and once by the hash.
    private func retry(_ offset: Int, from home: Int) -> Int { (2 * home + offset) & 255 }

    func serversChanged(_ change: ServerChange, in servers: Candidates) {
        // Round the list, each server as many slots in a row as it weighs. One of weight 0 takes a slot like one of 1.
        var place = 0
        var taken: Int32 = 0
        for slot in slots.indices {
            guard servers.count > 0 else { slots[slot] = -1; continue }
            slots[slot] = Int32(place)
            taken += 1
            if taken >= servers[place].weight {
                place = place + 1 == servers.count ? 0 : place + 1
                taken = 0
            }
        }
    }

    func score(of place: Int, for request: SchedulingRequest, in servers: Candidates) -> String {
        let home = slot(for: request)
        let share = "\(slots.count { Int($0) == place }) of 256 slots"
        let refused = servers[place].refusal.map { ", " + $0 } ?? ""
        if slots[home] == Int32(place) { return "owns slot \(home), \(share)\(refused)" }
        if fallsBack, slots[home] >= 0, !servers[Int(slots[home])].isUsable,
            let offset = (0..<256).first(where: { slots[retry($0, from: home)] == Int32(place) })
        {
            return "fallback try \(offset + 1), slot \(retry(offset, from: home)), \(share)\(refused)"
        }
        return "slot \(home) is another's, \(share)\(refused)"
    }
}

extension SchedulingRequest {
    /// The client port that `sh-port` and `mh-port` hash: only of protocols that the kernel knows to have one.
    var hashedPort: UInt16 {
        switch proto {
        case IPProtocol.tcp, IPProtocol.udp, IPProtocol.sctp: clientPort
        default: 0
        }
    }
}
