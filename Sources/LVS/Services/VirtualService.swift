import Wire

/// A virtual service: what the administrator said, its scheduler, and its servers in the kernel's order.
///
/// An object, because only new connections and commands reach it; what packets of known connections count lies in pools.
final class VirtualService {
    let id: Int32
    let key: ServiceKey
    var settings: ServiceSettings
    /// `nil` for the scheduler `none`.
    var scheduler: (any Scheduler)?
    /// Newest first.
    private(set) var servers: [ServerID] = []
    private var places: [ServerKey: ServerID] = [:]
    /// Whether the host itself is one of them, by the network's `localGeneration` then; `nil` when nobody has looked.
    var servedByHost: (generation: UInt32, answer: Bool)?
    private let slots: SlabView<ServiceSlot>
    /// It waits for its scheduler to be noted.
    var isTouched = false

    /// A service whose place among `slots` is `id`.
    init(id: Int32, key: ServiceKey, settings: ServiceSettings, scheduler: (any Scheduler)?, slots: SlabView<ServiceSlot>) {
        self.id = id
        self.slots = slots
        self.key = key
        self.settings = settings
        self.scheduler = scheduler
    }

    func add(_ server: ServerID, _ key: ServerKey) {
        servers.insert(server, at: 0)
        places[key] = server
        servedByHost = nil
    }

    func remove(at place: Int, _ key: ServerKey) {
        servers.remove(at: place)
        places[key] = nil
        servedByHost = nil
    }

    func removeServers() { (servers, places) = ([], [:]) }

    func server(_ key: ServerKey) -> ServerID? { places[key] }

    /// Place among its servers of the one with an identity.
    func place(of key: ServerKey) -> Int? { places[key].flatMap { servers.firstIndex(of: $0) } }

    /// FULLNAT: place of the local address that the next connection tries first.
    var nextLocalAddress: Int {
        get { Int(slots[Int(id)].nextLocalAddress) }
        set { slots[Int(id)].nextLocalAddress = Int64(newValue) }
    }

    var estimator: ShownCounters {
        get { slots[Int(id)].estimator }
        set { slots[Int(id)].estimator = newValue }
    }

    /// Grows with each service that is made; tells one object from a later one of the same identity.
    var sequence: UInt64 { slots[Int(id)].sequence }

    var isPersistent: Bool { settings.flags.contains(.persistent) }
}
