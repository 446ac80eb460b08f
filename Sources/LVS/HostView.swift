public import Wire

/// The host as the director sees it: its network and what is played of it, who has which address, and what is derived from
/// all that for the path of a packet.
struct HostView: ~Copyable {
    var network = Network()
    /// Which of the host's work the director does.
    var emulation: HostEmulation { didSet { virtuals.outdate() } }
    var interfaces = InterfaceTable()
    let paths = PathCache()
    let routedPaths = RoutedPathCache()
    var virtuals = VirtualAddresses()
    /// Local addresses of FULLNAT services, each once.
    private(set) var localRanges: [ClosedRange<IPAddress>] = [] { didSet { locals.outdate() } }
    private var rangesInUse = CountedSet<ClosedRange<IPAddress>>()
    var locals = LocalFilter()
    /// The servers whose packets the host leaves to the director, since it translates them.
    var natServers = NATServers()
    /// Frames that wait for the MAC of their next hop.
    var waiting = NeighborQueue()
    var icmpBudget = ICMPBudget()
    /// Who else says that the director's addresses are his.
    var claims = AddressClaims()
    /// Nanoseconds until questions for a neighbour's MAC have failed.
    var neighborPatience: Instant = 3 * second

    init(emulation: HostEmulation) { self.emulation = emulation }

    mutating func addLocalRanges(_ ranges: [ClosedRange<IPAddress>]) {
        for range in ranges where rangesInUse.add(range) { localRanges.append(range) }
    }

    mutating func removeLocalRanges(_ ranges: [ClosedRange<IPAddress>]) {
        for range in ranges where rangesInUse.remove(range) { localRanges.removeAll { $0 == range } }
    }

    /// Brings the interfaces up to date with the network.
    @inline(__always)
    mutating func follow() {
        if interfaces.generation != network.generation { interfaces.read(network) }
    }
}

extension Director {
    /// The host's network; whoever follows the host changes it between batches.
    public var network: Network {
        _read { yield host.network }
        _modify { yield &host.network }
    }

    /// Which of the host's work the director does.
    public var hostEmulation: HostEmulation {
        get { host.emulation }
        set { host.emulation = newValue }
    }

    /// Nanoseconds until questions for a neighbour's MAC have failed: three of them, a second apart (the kernel's mcast_solicit
    /// and retrans_time_ms). Where a host asks, which says when it has failed, this is only for the case that it says nothing.
    public var neighborPatience: Instant {
        get { host.neighborPatience }
        set { host.neighborPatience = newValue }
    }

    /// Whether an address is a local address of FULLNAT that the director owns.
    public mutating func ownsLocalAddress(_ address: IPAddress) -> Bool { host.ownsLocalAddress(address) }

    /// SYNs whose maximum segment size was lowered (`--mss-clamp`).
    public var clampedSYNs: UInt64 { traffic.clampedSYNs }
}
