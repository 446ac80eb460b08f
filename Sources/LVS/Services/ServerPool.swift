import Wire

/// Every real server the director knows, in use or in the trash, with its counters' history beside it.
struct ServerPool {
    static let capacity = 1 << 16
    let slots: Slab<RealServer> = Slab(capacity: ServerPool.capacity)
    private let estimators: Slab<ShownCounters> = Slab(capacity: ServerPool.capacity)
    private var free: [ServerID] = []
    private var highWater: ServerID = 0

    func deallocate() {
        slots.deallocate()
        estimators.deallocate()
    }

    @inline(__always)
    subscript(id: ServerID) -> RealServer {
        unsafeAddress { slots.address(checked: Int(id)) }
        nonmutating unsafeMutableAddress { slots.mutableAddress(checked: Int(id)) }
    }

    func estimator(_ id: ServerID) -> ShownCounters { estimators[Int(id)] }
    func setEstimator(_ id: ServerID, _ estimator: ShownCounters) { estimators[Int(id)] = estimator }

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
