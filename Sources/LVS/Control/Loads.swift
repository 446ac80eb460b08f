/// A service, what it counts and who it is among all services that there ever were.
public struct ServiceLoad: Hashable, Sendable {
    /// No other service has it or had it.
    public var number: UInt64
    public var key: ServiceKey
    public var scheduler: String
    public var isPersistent: Bool
    public var statistics: Statistics

    public init(number: UInt64, key: ServiceKey, scheduler: String, isPersistent: Bool, statistics: Statistics = Statistics()) {
        (self.number, self.key, self.scheduler, self.isPersistent) = (number, key, scheduler, isPersistent)
        self.statistics = statistics
    }
}

/// A server of a service, and what it carries.
public struct ServerLoad: Hashable, Sendable {
    /// `ServiceLoad.number` of its service.
    public var service: UInt64
    public var key: ServerKey
    public var method: ForwardingMethod
    public var weight: Int32
    /// Has reached its upper threshold.
    public var isOverloaded: Bool
    public var active: UInt32
    public var inactive: UInt32
    /// Persistence templates bound to it.
    public var persistent: UInt32
    public var statistics: Statistics

    public init(
        service: UInt64, key: ServerKey, method: ForwardingMethod, weight: Int32, isOverloaded: Bool = false, active: UInt32 = 0,
        inactive: UInt32 = 0, persistent: UInt32 = 0, statistics: Statistics = Statistics()
    ) {
        (self.service, self.key, self.method, self.weight, self.isOverloaded) = (service, key, method, weight, isOverloaded)
        (self.active, self.inactive, self.persistent, self.statistics) = (active, inactive, persistent, statistics)
    }
}

/// Some of a director's services and servers, for whoever watches all of them: in the order of their places, so that a part costs
/// the same however many there are. What comes and goes between two parts may be missed.
public struct LoadPage: Hashable, Sendable {
    public var services: [ServiceLoad] = []
    public var servers: [ServerLoad] = []
    /// Where the next part begins; `nil` behind the last one.
    public var next: UInt32?

    public init() {}
}

extension Director {
    /// Places that are looked at for one part.
    private static let placesOfPage = 1024

    /// The part that begins at a place: 0 for the first one, else what the part before said.
    public func loads(from place: UInt32) -> LoadPage {
        var page = LoadPage()
        // Servers are numbered behind all services that there can be.
        let first = UInt32(ServiceTable.capacity)
        if place < first {
            let begin = min(Int(place), services.places.count), end = min(begin + Self.placesOfPage, services.places.count)
            for case let service? in services.places[begin..<end] { page.services.append(load(service)) }
            page.next = end < services.places.count ? UInt32(end) : first
            return page
        }
        let begin = min(Int(place - first), servers.placesInUse), end = min(begin + Self.placesOfPage, servers.placesInUse)
        page.servers.reserveCapacity(end - begin)
        for id in begin..<end where servers[ServerID(id)].isAvailable && servers[ServerID(id)].flags.contains(.used) {
            page.servers.append(load(ServerID(id)))
        }
        page.next = end < servers.placesInUse ? first + UInt32(end) : nil
        return page
    }

    private func load(_ service: VirtualService) -> ServiceLoad {
        ServiceLoad(
            number: service.sequence, key: service.key, scheduler: service.settings.scheduler, isPersistent: service.isPersistent,
            statistics: service.estimator.statistics)
    }

    private func load(_ id: ServerID) -> ServerLoad {
        let server = servers[id]
        return ServerLoad(
            service: server.homeSequence, key: server.key, method: server.settings.method, weight: server.weight,
            isOverloaded: server.isOverloaded, active: UInt32(max(server.active, 0)), inactive: UInt32(server.inactive),
            persistent: UInt32(max(server.persistent, 0)), statistics: servers.estimator(id).statistics)
    }
}
