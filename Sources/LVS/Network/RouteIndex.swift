import Wire

/// The routes of all tables, by prefix: the longest match in a look-up per prefix length that occurs.
struct RouteIndex: Sendable {
    private struct TableKey: Hashable {
        var isV4: Bool
        var id: UInt32
    }

    private struct Table {
        /// Prefix lengths that occur, longest first.
        var lengths: [Int] = []
        /// By length and prefix, the first of its routes.
        var heads: [Int: [IPAddress: Int32]] = [:]
    }

    private let routes: [Network.Route]
    /// Of each route the next one for the same prefix, -1 behind the last.
    private var next: [Int32]
    private var tables: [TableKey: Table] = [:]
    /// Whether routes of IPv4 look at the type of service.
    private(set) var usesTypeOfService = false
    /// Whether IPv6 has routes of one prefix and metric, of which a packet takes the one that leads back where it came from.
    private(set) var usesIngress = false

    init(_ routes: [Network.Route] = []) {
        self.routes = routes
        next = [Int32](repeating: -1, count: routes.count)
        for (place, route) in routes.enumerated() { add(Int32(truncatingIfNeeded: place), route) }
    }

    private mutating func add(_ place: Int32, _ route: Network.Route) {
        let prefix = route.prefix.masked(to: route.length)
        let key = TableKey(isV4: prefix.isV4, id: route.table)
        if route.typeOfService != 0 { usesTypeOfService = true }
        guard let head = tables[key, default: Table()].heads[route.length, default: [:]].updateValue(place, forKey: prefix) else {
            let lengths = tables[key]?.lengths ?? []
            if !lengths.contains(route.length) {
                tables[key]?.lengths.insert(route.length, at: lengths.firstIndex { $0 < route.length } ?? lengths.count)
            }
            return
        }
        // Each link has its own routes to link-local addresses and groups, which lie on that link for everybody.
        if !prefix.isV4, !prefix.isLinkLocal, !prefix.isMulticast { usesIngress = true }
        // One for a type of service comes before those for all; then the lower metric, the higher preference; among equals the
        // first one named.
        func precedes(_ other: Int32) -> Bool {
            let other = routes[Int(other)]
            if other.typeOfService != route.typeOfService { return other.typeOfService > route.typeOfService }
            if other.metric != route.metric { return other.metric < route.metric }
            return other.preference >= route.preference
        }
        guard precedes(head) else {
            next[Int(place)] = head
            return
        }
        var last = head
        while next[Int(last)] >= 0, precedes(next[Int(last)]) { last = next[Int(last)] }
        next[Int(place)] = next[Int(last)]
        next[Int(last)] = place
        tables[key]?.heads[route.length]?[prefix] = head
    }

    /// The route that one table has for a packet.
    func lookup(_ query: RouteQuery, in table: UInt32) -> Network.Route? {
        guard let table = tables[TableKey(isV4: query.destination.isV4, id: table)] else { return nil }
        for length in table.lengths {
            if let route = lookup(query, length, in: table) { return route }
        }
        return nil
    }

    /// The same in several tables that are one: the longest prefix of them all wins, of equals that of the table named first.
    func lookup(_ query: RouteQuery, inAll ids: [UInt32]) -> Network.Route? {
        var best: Network.Route?
        for id in ids {
            guard let found = lookup(query, in: id), found.length > best?.length ?? -1 else { continue }
            best = found
        }
        return best
    }

    private func lookup(_ query: RouteQuery, _ length: Int, in table: Table) -> Network.Route? {
        guard var place = table.heads[length]?[query.destination.masked(to: length)] else { return nil }
        while place >= 0 {
            let route = routes[Int(place)]
            if route.typeOfService == 0 || route.typeOfService == query.typeOfService {
                return query.ingress == 0 || route.prefix.isV4 ? route : peer(of: place, leadingTo: query.ingress) ?? route
            }
            place = next[Int(place)]
        }
        return nil
    }

    /// Of an IPv6 route and its equals the first that leads to an interface.
    private func peer(of start: Int32, leadingTo interface: Int32) -> Network.Route? {
        let first = routes[Int(start)]
        var place = start
        while place >= 0 {
            let route = routes[Int(place)]
            guard (route.metric, route.preference) == (first.metric, first.preference) else { return nil }
            if route.interface == interface || route.nextHops.contains(where: { $0.interface == interface }) { return route }
            place = next[Int(place)]
        }
        return nil
    }
}
