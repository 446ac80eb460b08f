import Wire

extension Network {
    /// Derives the way to an address: route, next hop, MACs, MTU and the host's own address towards there.
    func path(to address: IPAddress) -> Path {
        var path = Path()
        path.generation = generation
        path.nextHop = address
        if isLocal(address) {
            path.kind = .local
            return path
        }
        guard let route = lookup(address), route.kind == .unicast, let interface = interface(route.interface), interface.isUp else {
            path.kind = .noRoute
            return path
        }
        path.interface = interface.index
        path.source = interface.mac
        path.mtu = Int32(clamping: min(route.mtu > 0 ? route.mtu : interface.mtu, 65535))
        if let learned = learnedMTU(address) {
            path.mtu = min(path.mtu, Int32(clamping: learned))
            path.isLearned = true
        }
        path.nextHop = route.gateway ?? address
        path.local = route.source ?? sourceAddress(towards: path.nextHop, on: interface.index)
        if let mac = neighbor(path.nextHop, on: interface.index) {
            path.destination = mac
            path.kind = .ready
        } else {
            path.kind = .unknownNeighbor
        }
        return path
    }

    /// The address the host would use towards a next hop: one of the same network if there is one, else the interface's first
    /// of global scope, else the first that another interface has.
    func sourceAddress(towards nextHop: IPAddress, on interface: Int32) -> IPAddress {
        var first: IPAddress?
        for entry in addresses where entry.interface == interface && entry.address.isV4 == nextHop.isV4 {
            if entry.prefixLength < nextHop.family.width, nextHop.matches(entry.address, length: entry.prefixLength) {
                return entry.address
            }
            if first == nil, nextHop.isLinkLocal || !entry.address.isLinkLocal { first = entry.address }
        }
        if let first { return first }
        let elsewhere = addresses.first { $0.address.isV4 == nextHop.isV4 && !$0.address.isLoopback && !$0.address.isLinkLocal }
        return elsewhere?.address ?? .unspecified(nextHop.family)
    }
}

/// Ways to addresses that are no real servers: clients that are answered or get translated replies. Each address has one
/// place, which the last one that hashes there keeps.
struct PathCache {
    struct Entry: BitwiseCopyable {
        var address: IPAddress
        var path: Path
    }

    private let entries: Slab<Entry> = Slab(capacity: 1 << 14)

    func deallocate() { entries.deallocate() }

    @inline(__always)
    static func place(of address: IPAddress) -> Int {
        let mixed = (address.high ^ address.low &* 0x9e37_79b9_7f4a_7c15) &* 0xbf58_476d_1ce4_e5b9
        return Int(truncatingIfNeeded: mixed >> 50)
    }

    @inline(__always)
    subscript(place: Int) -> Entry {
        unsafeAddress { entries.address(checked: place) }
        nonmutating unsafeMutableAddress { entries.mutableAddress(checked: place) }
    }
}

extension Director {
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
}
