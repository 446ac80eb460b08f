import Wire

/// Everything about connections and templates: the records, when each expires, how long each state lasts, what few of them
/// carry beside their record, and the ports that FULLNAT has given them.
struct ConnectionState: ~Copyable {
    var table: ConnectionTable
    var wheel: TimerWheel
    var timeouts = TimeoutTable()
    var sides = SideTable()
    var portAllocator = PortAllocator()

    /// Memory for `capacity` connections; `seed` makes the keys of their hash.
    init(capacity: Int, seed: UInt64, at now: Instant) {
        table = ConnectionTable(capacity: capacity, seed: seed)
        wheel = TimerWheel(pool: table.pool, at: now)
    }

    @inline(__always)
    subscript(id: ConnectionID) -> Connection {
        unsafeAddress { unsafe UnsafePointer(table.pool.trusted(Int(id))) }
        nonmutating unsafeMutableAddress { unsafe table.pool.trusted(Int(id)) }
    }

    /// The connection of a flow, either direction.
    func find(_ flow: Flow) -> ConnectionTable.Match { table.find(flow) }

    /// Whether so few places are free that the defences have to act: the table is the memory that a flood uses up.
    var isShortOfMemory: Bool { table.count > table.capacity / 8 * 7 }
}
