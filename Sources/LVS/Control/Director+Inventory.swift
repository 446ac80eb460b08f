import Wire

extension Director {
    /// All services, servers and settings as listings show them.
    public func inventory() -> Inventory {
        var inventory = summary()
        inventory.services = services(from: InventoryPlace(), limit: .max).services
        return inventory
    }

    /// Some services and servers in the order of listings, about `limit` of them in all. What comes and goes between two calls
    /// may be missed.
    public func services(from place: InventoryPlace, limit: Int) -> InventoryPage {
        var place = place, left = limit, page = InventoryPage()
        while let service = services.listed(from: place.bucket, place.sequence) {
            let count = service.servers.count, isContinued = place.servers != nil && service.sequence == place.sequence
            let rest = min(isContinued ? place.servers ?? 0 : count, count), taken = min(rest, max(left, 1))
            if isContinued { page.isContinued = true }
            page.services.append(record(service, (count - rest)..<(count - rest + taken)))
            left -= taken + 1
            place = InventoryPlace(bucket: service.bucket, sequence: service.sequence - 1)
            if taken < rest { place = InventoryPlace(bucket: service.bucket, sequence: service.sequence, servers: rest - taken) }
            guard left > 0, taken == rest else {
                page.next = place
                return page
            }
        }
        return page
    }

    /// The inventory without its services.
    public func summary() -> Inventory {
        Inventory(timeouts: connections.timeouts.shown, daemons: services.daemons, tableSize: 4096, total: traffic.estimator.statistics)
    }

    /// One service with its servers.
    public func record(of key: ServiceKey) -> ServiceRecord? { services.find(key).map { record($0) } }

    /// A service that is listed under its first port only, as for those who know no ranges.
    public func record(shownAs key: ServiceKey) -> ServiceRecord? { services.find(shownAs: key).map { record($0) } }

    private func record(_ service: VirtualService, _ places: Range<Int>? = nil) -> ServiceRecord {
        ServiceRecord(
            key: service.key, settings: service.settings, statistics: service.estimator.statistics,
            servers: service.servers[places ?? service.servers.indices].map { id in
                let server = servers[id]
                return ServerRecord(
                    key: server.key, settings: server.settings, active: UInt32(max(server.active, 0)),
                    inactive: UInt32(server.inactive), persistent: UInt32(max(server.persistent, 0)),
                    statistics: servers.estimator(id).statistics)
            })
    }

    /// Every connection and template, newest place last.
    public func connectionRecords() -> [ConnectionRecord] { connectionRecords(0..<connectionPlaces) }

    /// Places of the table that were ever in use.
    public var connectionPlaces: Int { Int(connections.table.highWater) }

    /// The connections and templates at some places, which may be any.
    public func connectionRecords(_ places: Range<Int>) -> [ConnectionRecord] {
        places.clamped(to: 0..<connectionPlaces).compactMap { place in
            let id = ConnectionID(place)
            guard connections[id].flags.contains(.used), !connections[id].flags.contains(.onePacket) else { return nil }
            let entry = carrying.upToDate(connections[id], at: id)
            let isTemplate = entry.flags.contains(.template)
            let state =
                isTemplate
                ? entry.flags.contains(.assured) ? "ASSURED" : "NONE"
                : Transport.stateName(proto: entry.proto, state: entry.state)
            let side = connections.templateData(of: id)
            return ConnectionRecord(
                proto: entry.proto, client: entry.client, clientPort: entry.clientPort, virtual: entry.virtual,
                virtualPort: entry.virtualPort, server: entry.serverAddress, serverPort: entry.serverPort,
                state: state, expires: UInt32(clamping: max(entry.expires - clockwork.now, 0) / second),
                isTemplate: isTemplate, isSynchronised: entry.flags.contains(.synchronised), persistenceEngine: side?.engine ?? "",
                persistenceData: side?.data ?? [])
        }
    }

    /// Virtual services.
    public var serviceCount: Int { services.count4 + services.count6 }
    /// What identifies each, oldest first.
    public var serviceKeys: [ServiceKey] { services.byAge.map(\.key) }
    /// The one that was added last.
    public var newestService: ServiceKey? { services.byAge.last?.key }
    /// Real servers of all services.
    public var serverCount: Int { services.byAge.reduce(0) { $0 + $1.servers.count } }

    /// Connections and templates in the table.
    public var connectionCount: Int { connections.table.count }
    /// How many of them the table can hold.
    public var connectionCapacity: Int { connections.table.capacity }

    /// One tick of the estimators: what listings show becomes what was counted until now.
    public mutating func estimate() {
        accountCarried()
        // Servers in the trash keep what they showed.
        for id in servers.all where servers[id].isAvailable {
            var estimator = servers.estimator(id)
            estimator.tick(servers[id].counters)
            servers.setEstimator(id, estimator)
        }
        for service in services.all { service.estimator.tick(traffic[service.id]) }
        traffic.estimator.tick(traffic.all)
    }

    mutating func zero(_ key: ServiceKey?) throws(CommandError) {
        var chosen = services.all
        if let key { chosen = [try service(key)] }
        // What is told again before the adoption has happened before.
        guard !servers.isInheriting else { return }
        for service in chosen {
            service.estimator.makeZero()
            for id in service.servers { servers.makeZero(id) }
        }
        if key == nil { traffic.estimator.makeZero() }
    }
}

extension VirtualService {
    /// How many values `bucket` may have.
    static var buckets: Int { 512 }

    /// The kernel lists services by 256 hash buckets, mark services behind all others.
    var bucket: Int {
        if key.mark != 0 { return 256 + Int(key.mark & 255) }
        let folded = key.address.folded
        let mixed = UInt32(key.proto) ^ folded.byteSwapped ^ UInt32(key.port >> 8) ^ UInt32(key.port)
        return Int(mixed & 255)
    }
}
