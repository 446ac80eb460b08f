import Wire

/// Ways where the host's rules look at more of a packet than where it goes; kept like those of `PathCache`.
struct RoutedPathCache: ~Copyable {
    struct Entry: BitwiseCopyable {
        var query: RouteQuery
        var path: Path
    }

    private let entries: Slab<Entry> = Slab(capacity: 1 << 14)

    static func place(of query: RouteQuery) -> Int {
        let ends = PathCache.place(of: query.destination) ^ PathCache.place(of: query.source) &* 31
        let rest =
            UInt64(query.mark) ^ UInt64(query.typeOfService) << 40 ^ UInt64(UInt32(bitPattern: query.ingress)) << 44
            ^ UInt64(query.sourcePort) << 24 ^ UInt64(query.destinationPort) << 8 ^ UInt64(query.proto) << 56
        return (ends ^ Int(truncatingIfNeeded: (rest &* 0xbf58_476d_1ce4_e5b9) >> 50)) & (1 << 14 - 1)
    }

    subscript(place: Int) -> Entry {
        unsafeAddress { unsafe entries.view.address(checked: place) }
        nonmutating unsafeMutableAddress { unsafe entries.mutableAddress(checked: place) }
    }
}

extension Director {
    /// The way of a packet that came in, as the host's routing gives it before IPVS sees it.
    @inline(__always)
    mutating func path(of packet: Packet, _ frame: Frame) -> Path {
        host.network.uses(packet.family).isEmpty ? host.path(to: packet.flow.destination) : routedPath(of: packet, frame)
    }

    @inline(never)
    private mutating func routedPath(of packet: Packet, _ frame: Frame) -> Path {
        host.path(for: query(packet, frame, mark: routingMark(of: packet, frame)))
    }

    /// The way of a packet that leaves the host as its own, whatever mark it came in with.
    mutating func path(leaving packet: Packet, _ frame: Frame, mark: UInt32 = 0) -> Path {
        guard !host.network.uses(packet.family).isEmpty else { return host.path(to: packet.flow.destination) }
        var query = query(packet, frame, mark: mark)
        query.ingress = 0
        // The kernel does not give IPv6's traffic class to the look-up of what it has translated.
        if packet.family == .v6 { query.typeOfService = 0 }
        return host.path(for: query)
    }

    /// The way of a connection's packet to its client once it comes from the virtual address (ip_route_me_harder).
    @inline(__always)
    mutating func pathBack(_ id: ConnectionID, _ packet: Packet, _ frame: Frame) -> Path {
        host.network.uses(connections[id].client.family).isEmpty ? host.path(to: connections[id].client) : routeBack(id, packet, frame)
    }

    @inline(never)
    mutating func routeBack(_ id: ConnectionID, _ packet: Packet, _ frame: Frame) -> Path {
        var leaving = packet
        leaving.flow.source = connections[id].virtual
        leaving.flow.destination = connections[id].client
        if packet.isBalanced {
            leaving.flow.sourcePort = connections[id].virtualPort
            leaving.flow.destinationPort = connections[id].clientPort
        }
        return path(leaving: leaving, frame, mark: routingMark(of: packet, frame))
    }

    mutating func query(_ packet: Packet, _ frame: Frame, mark: UInt32) -> RouteQuery {
        let flow = packet.flow
        return RouteQuery(
            to: flow.destination, from: flow.source, mark: mark, ingress: frame.isHostsOwn ? 0 : frame.ingress, proto: flow.proto,
            sourcePort: flow.sourcePort, destinationPort: flow.destinationPort,
            typeOfService: packet.typeOfService(in: frame))
    }

    /// Whether a packet is for the director: by the host's routing, or because the director owns its destination.
    @inline(__always)
    mutating func isLocal(_ packet: Packet, _ frame: Frame) -> Bool {
        host.network.uses(packet.family).isEmpty ? host.isLocal(packet.flow.destination) : isRoutedToHost(packet, frame)
    }

    @inline(never)
    private mutating func isRoutedToHost(_ packet: Packet, _ frame: Frame) -> Bool {
        let address = packet.flow.destination
        return host.virtuals.owned.contains(address) || host.ownsLocalAddress(address) || path(of: packet, frame).kind == .local
    }
}

extension HostView {
    /// The way of what the host sends to an address, its source not chosen yet, as IPVS asks for servers.
    @inline(__always)
    mutating func path(to address: IPAddress) -> Path {
        let place = PathCache.place(of: address)
        if paths[place].path.generation != network.generation || paths[place].address != address { derivePath(to: address, place) }
        return paths[place].path
    }

    @inline(never)
    private mutating func derivePath(to address: IPAddress, _ place: Int) {
        paths[place] = PathCache.Entry(address: address, path: network.path(to: address))
    }

    @inline(never)
    mutating func path(for query: RouteQuery) -> Path {
        let query = query.reduced(to: network.uses(query.destination.family))
        let place = RoutedPathCache.place(of: query)
        if routedPaths[place].path.generation != network.generation || routedPaths[place].query != query {
            routedPaths[place] = RoutedPathCache.Entry(query: query, path: network.path(for: query))
        }
        return routedPaths[place].path
    }

    /// The way of what the director says itself; `nil` where the host would not let such a source speak (IPv4).
    mutating func ownPath(_ query: RouteQuery) -> Path? {
        guard !network.uses(query.destination.family).isEmpty else { return path(to: query.destination) }
        let source = query.source
        let maySpeak =
            !source.isV4 || source.isUnspecified || virtuals.owned.contains(source) || ownsLocalAddress(source)
            || network.isOwnSource(source)
        return maySpeak ? path(for: query) : nil
    }
}
