import Wire

/// The places of services in a state's memory, and whose each is. A service that was removed keeps its place as long as
/// servers in the trash know it by that.
struct ServiceSlots {
    private let slots: SlabView<ServiceSlot>
    private let ranges: SlabView<UInt32>
    private let counters: SlabView<Counters>
    private let limits: SlabView<StateLimits>
    private let memory: StateMemory
    /// The place of every identity that has one.
    private var places: [ServiceKey: Int32] = [:]
    private var free: [Int32] = []
    /// Services that are made go on where those of another director were.
    var isInheriting: Bool

    init(in memory: StateMemory) {
        slots = memory.services
        ranges = memory.ranges
        counters = memory.serviceCounters
        limits = memory.limits
        self.memory = memory
        isInheriting = memory.isInherited
        guard isInheriting else { return }
        limits[0].services = min(max(limits[0].services, 0), Int32(ServiceTable.capacity))
        for place in (0..<limits[0].services).reversed() {
            guard slots[Int(place)].isUsed == 1, let key = slots[Int(place)].key(ranges, at: place), places[key] == nil else {
                slots[Int(place)].isUsed = 0
                if place == limits[0].services - 1 { limits[0].services = place } else { free.append(place) }
                continue
            }
            if !(0...1 << 31).contains(slots[Int(place)].nextLocalAddress) { slots[Int(place)].nextLocalAddress = 0 }
            places[key] = place
        }
    }

    /// How many identities have a place.
    var count: Int { places.count }

    /// Every identity that has a place, by that.
    var keys: [Int32: ServiceKey] { Dictionary(uniqueKeysWithValues: places.map { ($0.value, $0.key) }) }

    subscript(place: Int32) -> ServiceSlot {
        unsafeAddress { unsafe slots.address(checked: Int(place)) }
        nonmutating unsafeMutableAddress { unsafe slots.mutableAddress(checked: Int(place)) }
    }

    var view: SlabView<ServiceSlot> { slots }

    /// A place for a service that is made: the one that its identity has, or a new one; `nil` when there is none.
    mutating func take(_ key: ServiceKey) -> Int32? {
        if let place = places[key] {
            if !isInheriting { beginAnew(place) }
            return place
        }
        guard let place = free.last ?? (limits[0].services < ServiceTable.capacity ? limits[0].services : nil), isBacked(place, for: key)
        else { return nil }
        if !free.isEmpty { free.removeLast() }
        if place == limits[0].services { limits[0].services += 1 }
        slots[Int(place)] = ServiceSlot(key)
        for (index, range) in key.ranges.enumerated() {
            ranges[Int(place) * ServiceSlot.maximumRanges + index] = ServiceSlot.word(range)
        }
        beginAnew(place)
        SlabView<ServiceSlot>.publish()
        slots[Int(place)].isUsed = 1
        places[key] = place
        return place
    }

    /// Whether there is memory for a service at a place.
    private func isBacked(_ place: Int32, for key: ServiceKey) -> Bool {
        let ranges = memory.layout.ranges.backed(by: memory.backing), first = Int(place) * ServiceSlot.maximumRanges
        return memory.layout.services.backed(by: memory.backing).has(Int(place))
            && memory.layout.serviceCounters.backed(by: memory.backing).has(Int(place))
            && key.ranges.indices.allSatisfy { ranges.has(first + $0) }
    }

    /// Another service of the identity: it has counted nothing.
    private func beginAnew(_ place: Int32) {
        limits[0].sequence &+= 1
        slots[Int(place)].estimator = ShownCounters()
        counters[Int(place)] = Counters()
        slots[Int(place)].nextLocalAddress = 0
        slots[Int(place)].note.store(SchedulerNote())
        slots[Int(place)].sequence = limits[0].sequence
    }

    /// Notes where a service's scheduler stands.
    func note(_ service: VirtualService, at now: Instant) {
        let note = service.scheduler.map { SchedulerNote($0.position(at: now), of: $0, at: now) }
        slots[Int(service.id)].note.store(note ?? SchedulerNote())
    }

    /// Gives all places free but these.
    mutating func release(except needed: Set<Int32>) {
        for (key, place) in places where !needed.contains(place) {
            slots[Int(place)].isUsed = 0
            free.append(place)
            places[key] = nil
        }
    }
}
