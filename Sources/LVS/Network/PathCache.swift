public import Wire

extension Network {
    /// Derives the way of what the host sends to an address, its source not chosen yet.
    public func path(to address: IPAddress) -> Path { path(for: RouteQuery(to: address)) }

    /// Derives a packet's way: route, next hop, MACs, MTU and the host's own address towards there.
    func path(for query: RouteQuery) -> Path {
        var path = Path()
        path.generation = generation
        path.nextHop = query.destination
        if isAlwaysLocal(query.destination) {
            path.kind = .local
            return path
        }
        path.kind = .noRoute
        let answer = route(query)
        if let refusal = answer.refusal {
            path.refusal = refusal
        } else if let route = answer.route {
            if route.kind == .local { path.kind = .local }
            if route.kind == .unicast { follow(route, query, &path) }
        }
        return path
    }

    /// The way of the outer packets of a tunnel, whose source the host chooses by a first look-up: IPv4 is routed once more
    /// under that source.
    func tunnelPath(to address: IPAddress) -> Path {
        let first = path(to: address)
        guard address.isV4, first.kind != .noRoute, uses(.v4).contains(.source) else { return first }
        var path = path(for: RouteQuery(to: address, from: first.kind == .local ? address : first.local))
        path.local = first.local
        return path
    }

    private func follow(_ route: Route, _ query: RouteQuery, _ path: inout Path) {
        guard let hop = nextHop(of: route, query), let interface = interface(hop.interface), interface.isUp else { return }
        // What a route leads to the loopback stays on the host.
        guard !interface.isLoopback else {
            path.kind = .local
            return
        }
        path.interface = interface.index
        path.source = interface.mac
        path.mtu = Int32(clamping: min(route.mtu > 0 ? route.mtu : interface.mtu, 65535))
        if let learned = learnedMTU(query.destination) {
            path.mtu = min(path.mtu, Int32(clamping: learned))
            path.isLearned = true
        }
        path.nextHop = hop.gateway ?? query.destination
        path.local = route.source ?? sourceAddress(towards: query.destination, by: hop.gateway, on: interface.index)
        if let mac = neighbor(path.nextHop, on: interface.index) {
            path.destination = mac
            path.kind = .ready
        } else {
            path.kind = .unknownNeighbor
        }
    }

    /// The next hop of a route; of several that can be used, one by the packet's addresses and the weights.
    private func nextHop(of route: Route, _ query: RouteQuery) -> NextHop? {
        guard route.nextHops.count > 1 else { return NextHop(gateway: route.gateway, interface: route.interface) }
        let usable = route.nextHops.filter { interface($0.interface)?.isUp == true }
        let total = usable.reduce(0) { $0 + $1.weight }
        guard total > 0 else { return nil }
        let addresses = query.destination.high ^ query.source.high ^ query.destination.low &* 0x9e37_79b9_7f4a_7c15 ^ query.source.low
        var place = Int((addresses &* 0xbf58_476d_1ce4_e5b9) >> 33) % total
        return usable.first { hop in
            place -= hop.weight
            return place < 0
        }
    }

    /// The address that the host takes as a source where the route names none (inet_select_addr, RFC 6724 in short).
    public func sourceAddress(towards destination: IPAddress, by gateway: IPAddress? = nil, on interface: Int32) -> IPAddress {
        guard destination.isV4 else { return sourceAddress6(towards: destination, on: interface) }
        let own = addresses.filter { $0.interface == interface && $0.address.isV4 }
        // What lies on the link may be reached from addresses that are good there only.
        let scope: UInt8 = gateway == nil ? 253 : 0
        let usable = own.filter { !$0.isSecondary && $0.scope <= scope }
        if let gateway, let near = usable.first(where: { gateway.matches($0.address, length: $0.prefixLength) }) { return near.address }
        if let first = usable.first { return first.address }
        for interface in interfaces {
            let other = addresses.first {
                $0.interface == interface.index && $0.address.isV4 && !$0.isSecondary && $0.scope <= scope && $0.scope != 253
            }
            if let other { return other.address }
        }
        return .unspecified(.v4)
    }
}

/// Ways to addresses that are no real servers: clients that are answered or get translated replies. Each address has one
/// place, which the last one that hashes there keeps.
struct PathCache: ~Copyable {
    struct Entry: BitwiseCopyable {
        var address: IPAddress
        var path: Path
    }

    private let entries: Slab<Entry> = Slab(capacity: 1 << 14)

    @inline(__always)
    static func place(of address: IPAddress) -> Int {
        let mixed = (address.high ^ address.low &* 0x9e37_79b9_7f4a_7c15) &* 0xbf58_476d_1ce4_e5b9
        return Int(truncatingIfNeeded: mixed >> 50)
    }

    @inline(__always)
    subscript(place: Int) -> Entry {
        unsafeAddress { unsafe entries.view.address(checked: place) }
        nonmutating unsafeMutableAddress { unsafe entries.mutableAddress(checked: place) }
    }
}
