import Wire

/// What a scheduler of a service remembers of one address.
struct RememberedAddress: BitwiseCopyable {
    static let capacity = 1 << 16
    /// Servers and moments of one address that are kept; a set with more loses its oldest members.
    static let serverLimit = 8
    static let timeLimit = 2

    /// 1 when it is one, stored last.
    var isUsed: UInt32 = 0
    /// Place of the service.
    var service: Int32 = -1
    var address = IPAddress(high: 0, low: 0)
    private(set) var serverCount: UInt8 = 0
    private(set) var timeCount: UInt8 = 0
    private(set) var times = InlineArray<2, Instant>(repeating: 0)
    private(set) var servers = InlineArray<8, ServerKey>(repeating: ServerKey(address: IPAddress(high: 0, low: 0), port: 0))

    init(_ item: SchedulerMemory.Item, of service: Int32, at now: Instant) {
        self.service = service
        address = item.address
        serverCount = UInt8(min(item.servers.count, Self.serverLimit))
        timeCount = UInt8(min(item.times.count, Self.timeLimit))
        for (place, server) in item.servers.prefix(Self.serverLimit).enumerated() { servers[place] = server }
        for (place, time) in item.times.prefix(Self.timeLimit).enumerated() { times[place] = now &+ time }
    }

    /// Whether it is of the same servers as another one.
    func names(sameServersAs other: RememberedAddress) -> Bool {
        serverCount == other.serverCount && timeCount == other.timeCount
            && (0..<Int(serverCount)).allSatisfy { servers[$0] == other.servers[$0] }
    }

    /// Each moment is one store.
    mutating func takeTimes(of other: RememberedAddress) { times = other.times }

    /// What it says; `nil` when it says nothing.
    func item(at now: Instant) -> SchedulerMemory.Item? {
        guard isUsed == 1, Int(serverCount) <= Self.serverLimit, Int(timeCount) <= Self.timeLimit else { return nil }
        return SchedulerMemory.Item(
            address: address, servers: (0..<Int(serverCount)).map { servers[$0] }, times: (0..<Int(timeCount)).map { times[$0] &- now })
    }
}

/// All that schedulers remember of addresses, and where it stands in a state's memory.
struct RememberedAddresses {
    private let records: SlabView<RememberedAddress>
    private let limits: SlabView<StateLimits>
    private let backing: BlockBacking
    private var places: [Int32: [IPAddress: Int32]] = [:]
    private var free: [Int32] = []

    init(in memory: StateMemory) {
        records = memory.remembered
        limits = memory.limits
        backing = memory.layout.remembered.backed(by: memory.backing)
        guard memory.isInherited else { return }
        limits[0].remembered = min(max(limits[0].remembered, 0), Int32(RememberedAddress.capacity))
        for place in (0..<limits[0].remembered).reversed() {
            let record = records[Int(place)]
            if record.isUsed == 1, places[record.service]?[record.address] == nil {
                places[record.service, default: [:]][record.address] = place
            } else {
                records[Int(place)].isUsed = 0
                if place == limits[0].remembered - 1 { limits[0].remembered = place } else { free.append(place) }
            }
        }
    }

    /// How many addresses are kept for a service.
    func count(of service: Int32) -> Int { places[service]?.count ?? 0 }

    /// Everything that is kept for a service.
    func items(of service: Int32, at now: Instant) -> [SchedulerMemory.Item] {
        (places[service] ?? [:]).values.sorted().compactMap { records[Int($0)].item(at: now) }
    }

    /// Keeps what a scheduler remembers; when there is no room it is not kept.
    mutating func keep(_ item: SchedulerMemory.Item, of service: Int32, at now: Instant) {
        let record = RememberedAddress(item, of: service, at: now)
        let old = places[service]?[item.address]
        if let old, records[Int(old)].names(sameServersAs: record) { return records[Int(old)].takeTimes(of: record) }
        guard let place = free.popLast() ?? nextPlace else { return }
        if place == limits[0].remembered { limits[0].remembered += 1 }
        records[Int(place)] = record
        SlabView<RememberedAddress>.publish()
        records[Int(place)].isUsed = 1
        if let old { release(old) }
        places[service, default: [:]][item.address] = place
    }

    private var nextPlace: Int32? {
        let place = limits[0].remembered
        return place < RememberedAddress.capacity && backing.has(Int(place)) ? place : nil
    }

    /// Forgets what is not among a service's addresses any more.
    mutating func forget(of service: Int32, except addresses: Set<IPAddress>) {
        for (address, place) in places[service] ?? [:] where !addresses.contains(address) {
            release(place)
            places[service]?[address] = nil
        }
    }

    /// Forgets what services remembered that are none any more.
    mutating func forget(exceptOf services: Set<Int32>) {
        for service in places.keys where !services.contains(service) { forget(of: service, except: []) }
    }

    private mutating func release(_ place: Int32) {
        records[Int(place)].isUsed = 0
        free.append(place)
    }
}
