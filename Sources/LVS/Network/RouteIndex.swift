import Wire

/// Routes by prefix: the longest match in a lookup per prefix length that occurs. The host's local table is asked before the
/// main one, as the kernel does, whatever the lengths.
struct RouteIndex: Sendable {
    private struct Table: Sendable {
        /// Prefix lengths that occur, longest first.
        private var lengths: [Int] = []
        private var byPrefix: [Int: [IPAddress: Network.Route]] = [:]

        mutating func add(_ route: Network.Route) {
            let prefix = route.prefix.masked(to: route.length)
            if byPrefix[route.length] == nil {
                let place = lengths.firstIndex { $0 < route.length } ?? lengths.count
                lengths.insert(route.length, at: place)
            }
            // The lower metric wins; among equals the first one named.
            if let known = byPrefix[route.length]?[prefix], known.metric <= route.metric { return }
            byPrefix[route.length, default: [:]][prefix] = route
        }

        func lookup(_ address: IPAddress) -> Network.Route? {
            for length in lengths {
                if let route = byPrefix[length]?[address.masked(to: length)] { return route }
            }
            return nil
        }
    }

    private var local4 = Table(), local6 = Table(), main4 = Table(), main6 = Table()

    init(_ routes: [Network.Route] = []) {
        for route in routes {
            let isLocal = route.kind == .local || route.kind == .broadcast
            switch (route.prefix.isV4, isLocal) {
            case (true, true): local4.add(route)
            case (true, false): main4.add(route)
            case (false, true): local6.add(route)
            case (false, false): main6.add(route)
            }
        }
    }

    func lookup(_ address: IPAddress) -> Network.Route? {
        address.isV4 ? local4.lookup(address) ?? main4.lookup(address) : local6.lookup(address) ?? main6.lookup(address)
    }
}
