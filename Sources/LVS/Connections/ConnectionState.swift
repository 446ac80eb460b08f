import Wire

/// Everything about connections and templates: the records, when each expires, how long each state lasts, what few of them
/// carry beside their record, and the ports that FULLNAT has given them.
struct ConnectionState: ~Copyable {
    var table: ConnectionTable
    var wheel: TimerWheel
    var timeouts = TimeoutTable()
    let sides: SideTable
    var portAllocator: PortAllocator
    /// What gives way when the table fills.
    var unanswered: UnansweredEntries
    var earlyDrop: EarlyDrop

    /// Connections in a state's memory, whose seed makes the keys of their hash.
    init(in memory: StateMemory, at now: Instant) {
        table = ConnectionTable(in: memory)
        sides = SideTable(in: memory)
        portAllocator = PortAllocator(in: memory)
        wheel = TimerWheel(pool: table.pool, at: now)
        unanswered = UnansweredEntries(capacity: table.capacity)
        earlyDrop = EarlyDrop(capacity: table.capacity)
    }

    @inline(__always)
    subscript(id: ConnectionID) -> Connection {
        unsafeAddress { unsafe UnsafePointer(table.pool.trusted(Int(id))) }
        nonmutating unsafeMutableAddress { unsafe table.pool.trusted(Int(id)) }
    }

    /// Stores a connection or template and what goes beside its record; `nil` when the table is full.
    mutating func insert(_ connection: Connection, _ data: TemplateData? = nil, _ stream: ClientStream? = nil) -> ConnectionID? {
        guard let id = table.nextPlace else { return nil }
        var connection = connection
        if let data { sides.note(data, at: id) }
        if let stream { sides.begin(stream, at: id) }
        if data != nil || stream != nil { connection.flags.insert(.hasSide) }
        return table.insert(connection)
    }

    /// A template's persistence engine and what that found.
    func templateData(of id: ConnectionID) -> (engine: String, data: [UInt8])? {
        guard self[id].flags.isSuperset(of: [.template, .hasSide]) else { return nil }
        let side = sides[template: id]
        return side.engineName.map { ($0, side.data) }
    }

    /// Whether a template is for what a persistence engine found.
    func holds(_ data: [UInt8], _ template: ConnectionID) -> Bool {
        self[template].hasSide ? sides[template: template].holds(data) : data.isEmpty
    }

    /// The connection of a flow, either direction.
    func find(_ flow: Flow) -> ConnectionTable.Match { table.find(flow) }

    /// Whether so few places are free that the defences have to act: the table is the memory that a flood uses up.
    var isShortOfMemory: Bool { table.count > table.capacity / 8 * 7 }
}
