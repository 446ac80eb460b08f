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
    var servers: [ServerID] = []
    /// FULLNAT: place of the local address that the next connection tries first.
    var nextLocalAddress = 0
    var estimator = ShownCounters()
    /// Grows with each service that is made; tells one object from a later one of the same identity.
    var sequence: UInt64 = 0

    init(id: Int32, key: ServiceKey, settings: ServiceSettings, scheduler: (any Scheduler)?) {
        self.id = id
        self.key = key
        self.settings = settings
        self.scheduler = scheduler
    }

    var isPersistent: Bool { settings.flags.contains(.persistent) }
}
