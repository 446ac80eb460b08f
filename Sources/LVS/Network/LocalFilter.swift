import Wire

/// Tells quickly that an IPv4 address is none of the director's own, as nearly all that packets come from are: one bit for
/// each of 4096 hash values.
struct LocalFilter {
    private var bits = InlineArray<64, UInt64>(repeating: 0)
    /// Whole prefixes are local, so that nothing can be told.
    private var hasPrefixes = false
    /// Of the network that it was made from; 0 when it has to be made anew.
    private(set) var generation: UInt32 = 0

    mutating func outdate() { generation = 0 }

    mutating func read(_ network: Network, _ owned: Set<IPAddress>, _ ranges: [ClosedRange<IPAddress>]) {
        self = LocalFilter()
        generation = network.generation
        for entry in network.addresses { add(entry.address) }
        for address in owned { add(address) }
        for route in network.routes where route.kind == .local && route.prefix.isV4 && !route.prefix.isLoopback {
            if route.length == 32 { add(route.prefix) } else { hasPrefixes = true }
        }
        if !ranges.isEmpty || !network.uses(.v4).isEmpty { hasPrefixes = true }
    }

    private mutating func add(_ address: IPAddress) {
        guard address.isV4 else { return }
        let place = Self.place(address)
        bits[place >> 6] |= 1 << UInt64(place & 63)
    }

    /// False only for an address that is not local.
    @inline(__always)
    func mayHold(_ address: IPAddress) -> Bool {
        let place = Self.place(address)
        return hasPrefixes || bits[place >> 6] >> UInt64(place & 63) & 1 != 0
    }

    @inline(__always)
    private static func place(_ address: IPAddress) -> Int { Int((address.v4 &* 0x9e37_79b1) >> 20) }
}

extension Director {
    /// Whether an IPv4 packet claims to come from the director's own host.
    @inline(__always)
    mutating func isFromHost(_ packet: Packet, _ frame: Frame) -> Bool {
        if host.locals.generation != host.network.generation { host.locals.read(host.network, host.virtuals.owned, host.localRanges) }
        return host.locals.mayHold(packet.flow.source) && isHostAddress(packet, frame)
    }

    @inline(never)
    private mutating func isHostAddress(_ packet: Packet, _ frame: Frame) -> Bool {
        // What the host sends comes from the host.
        guard !frame.isHostsOwn else { return false }
        let source = packet.flow.source
        let isOwned = host.virtuals.owned.contains(source) || host.ownsLocalAddress(source)
        guard !host.network.uses(.v4).isEmpty, !isOwned else { return host.isLocal(source) }
        return host.network.isMartianSource(query(packet, frame, mark: routingMark(of: packet, frame)))
    }
}

extension Network {
    /// Whether the host takes no packet from this source, as an answer to it would not leave by a plain route: with rules
    /// that look at sources and the like, the source is looked up as an answer's destination (fib_validate_source).
    public func isMartianSource(_ query: RouteQuery) -> Bool {
        let answer = route(query)
        guard answer.refusal == nil else { return false }
        // A packet for the host itself is answered by the host.
        let ingress = answer.route?.kind == .unicast ? answer.route?.interface ?? 0 : 0
        var back = RouteQuery(
            to: query.source, from: answer.route?.kind == .broadcast ? nil : query.destination, ingress: ingress, proto: query.proto,
            sourcePort: query.destinationPort, destinationPort: query.sourcePort)
        back.typeOfService = query.typeOfService
        let wayBack = route(back)
        return wayBack.refusal == nil && wayBack.route?.kind != .unicast
    }
}
