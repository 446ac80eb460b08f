import Wire

/// Where everything lies in a state's memory. A layout is a number of connections and nothing else; its number tells one
/// from the layouts of other builds.
struct StateLayout {
    /// Equal records one behind the other.
    struct Block<Element: BitwiseCopyable> {
        let offset: Int
        let count: Int

        func view(in region: SlabView<UInt8>) -> SlabView<Element> { region.part(from: offset, count: count) }
    }

    /// To be raised when records mean something else, though they look alike.
    private static let version: UInt64 = 1
    /// The pool begins where a huge page does, as seen from the region's beginning.
    private static let hugePage = 1 << 21
    private static let page = 4096

    let header: Block<StateHeader>
    let limits: Block<StateLimits>
    let verdicts: Block<UInt64>
    let servers: Block<RealServer>
    let shown: Block<ShownCounters>
    let services: Block<ServiceSlot>
    let serviceCounters: Block<Counters>
    let ranges: Block<UInt32>
    let outer: Block<OuterHeader>
    let streams: Block<ClientStream>
    let templates: Block<TemplateData>
    let progress: Block<DoubleBuffer<StateProgress>>
    let remembered: Block<RememberedAddress>
    let learnedMTUs: Block<LearnedMTU>
    let ports: Block<PortRecord>
    let connections: Block<Connection>
    let size: Int
    /// How many connections it holds.
    var capacity: Int { connections.count }

    init(connections capacity: Int) {
        var end = 0
        func block<Element>(_ count: Int, of type: Element.Type, alignedTo alignment: Int = Self.page) -> Block<Element> {
            let offset = (end + alignment - 1) / alignment * alignment
            end = offset + count * MemoryLayout<Element>.stride
            return Block(offset: offset, count: count)
        }
        header = block(1, of: StateHeader.self)
        limits = block(1, of: StateLimits.self, alignedTo: 64)
        verdicts = block(256, of: UInt64.self, alignedTo: 64)
        progress = block(1, of: DoubleBuffer<StateProgress>.self, alignedTo: 64)
        servers = block(ServerPool.capacity, of: RealServer.self)
        shown = block(ServerPool.capacity, of: ShownCounters.self)
        services = block(ServiceTable.capacity, of: ServiceSlot.self)
        serviceCounters = block(ServiceTable.capacity, of: Counters.self)
        ranges = block(ServiceTable.capacity * ServiceSlot.maximumRanges, of: UInt32.self)
        outer = block(2 * ServerPool.capacity, of: OuterHeader.self)
        remembered = block(RememberedAddress.capacity, of: RememberedAddress.self)
        learnedMTUs = block(LearnedMTU.capacity, of: LearnedMTU.self)
        ports = block(PortRecord.capacity, of: PortRecord.self)
        streams = block(capacity, of: ClientStream.self)
        templates = block(capacity, of: TemplateData.self)
        connections = block(capacity, of: Connection.self, alignedTo: Self.hugePage)
        size = (end + Self.page - 1) / Self.page * Self.page
    }

    /// Another number for each layout of the records: made of their sizes, of where their fields lie, and of `version`.
    static let number: UInt64 = {
        var words: [Int] = []
        func note<Record>(_ type: Record.Type, _ fields: PartialKeyPath<Record>...) {
            words += [MemoryLayout<Record>.size, MemoryLayout<Record>.stride]
            words += fields.map { MemoryLayout<Record>.offset(of: $0) ?? -1 }
        }
        note(
            Connection.self, \.client, \.virtual, \.clientPort, \.virtualPort, \.proto, \.state, \.flags, \.expires, \.server, \.packetsIn,
            \.timeout, \.method, \.serverAddress, \.localAddress, \.serverPort, \.localPort, \.check, \.controller, \.mark)
        note(
            RealServer.self, \.key, \.settings, \.lastWeight, \.flags, \.home, \.homeSequence, \.counters)
        note(ServerSettings.self, \.method, \.weight, \.upperThreshold, \.lowerThreshold, \.tunnel, \.tunnelPort, \.tunnelFlags)
        note(Counters.self, \.connections, \.packetsIn, \.packetsOut, \.bytesIn, \.bytesOut)
        note(ShownCounters.self)
        note(ServiceSlot.self, \.isUsed, \.address, \.mark, \.port, \.sequence, \.nextLocalAddress, \.estimator, \.check, \.note)
        note(OuterHeader.self, \.generation, \.id)
        note(ClientStream.self, \.option, \.hasServerStart, \.isHeaderSent, \.isHeaderTaken, \.segmentLimit, \.clientStart, \.serverStart)
        note(TemplateData.self, \.engine, \.count, \.bytes)
        note(StateLimits.self, \.connections, \.servers, \.services, \.remembered, \.ports, \.sequence)
        note(StateHeader.self)
        note(
            StateProgress.self, \.now, \.generator, \.nextEstimate, \.nextSecond, \.nextTrash, \.nextFlush, \.clampedSYNs, \.total, \.shown)
        note(DoubleBuffer<StateProgress>.self)
        note(SchedulerNote.self)
        note(RememberedAddress.self, \.isUsed, \.service, \.address)
        note(LearnedMTU.self, \.isUsed, \.mtu, \.address, \.until)
        note(PortRecord.self, \.isUsed, \.next, \.proto, \.local, \.server)
        words += [
            ServerPool.capacity, ServiceTable.capacity, ServiceSlot.maximumRanges, RememberedAddress.capacity, LearnedMTU.capacity,
            PortRecord.capacity,
        ]
        let names =
            Schedulers.roster.map { $0.name } + PersistenceEngines.roster.map { $0.name }
            + Verdict.allCases.map { "\($0)" }
        words += names.flatMap { name in [0] + name.utf8.map(Int.init) }
        return StateCheck.of(words.map { UInt64(bitPattern: Int64($0)) }) ^ version << 48
    }()
}

/// How far each pool was ever used. Each is one word that grows before what lies below it counts.
struct StateLimits: BitwiseCopyable {
    var connections: Int32 = 0
    var servers: Int32 = 0
    var services: Int32 = 0
    var remembered: Int32 = 0
    var ports: Int32 = 0
    /// Services that were ever made.
    var sequence: UInt64 = 0
}

/// A sum over words that tells whether one of them was changed.
enum StateCheck {
    @inline(__always)
    static func term(_ word: UInt64, _ factor: UInt64) -> UInt64 {
        let product = word.multipliedFullWidth(by: factor)
        return product.high ^ product.low
    }

    static func of(_ words: [UInt64]) -> UInt64 {
        var sum: UInt64 = 0x5356_5363_6865_636b
        for word in words { sum = term(sum ^ word, 0x9e37_79b9_7f4a_7c15) &+ word }
        return sum
    }
}
