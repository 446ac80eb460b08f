import Wire

/// Virtual services by what packets carry.
struct ServiceTable {
    static let capacity = 1 << 16

    /// By place.
    private(set) var places: [VirtualService?] = []
    var slots: ServiceSlots
    /// Services whose schedulers know something that is not noted yet.
    private var touched: [VirtualService] = []
    /// Synchronisation daemons, as commands started them.
    var daemons: [SyncDaemon] = []
    /// Ports that each of them uses.
    var syncPorts = 1
    private var byEndpoint: [Endpoint: VirtualService] = [:]
    private var byMark: [Mark: VirtualService] = [:]
    private var byRange: [Endpoint: [(range: ClosedRange<UInt16>, service: VirtualService)]] = [:]
    /// IPv6 services on an IPv4-mapped address: they are listed, but no packet carries such an address.
    private var mapped: [ServiceKey: VirtualService] = [:]
    /// Addresses of services without a mark.
    private(set) var addresses = CountedSet<IPAddress>()
    /// All services, oldest first.
    private(set) var byAge: [VirtualService] = []
    /// All services as they are listed: by the kernel's hash buckets, in each oldest first.
    private var buckets = [[VirtualService]](repeating: [], count: VirtualService.buckets)
    /// Services per family; with none, IPVS does not look at packets of that family at all.
    private(set) var count4 = 0
    private(set) var count6 = 0
    /// Services on port 21, and services without a port (mark services among them).
    private var ftpCount = 0
    private var portlessCount = 0

    private struct Endpoint: Hashable {
        var address: IPAddress
        var port: UInt16
        var proto: UInt8
    }
    private struct Mark: Hashable {
        var mark: UInt32
        var family: IPFamily
    }

    var isEmpty: Bool { count4 + count6 == 0 }

    /// Notes that a service's scheduler knows something new.
    mutating func touch(_ service: VirtualService) {
        guard !service.isTouched else { return }
        service.isTouched = true
        touched.append(service)
    }

    /// The services that were touched since the last call.
    mutating func takeTouched() -> [VirtualService] {
        guard !touched.isEmpty else { return [] }
        for service in touched { service.isTouched = false }
        defer { touched.removeAll(keepingCapacity: true) }
        return touched.filter { self[$0.id] === $0 }
    }

    /// Every service in order of place.
    var all: [VirtualService] { places.compactMap { $0 } }

    subscript(place: Int32) -> VirtualService? { place >= 0 && Int(place) < places.count ? places[Int(place)] : nil }

    func hasServices(_ family: IPFamily) -> Bool { family == .v4 ? count4 > 0 : count6 > 0 }

    /// The service with exactly this identity.
    func find(_ key: ServiceKey) -> VirtualService? {
        if key.mark != 0 { return byMark[Mark(mark: key.mark, family: key.family)] }
        if key.isMapped { return mapped[key] }
        if !key.ranges.isEmpty {
            return byRange[Endpoint(address: key.address, port: 0, proto: key.proto)]?
                .first { $0.service.key.ranges == key.ranges }?.service
        }
        return byEndpoint[Endpoint(address: key.address, port: key.port, proto: key.proto)]
    }

    /// The service with ranges whose first port is that of a key without any.
    func find(shownAs key: ServiceKey) -> VirtualService? {
        guard key.mark == 0, key.ranges.isEmpty else { return nil }
        let found = byRange[Endpoint(address: key.address, port: 0, proto: key.proto)]?.map(\.service) ?? []
        return found.filter { $0.key.port == key.port }.max { $0.sequence < $1.sequence }
    }

    /// The service of a packet, in the kernel's order: mark, exact address and port, port ranges, FTP's port 21 for data
    /// ports, the service without a port.
    func match(_ flow: Flow, mark: UInt32, unprivilegedPort: Int) -> VirtualService? {
        if mark != 0, let service = byMark[Mark(mark: mark, family: flow.destination.family)] { return service }
        var endpoint = Endpoint(address: flow.destination, port: flow.destinationPort, proto: flow.proto)
        if let service = byEndpoint[endpoint] { return service }
        if !byRange.isEmpty {
            endpoint.port = 0
            if let found = byRange[endpoint]?.first(where: { $0.range.contains(flow.destinationPort) }) { return found.service }
        }
        if ftpCount > 0, flow.proto == IPProtocol.tcp,
            flow.destinationPort == 20 || Int(flow.destinationPort) >= unprivilegedPort
        {
            endpoint.port = 21
            if let service = byEndpoint[endpoint] { return service }
        }
        if portlessCount > 0 {
            endpoint.port = 0
            return byEndpoint[endpoint]
        }
        return nil
    }

    init(in memory: StateMemory) { slots = ServiceSlots(in: memory) }

    /// Adds a service; `nil` when there is no place.
    mutating func add(_ key: ServiceKey, make: (Int32) -> VirtualService) -> VirtualService? {
        guard let place = slots.take(key) else { return nil }
        let service = make(place)
        while places.count <= Int(place) { places.append(nil) }
        places[Int(place)] = service
        if key.mark != 0 {
            byMark[Mark(mark: key.mark, family: key.family)] = service
        } else if key.isMapped {
            mapped[key] = service
        } else if !key.ranges.isEmpty {
            let endpoint = Endpoint(address: key.address, port: 0, proto: key.proto)
            byRange[endpoint, default: []] += key.ranges.map { ($0, service) }
        } else {
            byEndpoint[Endpoint(address: key.address, port: key.port, proto: key.proto)] = service
        }
        count(key, by: 1)
        if key.mark == 0 { addresses.add(key.address) }
        Self.insert(service, into: &byAge)
        Self.insert(service, into: &buckets[service.bucket])
        return service
    }

    /// The newest comes last; one that goes on where an older director's was may be older than others.
    private static func insert(_ service: VirtualService, into services: inout [VirtualService]) {
        services.insert(service, at: count(in: services, before: service.sequence))
    }

    /// How many of some services, oldest first, are older than a number.
    private static func count(in services: [VirtualService], before sequence: UInt64) -> Int {
        if let last = services.last, last.sequence < sequence { return services.count }
        var low = 0, high = services.count
        while low < high {
            let middle = (low + high) / 2
            if services[middle].sequence < sequence { low = middle + 1 } else { high = middle }
        }
        return low
    }

    private static func remove(_ service: VirtualService, from services: inout [VirtualService]) {
        let place = count(in: services, before: service.sequence)
        if place < services.count, services[place] === service { services.remove(at: place) }
    }

    /// The first service in the order of listings that is in one of the buckets from `bucket` on, and in that one no newer than
    /// `sequence`.
    func listed(from bucket: Int, _ sequence: UInt64) -> VirtualService? {
        var newest = sequence
        for bucket in bucket..<VirtualService.buckets {
            let place = newest == .max ? buckets[bucket].count : Self.count(in: buckets[bucket], before: newest + 1)
            if place > 0 { return buckets[bucket][place - 1] }
            newest = .max
        }
        return nil
    }

    mutating func remove(_ service: VirtualService) {
        let key = service.key
        if key.mark != 0 {
            byMark[Mark(mark: key.mark, family: key.family)] = nil
        } else if key.isMapped {
            mapped[key] = nil
        } else if !key.ranges.isEmpty {
            let endpoint = Endpoint(address: key.address, port: 0, proto: key.proto)
            byRange[endpoint]?.removeAll { $0.service === service }
            if byRange[endpoint]?.isEmpty == true { byRange[endpoint] = nil }
        } else {
            byEndpoint[Endpoint(address: key.address, port: key.port, proto: key.proto)] = nil
        }
        places[Int(service.id)] = nil
        count(key, by: -1)
        if key.mark == 0 { addresses.remove(key.address) }
        Self.remove(service, from: &byAge)
        Self.remove(service, from: &buckets[service.bucket])
    }

    private mutating func count(_ key: ServiceKey, by step: Int) {
        if key.family == .v4 { count4 += step } else { count6 += step }
        if key.mark != 0 || key.port == 0 { portlessCount += step }
        if key.mark == 0, key.port == 21 { ftpCount += step }
    }
}

extension ServiceKey {
    fileprivate var isMapped: Bool { family == .v6 && address.isV4 }
}
