import LVS
import Wire

extension NetworkBuilder {
    /// What a `route` line says, before it is checked.
    private struct Wish {
        var kind = Network.Route.Kind.unicast
        var target: String?
        var gateway: IPAddress?
        var interface: Network.Interface?
        var metric: UInt32?
        var mtu: UInt32 = 0
        var source: (address: IPAddress, word: String)?
        var isOnLink = false
        var table: UInt32?
        var typeOfService: UInt8 = 0
        var nextHops: [NextHopWish] = []
    }

    /// One `nexthop` of a route.
    private struct NextHopWish {
        var gateway: IPAddress?
        var interface: Network.Interface?
        var weight = 1
        var isOnLink = false
    }

    /// `route add [TYPE] PREFIX | default [tos TOS] [table TABLE] [via GATEWAY] [dev NAME] [src ADDRESS] [metric N] [mtu [lock] N]
    /// [onlink] … [nexthop via GATEWAY [dev NAME] [weight N] [onlink]] …`.
    mutating func route(_ words: inout WordReader) throws(Complaint) {
        let verb = try Self.verb(&words, ["add", "replace", "change", "append", "prepend"])
        let wish = try wish(&words)
        guard let target = wish.target else { throw Complaint("route \(verb): the prefix is missing") }
        let (prefix, length) = try prefix(target, wish)
        if prefix.isV4 && prefix.masked(to: length) != prefix { throw Complaint("\(target): Invalid prefix for given prefix length.") }
        var route = Network.Route(
            prefix: prefix.masked(to: length), length: length, gateway: wish.gateway, interface: 1,
            kind: wish.kind, mtu: Int(min(wish.mtu, 65535)),
            metric: wish.metric ?? (prefix.isV4 || wish.kind == .local ? 0 : 1024), table: wish.table)
        if prefix.isV4 { route.typeOfService = wish.typeOfService }
        if wish.nextHops.isEmpty {
            route.interface = try interface(wish, route.table, prefix.family)
        } else {
            try takeNextHops(of: wish, &route)
        }
        if let (source, word) = wish.source {
            guard source.family == prefix.family, isOwn(source) else { throw missing("src \(word): Invalid prefsrc address.") }
            route.source = source
        }
        try place(route, verb, target)
    }

    private func wish(_ words: inout WordReader) throws(Complaint) -> Wish {
        var wish = Wish()
        while let word = words.next() {
            switch word {
            case "unicast", "local", "unreachable", "blackhole", "prohibit", "broadcast", "throw":
                guard wish.target == nil else { throw Complaint("route: \(word): not understood") }
                wish.kind = Self.kinds[word] ?? .unicast
            case "to": wish.target = try words.argument(of: word)
            case "dev", "oif": wish.interface = try device(try words.argument(of: word))
            case "via": wish.gateway = try Self.gateway(&words, word)
            case "src":
                let text = try words.argument(of: word)
                guard let address = IPAddress(text) else { throw Complaint("an inet address is expected rather than \"\(text)\".") }
                wish.source = (address, text)
            case "metric", "priority", "preference": wish.metric = try words.number(of: word)
            case "mtu":
                if words.peek == "lock" { _ = words.next() }
                wish.mtu = try words.number(of: word)
            case "onlink": wish.isOnLink = true
            case "table":
                let table = try Self.table(&words, word)
                // 0 stands for the table main.
                wish.table = table == 0 ? nil : table
            case "tos", "dsfield": wish.typeOfService = try Self.typeOfService(&words, word)
            case "nexthop": try nextHop(&words, &wish)
            case "scope", "proto", "protocol", "pref", "expires", "advmss", "hoplimit", "window", "rtt", "rttvar", "rto_min",
                "ssthresh", "cwnd", "initcwnd", "initrwnd", "reordering", "quickack", "congctl", "realm", "realms", "features",
                "fastopen_no_cookie", "ttl-propagate":
                if words.peek == "lock" { _ = words.next() }
                _ = try words.argument(of: word)
            default:
                guard wish.target == nil else { throw Complaint("route: \(word): not understood") }
                wish.target = word
            }
        }
        return wish
    }

    private static func gateway(_ words: inout WordReader, _ option: String) throws(Complaint) -> IPAddress {
        let gateway = try words.argument(of: option)
        let text = gateway == "inet" || gateway == "inet6" ? try words.argument(of: gateway) : gateway
        guard let address = IPAddress(text) else { throw Complaint("an inet address is expected rather than \"\(text)\".") }
        return address
    }

    /// Everything behind `nexthop` up to the next one.
    private func nextHop(_ words: inout WordReader, _ wish: inout Wish) throws(Complaint) {
        var hop = NextHopWish()
        while let word = words.peek, word != "nexthop" {
            _ = words.next()
            switch word {
            case "via": hop.gateway = try Self.gateway(&words, word)
            case "dev", "oif": hop.interface = try device(try words.argument(of: word))
            case "weight": hop.weight = Int(try words.number(of: word, in: 1...256))
            case "onlink": hop.isOnLink = true
            case "realm", "realms": _ = try words.argument(of: word)
            default: throw Complaint("nexthop: \(word): not understood")
            }
        }
        wish.nextHops.append(hop)
    }

    private func takeNextHops(of wish: Wish, _ route: inout Network.Route) throws(Complaint) {
        guard wish.kind == .unicast, wish.gateway == nil, wish.interface == nil else {
            throw Complaint("nexthop: not beside via, dev or a type")
        }
        for hop in wish.nextHops {
            if let gateway = hop.gateway, gateway.family != route.prefix.family {
                throw Complaint("via \(gateway): the family is not that of the route")
            }
            var single = wish
            (single.gateway, single.interface, single.isOnLink) = (hop.gateway, hop.interface, hop.isOnLink)
            let interface = try interface(single, route.table, route.prefix.family)
            route.nextHops.append(Network.NextHop(gateway: hop.gateway, interface: interface, weight: hop.weight))
        }
        route.gateway = route.nextHops[0].gateway
        route.interface = route.nextHops[0].interface
        if route.nextHops.count == 1 { route.nextHops = [] }
    }

    private static let kinds: [String: Network.Route.Kind] = [
        "unicast": .unicast, "local": .local, "unreachable": .unreachable, "blackhole": .blackhole, "prohibit": .prohibit,
        "broadcast": .broadcast, "throw": .throw,
    ]

    /// The prefix that the words mean; `default` has the family of `-6`, otherwise of its gateway or source.
    private func prefix(_ word: String, _ wish: Wish) throws(Complaint) -> (IPAddress, Int) {
        if ["default", "any", "all"].contains(word) {
            let named = wish.gateway ?? wish.nextHops.first?.gateway ?? wish.source?.address
            let family = family ?? named?.family ?? .v4
            if let gateway = wish.gateway, gateway.family != family {
                throw Complaint("via \(gateway): the family is not that of the route")
            }
            return (.unspecified(family), 0)
        }
        guard let (address, length) = IPAddress.shortPrefix(word) else {
            throw Complaint("any valid prefix is expected rather than \"\(word)\".")
        }
        try expect(address, word)
        if let gateway = wish.gateway, gateway.family != address.family {
            throw Complaint("via \(gateway): the family is not that of the route")
        }
        return (address, length ?? address.family.width)
    }

    /// The interface that the route leads to, once the next hop is checked as the kernel checks it.
    private func interface(_ wish: Wish, _ table: UInt32, _ family: IPFamily) throws(Complaint) -> Int32 {
        switch wish.kind {
        case .unreachable, .blackhole, .prohibit, .throw:
            return wish.interface?.index ?? 1
        case .local, .broadcast:
            guard let interface = wish.interface else { throw Complaint("No such device") }
            return interface.index
        case .unicast: break
        }
        if let interface = wish.interface, !interface.isUp { throw missing("\(interface.name): Device for nexthop is not up.") }
        guard let gateway = wish.gateway else {
            guard let interface = wish.interface else { throw Complaint("No such device") }
            return interface.index
        }
        if gateway.isMulticast || gateway.isUnspecified || isOwn(gateway) {
            throw Complaint("via \(gateway): Nexthop has invalid gateway.")
        }
        if let interface = wish.interface, wish.isOnLink || !gateway.isV4 && gateway.isLinkLocal { return interface.index }
        if !gateway.isV4 && gateway.isLinkLocal { throw Complaint("via \(gateway): a link-local gateway needs dev") }
        if wish.isOnLink { throw Complaint("onlink: needs dev") }
        // The route's own table is asked first, then those that everybody has.
        let inTable = lookup(gateway, on: wish.interface?.index, in: [table], onLink: true)
        let way = inTable ?? lookup(gateway, on: wish.interface?.index, in: [RouteTableID.local, RouteTableID.main])
        guard let way, way.kind == .unicast, way.gateway == nil else { throw missing("via \(gateway): Nexthop has invalid gateway.") }
        return way.interface
    }

    private func isOwn(_ address: IPAddress) -> Bool {
        address.isLoopback || lookup(address, on: nil, in: [RouteTableID.local, RouteTableID.main])?.kind == .local
    }

    /// The most specific route to an address in some tables, by way of one interface if it is given.
    private func lookup(_ address: IPAddress, on interface: Int32?, in tables: [UInt32], onLink: Bool = false) -> Network.Route? {
        var best: Network.Route?
        for route in routes where tables.contains(route.table) && address.matches(route.prefix, length: route.length) {
            if onLink, route.gateway != nil { continue }
            if let interface, route.interface != interface && route.kind == .unicast { continue }
            if let best, best.length > route.length || best.length == route.length && best.kind == .local { continue }
            best = route
        }
        return best
    }

    private mutating func place(_ route: Network.Route, _ verb: String, _ target: String) throws(Complaint) {
        let key = RouteKey(route)
        guard let found = places[key] else {
            if verb == "change" { throw Complaint("\(target): No such file or directory") }
            places[key] = routes.count
            routes.append(route)
            return
        }
        if verb == "replace" || verb == "change" {
            routes[found] = route
            return
        }
        // The same route once more changes nothing; another one of its prefix and metric is what ip calls "File exists".
        var known = routes[found]
        known.source = route.source ?? known.source
        var wanted = route
        wanted.source = known.source
        guard verb == "add", known == wanted else {
            throw Complaint(verb == "add" ? "\(target): File exists" : "\(target): several routes of one metric are not supported")
        }
    }
}
