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
        if !ranges.isEmpty { hasPrefixes = true }
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
    /// Whether an IPv4 address that a packet came from is the director's own.
    @inline(__always)
    mutating func isOwnSource(_ address: IPAddress) -> Bool {
        if locals.generation != network.generation { locals.read(network, virtuals.owned, localRanges) }
        return locals.mayHold(address) && isLocal(address)
    }
}
