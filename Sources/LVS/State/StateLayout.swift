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
    private static let version: UInt64 = 2
    /// The pool begins where a huge page does, as seen from the region's beginning.
    private static let hugePage = 1 << 21
    private static let page = 4096

    let header: Block<StateHeader>
    /// The text of `description`.
    let words: Block<UInt8>
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
    let carried: Block<CarriedCounters>
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
        words = block(StateDescription.capacity, of: UInt8.self)
        limits = block(1, of: StateLimits.self)
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
        carried = block(ServerPool.capacity, of: CarriedCounters.self)
        streams = block(capacity, of: ClientStream.self)
        templates = block(capacity, of: TemplateData.self)
        connections = block(capacity, of: Connection.self, alignedTo: Self.hugePage)
        size = (end + Self.page - 1) / Self.page * Self.page
    }

    /// Another number for each layout: made of where everything lies, of what the rosters' numbers mean, and of `version`.
    static let number = StateLayout(connections: 16).description.check ^ version << 48

    /// The layout in words.
    var description: StateDescription {
        var description = StateDescription()
        description.rosters = [
            "schedulers": Schedulers.roster.map { $0.name }, "engines": PersistenceEngines.roster.map { $0.name },
            "verdicts": Verdict.allCases.map { "\($0)" },
        ]
        func note<Record: StateRecord>(_ name: String, _ block: Block<Record>, together: Int = 1) {
            let width = MemoryLayout<Record>.stride
            var fields = Record.fields
            for place in stride(from: 1, to: together, by: 1) {
                fields += Record.fields.map {
                    StateField(name: "\($0.name).\(place)", offset: $0.offset + place * width, size: $0.size, roster: $0.roster)
                }
            }
            description.blocks.append(
                .init(name: name, offset: block.offset, stride: width * together, count: block.count / together, fields: fields))
        }
        note("limits", limits)
        note("verdicts", verdicts)
        note("progress", progress)
        note("servers", servers)
        note("shown", shown)
        note("services", services)
        note("serviceCounters", serviceCounters)
        note("outer", outer, together: 2)
        note("remembered", remembered)
        note("learnedMTUs", learnedMTUs)
        note("ports", ports)
        note("carried", carried)
        note("streams", streams)
        note("templates", templates)
        note("connections", connections)
        let width = ServiceSlot.maximumRanges * MemoryLayout<UInt32>.stride
        description.blocks.append(
            .init(
                name: "ranges", offset: ranges.offset, stride: width, count: ranges.count / ServiceSlot.maximumRanges,
                fields: [StateField(name: "words", offset: 0, size: width)]))
        return description
    }
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
