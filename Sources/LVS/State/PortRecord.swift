import Wire

/// The port that a local address of FULLNAT tries next towards a real server.
struct PortRecord: BitwiseCopyable {
    static let capacity = 1 << 16

    /// 1 when it is one, stored last.
    var isUsed: UInt32 = 0
    var next: UInt16
    var proto: UInt8
    var local: IPAddress
    var server: ServerKey
}

/// Which ports are tried next, as the next director will know. A pool without a place here begins anew then.
struct PortRecords {
    private let records: SlabView<PortRecord>
    private let limits: SlabView<StateLimits>
    private let backing: BlockBacking
    private var free: [Int32] = []
    /// Those of another director that no pool has taken yet.
    private var inherited: [PortAllocator.Key: Int32] = [:]

    init(in memory: StateMemory) {
        records = memory.ports
        limits = memory.limits
        backing = memory.layout.ports.backed(by: memory.backing)
        guard memory.isInherited else { return }
        limits[0].ports = min(max(limits[0].ports, 0), Int32(PortRecord.capacity))
        for place in (0..<limits[0].ports).reversed() {
            let record = records[Int(place)]
            let key = PortAllocator.Key(local: record.local, server: record.server, proto: record.proto)
            if record.isUsed == 1, inherited[key] == nil {
                inherited[key] = place
            } else {
                records[Int(place)].isUsed = 0
                if place == limits[0].ports - 1 { limits[0].ports = place } else { free.append(place) }
            }
        }
    }

    /// A place for a pool that begins, and the port that another director's tried next; -1 when there is none.
    mutating func take(_ key: PortAllocator.Key, from start: UInt16) -> (place: Int32, next: UInt16) {
        if let place = inherited.removeValue(forKey: key) { return (place, records[Int(place)].next) }
        guard let place = free.popLast() ?? nextPlace else { return (-1, start) }
        if place == limits[0].ports { limits[0].ports += 1 }
        records[Int(place)] = PortRecord(next: start, proto: key.proto, local: key.local, server: key.server)
        SlabView<PortRecord>.publish()
        records[Int(place)].isUsed = 1
        return (place, start)
    }

    private var nextPlace: Int32? {
        let place = limits[0].ports
        return place < PortRecord.capacity && backing.has(Int(place)) ? place : nil
    }

    func note(_ next: UInt16, at place: Int32) {
        if place >= 0 { records[Int(place)].next = next }
    }

    mutating func release(_ place: Int32) {
        guard place >= 0 else { return }
        records[Int(place)].isUsed = 0
        free.append(place)
    }

    /// Keys that another director had and no pool has taken.
    var leftOver: [PortAllocator.Key] { inherited.sorted { $0.value < $1.value }.map(\.key) }

    /// Nothing of another director's is left.
    mutating func releaseLeftOver() {
        for place in inherited.values { release(place) }
        inherited = [:]
    }
}
