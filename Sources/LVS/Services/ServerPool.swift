import Wire

/// Every real server the director knows, in use or in the trash, with its counters' history beside it.
struct ServerPool: ~Copyable {
    static let capacity = 1 << 16
    /// Every place for a server, in use or not.
    let slots: SlabView<RealServer>
    let estimators: SlabView<ShownCounters>
    /// Two for each server: for packets whose transport checksum is there, and for those that it is still to be filled into.
    private let outer: SlabView<OuterHeader>
    private let limits: SlabView<StateLimits>
    /// Of servers, shown counters and outer headers.
    private let backings: [BlockBacking]
    private var free: [ServerID] = []
    /// Those that were removed and are still known to connections.
    var trash = Trash()
    /// Those of another director that no command has named yet.
    private var inherited: [Snapshot.ServiceServer: ServerID] = [:]
    /// Servers that are added go on where those of another director were.
    private(set) var isInheriting: Bool

    init(in memory: StateMemory) {
        slots = memory.servers
        estimators = memory.shown
        outer = memory.outer
        limits = memory.limits
        backings = [
            memory.layout.servers.backed(by: memory.backing), memory.layout.shown.backed(by: memory.backing),
            memory.layout.outer.backed(by: memory.backing),
        ]
        isInheriting = memory.isInherited
    }

    private var highWater: ServerID { limits[0].servers }

    @inline(__always)
    subscript(id: ServerID) -> RealServer {
        unsafeAddress { unsafe UnsafePointer(slots.trusted(Int(id))) }
        nonmutating unsafeMutableAddress { unsafe slots.trusted(Int(id)) }
    }

    /// The outer header at a place that `outerPlace` gave.
    @inline(__always)
    subscript(outer place: Int) -> OuterHeader {
        unsafeAddress { unsafe outer.address(checked: place) }
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
        guard let id = free.popLast() ?? (Int(highWater) < Self.capacity && isBacked(highWater) ? highWater : nil) else { return nil }
        if id == highWater { limits[0].servers += 1 }
        var record = server
        record.flags.remove(.used)
        slots[Int(id)] = record
        estimators[Int(id)] = ShownCounters()
        forgetOuterHeaders(id)
        SlabView<RealServer>.publish()
        slots[Int(id)].flags = server.flags
        return id
    }

    private func isBacked(_ id: ServerID) -> Bool {
        backings[0].has(Int(id)) && backings[1].has(Int(id)) && backings[2].has(outerPlace(id, isPartial: true))
            && backings[2].has(outerPlace(id, isPartial: false))
    }

    mutating func remove(_ id: ServerID) {
        slots[Int(id)].flags = []
        free.append(id)
    }

    /// Finds the servers of another director, each in its place.
    mutating func inherit(from services: ServiceSlots) {
        limits[0].servers = min(max(limits[0].servers, 0), ServerID(Self.capacity))
        let keys = services.keys
        for id in (0..<highWater).reversed() {
            slots[Int(id)].flags.formIntersection([.used, .overloaded, .resetting])
            let name = keys[slots[Int(id)].home].map { Snapshot.ServiceServer($0, slots[Int(id)].key) }
            guard slots[Int(id)].flags.contains(.used), let name, inherited[name] == nil else {
                remove(id)
                if id == highWater - 1 {
                    free.removeLast()
                    limits[0].servers = id
                }
                continue
            }
            restore(id)
            for isPartial in [false, true] { self[outer: outerPlace(id, isPartial: isPartial)].restore() }
            inherited[name] = id
        }
    }

    private static let methodOffset = MemoryLayout<RealServer>.offset(of: \.settings.method) ?? 0

    /// Makes a record that another director left one that can be read: what commands say anew is as if nothing was said.
    private func restore(_ id: ServerID) {
        if ForwardingMethod(rawValue: slots.byte(Self.methodOffset, of: Int(id))) == nil { self[id].settings = ServerSettings() }
        self[id].settings.weight = max(self[id].settings.weight, 0)
        self[id].lastWeight = max(self[id].lastWeight, 0)
        (self[id].active, self[id].total, self[id].persistent) = (0, 0, 0)
        self[id].service = -1
        self[id].path = Path()
    }

    /// A server leaves its service before the state was adopted: it is again one that no command has named.
    mutating func inherit(_ id: ServerID, of service: ServiceKey) { inherited[.init(service, slots[Int(id)].key)] = id }

    mutating func takeInherited(_ key: ServerKey, of service: ServiceKey) -> ServerID? {
        inherited.isEmpty ? nil : inherited.removeValue(forKey: .init(service, key))
    }

    /// Whoever no command has named is in the trash from now on; how many.
    mutating func endInheritance() -> Int {
        isInheriting = false
        for (name, id) in inherited.sorted(by: { $0.value < $1.value }) {
            trash.add(id, name, serviceSequence: slots[Int(id)].homeSequence)
        }
        defer { inherited = [:] }
        return inherited.count
    }

    /// Places from 0 on that were ever in use.
    var placesInUse: Int { Int(highWater) }

    /// Places of every server in use or in the trash.
    var all: LazyFilterSequence<Range<ServerID>> {
        let slots = slots
        return (0..<highWater).lazy.filter { slots[Int($0)].flags.contains(.used) }
    }
}
