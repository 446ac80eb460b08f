import LVS
import Wire

/// One routing table of one family, kept in the kernel's order while it follows the kernel's notifications.
///
/// A notification does not say which of several routes to the same prefix with the same metric it means, nor where the
/// new one stands among them; then the table asks to be read again.
struct RouteTable {
    private struct Key: Hashable {
        let prefix: IPAddress
        let metric: UInt32
        let length: UInt8

        init(_ route: LVS.Network.Route) {
            prefix = route.prefix
            metric = route.metric
            length = UInt8(clamping: route.length)
        }
    }

    /// In the kernel's order, with holes where routes were removed.
    private var slots: [LVS.Network.Route?] = []
    private var places: [Key: Int32] = [:]
    private var ambiguous: Set<Key> = []
    private var holes = 0

    /// What following one notification came to.
    enum Outcome { case same, changed, mustBeRead }

    var routes: some Sequence<LVS.Network.Route> { slots.lazy.compactMap { $0 } }
    var count: Int { slots.count - holes }

    /// Adds a route as a dump lists it.
    mutating func list(_ entry: RouteEntry) {
        let key = Key(entry.route)
        slots.append(entry.route)
        if places.updateValue(Int32(truncatingIfNeeded: slots.count - 1), forKey: key) != nil || entry.isMultipath {
            ambiguous.insert(key)
        }
    }

    /// Follows RTM_NEWROUTE; `replaces` tells NLM_F_REPLACE.
    mutating func add(_ entry: RouteEntry, replaces: Bool) -> Outcome {
        let key = Key(entry.route)
        guard let place = places[key] else {
            list(entry)
            return .changed
        }
        guard !ambiguous.contains(key) else { return .mustBeRead }
        if slots[Int(place)] == entry.route { return .same }
        guard replaces else { return .mustBeRead }
        slots[Int(place)] = entry.route
        if entry.isMultipath { ambiguous.insert(key) }
        return .changed
    }

    /// Follows RTM_DELROUTE.
    mutating func remove(_ entry: RouteEntry) -> Outcome {
        let key = Key(entry.route)
        guard let place = places[key] else { return .same }
        guard !ambiguous.contains(key) else { return .mustBeRead }
        places[key] = nil
        slots[Int(place)] = nil
        holes += 1
        if holes > 1024, holes > slots.count / 2 { close() }
        return .changed
    }

    private mutating func close() {
        slots = slots.filter { $0 != nil }
        holes = 0
        for (place, route) in slots.enumerated() {
            if let route { places[Key(route)] = Int32(truncatingIfNeeded: place) }
        }
    }
}
