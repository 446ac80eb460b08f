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
        let typeOfService: UInt8

        init(_ route: LVS.Network.Route) {
            prefix = route.prefix
            metric = route.metric
            length = UInt8(clamping: route.length)
            typeOfService = route.typeOfService
        }
    }

    /// In the kernel's order, with holes where routes were removed.
    private var slots: [LVS.Network.Route] = []
    private var holes: Set<Int32> = []
    private var places: [Key: Int32] = [:]
    private var ambiguous: Set<Key> = []

    /// What following one notification came to.
    enum Outcome { case same, changed, mustBeRead }

    var count: Int { slots.count - holes.count }

    /// Appends all routes, in pieces between the holes: a full table of the Internet is copied in milliseconds.
    func append(to routes: inout [LVS.Network.Route]) {
        var start = 0
        for hole in holes.sorted() {
            routes += slots[start..<Int(hole)]
            start = Int(hole) + 1
        }
        routes += slots[start...]
    }

    /// Whether some route prefers one of these source addresses.
    func prefersAny(of sources: Set<IPAddress>) -> Bool {
        slots.indices.contains { place in
            guard let source = slots[place].source, sources.contains(source) else { return false }
            return !holes.contains(Int32(truncatingIfNeeded: place))
        }
    }

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
        holes.insert(place)
        if holes.count > 1024, holes.count > slots.count / 4 { closeHoles() }
        return .changed
    }

    private mutating func closeHoles() {
        var closed: [LVS.Network.Route] = []
        closed.reserveCapacity(count)
        append(to: &closed)
        slots = closed
        holes = []
        for (place, route) in slots.enumerated() where !ambiguous.contains(Key(route)) {
            places[Key(route)] = Int32(truncatingIfNeeded: place)
        }
    }
}

/// All routing tables of both families.
struct Tables {
    private struct Key: Hashable {
        var isV4: Bool
        var id: UInt32
    }

    private var tables: [Key: RouteTable] = [:]

    mutating func with<Result>(_ entry: RouteEntry, _ body: (inout RouteTable) -> Result) -> Result {
        body(&tables[Key(isV4: entry.route.prefix.isV4, id: entry.route.table), default: RouteTable()])
    }

    /// Takes over the tables of one family.
    mutating func replace(isV4: Bool, by other: Tables) {
        tables = tables.filter { $0.key.isV4 != isV4 }
        tables.merge(other.tables.filter { $0.key.isV4 == isV4 }) { $1 }
    }

    /// Whether some IPv4 route prefers one of these source addresses.
    func prefersAny(of sources: Set<IPAddress>) -> Bool { tables.contains { $0.key.isV4 && $0.value.prefersAny(of: sources) } }

    /// Table by table, IPv4 first.
    var all: [LVS.Network.Route] {
        var all: [LVS.Network.Route] = []
        all.reserveCapacity(tables.values.reduce(0) { $0 + $1.count })
        let keys = tables.keys.sorted { $0.isV4 == $1.isV4 ? $0.id > $1.id : $0.isV4 }
        for key in keys { tables[key]?.append(to: &all) }
        return all
    }
}
