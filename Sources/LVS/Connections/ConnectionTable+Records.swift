import Wire

/// Records come, are taken over and go.
extension ConnectionTable {
    /// The place that `insert` would take next; `nil` when the table is full, or the memory.
    var nextPlace: ConnectionID? {
        if free >= 0 { return free }
        return Int(highWater) < capacity && backing?.has(Int(highWater)) != false ? highWater : nil
    }

    /// Stores a connection and indexes it; `nil` when the table is full. FULLNAT connections need their local address first.
    mutating func insert(_ connection: Connection) -> ConnectionID? {
        guard let id = nextPlace else { return nil }
        if id == free {
            free = pool[Int(id)].next
        } else {
            highWater += 1
            limits?[0].connections = highWater
        }
        // That the record is in use is stored last: before that it is nobody's.
        pool[Int(id)] = connection.unused
        SlabView<Connection>.publish()
        pool[Int(id)].flags.insert(.used)
        count += 1
        link(id)
        return id
    }

    /// From here on the record is nobody's; to be called before what hangs on it is undone.
    func withdraw(_ id: ConnectionID) {
        self[id].flags.remove(.used)
        SlabView<Connection>.publish()
    }

    /// Takes a connection out of the index and gives its place free. It must not be filed in the timer wheel any more.
    mutating func remove(_ id: ConnectionID) {
        if !self[id].flags.contains(.superseded) { unlink(id) }
        self[id].flags = []
        self[id].next = free
        free = id
        count -= 1
    }

    /// Counts and indexes a record of another director's that stands at its place and is sound.
    mutating func takeOver(_ id: ConnectionID) {
        count += 1
        if !self[id].flags.contains(.superseded) { link(id) }
    }

    /// Makes places free that nobody has, all below `highWater`, in the order in which they will be taken.
    mutating func makeFree(_ places: [ConnectionID]) {
        for id in places.reversed() {
            self[id].flags = []
            guard id < highWater - 1 else {
                highWater = id
                continue
            }
            self[id].next = free
            free = id
        }
        limits?[0].connections = highWater
    }

    /// Takes a connection out of the index for good, its place to be given free later by `remove`.
    mutating func supersede(_ id: ConnectionID) {
        unlink(id)
        self[id].flags.insert(.superseded)
    }

    /// Takes a template out of everybody's way: it gets a key that nothing finds.
    mutating func retire(_ id: ConnectionID) {
        unlink(id)
        // The flag comes first: a record that has it counts as changed, whatever of it is.
        self[id].flags.insert(.retired)
        SlabView<Connection>.publish()
        self[id].takeRetiredKey()
        link(id)
    }
}
