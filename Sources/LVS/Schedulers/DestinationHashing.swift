import Wire

/// Destination hashing: packets to one address always go to the same server, weights aside. With one VIP that is one server;
/// it is meant for marked traffic to many addresses, such as transparent caches.
final class DestinationHashing: Scheduler {
    static var name: String { "dh" }
    static var summary: String { "by the destination's address" }

    /// The place that serves each of 256 slots, -1 for nobody.
    private var slots = [Int32](repeating: -1, count: 256)

    init(flags: ServiceFlags) {}

    func pick(for request: SchedulingRequest, from servers: Candidates) -> Int? {
        let owner = Int(slots[slot(for: request)])
        return owner >= 0 && servers[owner].isUsable ? owner : nil
    }

    private func slot(for request: SchedulingRequest) -> Int { MultiplicativeHash.slot(request.destination.folded, bits: 8) }

    func serversChanged(_ change: ServerChange, in servers: Candidates) {
        // A weight says only whether the server is up, so an edit leaves every address where it is.
        if case .edited = change { return }
        for slot in slots.indices { slots[slot] = servers.count == 0 ? -1 : Int32(slot % servers.count) }
    }

    func score(of place: Int, for request: SchedulingRequest, in servers: Candidates) -> String {
        let slot = slot(for: request)
        let refused = servers[place].refusal.map { ", " + $0 } ?? ""
        return (slots[slot] == Int32(place) ? "owns slot \(slot)" : "slot \(slot) is another's") + refused
    }
}
