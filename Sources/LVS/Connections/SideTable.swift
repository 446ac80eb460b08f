/// What few connections carry beside their fixed record: the data of a persistence engine.
struct SideTable {
    struct Entry {
        var engine: String
        var data: [UInt8]
    }

    private var entries: [Entry?] = []
    private var free: [Int32] = []

    mutating func add(_ engine: String, _ data: [UInt8]) -> Int32 {
        let entry = Entry(engine: engine, data: data)
        if let place = free.popLast() {
            entries[Int(place)] = entry
            return place
        }
        entries.append(entry)
        return Int32(entries.count - 1)
    }

    mutating func remove(_ place: Int32) {
        entries[Int(place)] = nil
        free.append(place)
    }

    subscript(place: Int32) -> Entry? { place < 0 ? nil : entries[Int(place)] }

    func data(_ place: Int32) -> [UInt8] { self[place]?.data ?? [] }
}
