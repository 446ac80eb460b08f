import Wire

/// Every real server the director knows, in use or in the trash, with its counters' history beside it.
struct ServerPool: ~Copyable {
    static let capacity = 1 << 16
    private let memory: Slab<RealServer> = Slab(capacity: ServerPool.capacity)
    let estimators: Slab<ShownCounters> = Slab(capacity: ServerPool.capacity)
    /// Two for each server: for packets whose transport checksum is there, and for those that it is still to be filled into.
    private let outer: Slab<OuterHeader> = Slab(capacity: 2 * ServerPool.capacity)
    private var free: [ServerID] = []
    /// Those that were removed and are still known to connections.
    var trash = Trash()
    private var highWater: ServerID = 0

    /// Every place for a server, in use or not.
    var slots: SlabView<RealServer> { @inline(__always) get { memory.view } }

    @inline(__always)
    subscript(id: ServerID) -> RealServer {
        unsafeAddress { unsafe UnsafePointer(slots.trusted(Int(id))) }
        nonmutating unsafeMutableAddress { unsafe slots.trusted(Int(id)) }
    }

    /// The outer header at a place that `outerPlace` gave.
    @inline(__always)
    subscript(outer place: Int) -> OuterHeader {
        unsafeAddress { unsafe outer.view.address(checked: place) }
        nonmutating unsafeMutableAddress { unsafe outer.mutableAddress(checked: place) }
    }

    @inline(__always)
    func outerPlace(_ id: ServerID, isPartial: Bool) -> Int { Int(id) &* 2 &+ (isPartial ? 1 : 0) }

    /// Outer headers of a server are laid down anew before they are used again.
    func forgetOuterHeaders(_ id: ServerID) {
        for isPartial in [false, true] { self[outer: outerPlace(id, isPartial: isPartial)].generation = 0 }
    }

    func estimator(_ id: ServerID) -> ShownCounters { estimators[Int(id)] }
    func setEstimator(_ id: ServerID, _ estimator: ShownCounters) { estimators[Int(id)] = estimator }

    /// What a server shows becomes its new zero.
    func makeZero(_ id: ServerID) {
        var estimator = estimator(id)
        estimator.makeZero()
        setEstimator(id, estimator)
    }

    /// Where a server's rates stand, and going on from there.
    func ratePosition(_ id: ServerID) -> RateEstimator.Position { estimator(id).ratePosition(self[id].counters) }

    func resumeRates(_ id: ServerID, from position: RateEstimator.Position) {
        var estimator = estimator(id)
        estimator.resumeRates(from: position, self[id].counters)
        setEstimator(id, estimator)
    }

    mutating func add(_ server: RealServer) -> ServerID? {
        guard let id = free.popLast() ?? (Int(highWater) < Self.capacity ? highWater : nil) else { return nil }
        if id == highWater { highWater += 1 }
        slots[Int(id)] = server
        estimators[Int(id)] = ShownCounters()
        return id
    }

    mutating func remove(_ id: ServerID) {
        slots[Int(id)].flags = []
        free.append(id)
    }

    /// Places of every server in use or in the trash.
    var all: [ServerID] { (0..<highWater).filter { slots[Int($0)].flags.contains(.used) } }
}
