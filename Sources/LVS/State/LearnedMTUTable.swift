import Wire

/// A path MTU that an ICMP error taught.
struct LearnedMTU: BitwiseCopyable {
    static let capacity = 1 << 12

    /// 1 when it is one, stored last.
    var isUsed: UInt32 = 0
    var mtu: Int32
    var address: IPAddress
    var until: Instant
}

/// The path MTUs that are kept for the next director.
struct MTURecords {
    private let records: SlabView<LearnedMTU>
    private var places: [IPAddress: Int] = [:]
    private var free: [Int] = []
    /// What of the network was followed last.
    private(set) var generation = UInt32.max

    init(in memory: StateMemory) {
        records = memory.learnedMTUs
        for place in (0..<LearnedMTU.capacity).reversed() {
            if memory.isInherited, records[place].isUsed == 1, places[records[place].address] == nil {
                places[records[place].address] = place
            } else {
                if memory.isInherited { records[place].isUsed = 0 }
                free.append(place)
            }
        }
    }

    /// What another director learned and may still be believed.
    func learned(at now: Instant) -> [LearnedMTU] {
        places.values.map { records[$0] }.filter { $0.until > now && $0.mtu >= ($0.address.isV4 ? 68 : 1280) && $0.mtu <= UInt16.max }
    }

    /// Keeps what the network has learned, as far as there is room.
    mutating func follow(_ network: Network) {
        generation = network.learnedGeneration
        for (address, place) in places where network.learnedMTUs[address] == nil {
            records[place].isUsed = 0
            free.append(place)
            places[address] = nil
        }
        for (address, learned) in network.learnedMTUs {
            if let place = places[address] {
                records[place].mtu = Int32(clamping: learned.mtu)
                records[place].until = learned.until
            } else if let place = free.popLast() {
                records[place] = LearnedMTU(mtu: Int32(clamping: learned.mtu), address: address, until: learned.until)
                SlabView<LearnedMTU>.publish()
                records[place].isUsed = 1
                places[address] = place
            }
        }
    }
}
