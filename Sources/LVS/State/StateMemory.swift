import Wire

/// Memory in which a director keeps what must outlive it: connections, servers and services with their counters, and where
/// its number sequences stand. Whoever lends it owns it; after the director's end, however sudden, the next one is made over
/// the same memory, told the same services, and adopts what it finds.
///
/// `docs/internals/state.md` says in which order records are written, so that one that was begun and never finished is none.
public struct StateMemory {
    let region: SlabView<UInt8>
    let layout: StateLayout
    /// How many connections and templates it holds.
    public let connections: Int
    /// The director's seed: of its hash's keys and its dice.
    public let seed: UInt64
    /// Something was in it when it was taken up.
    let isInherited: Bool
    /// It outlives the director.
    let isLent: Bool
    /// Where memory has to be asked for before it is written to.
    let backing: MemoryBacking?
    /// Where the director stands between two batches.
    let progress: SlabView<DoubleBuffer<StateProgress>>

    /// Bytes that a state of so many connections takes. Most of it is only touched when it is used.
    public static func size(connections: Int) -> Int { StateLayout(connections: usable(connections)).size }

    private static func usable(_ connections: Int) -> Int { max(connections, 16) }

    /// A new state, empty.
    /// - Parameters:
    ///   - region: at least `size(connections:)` bytes, all zero, beginning at a page; at a huge page where those are wanted.
    ///   - place: 32 bytes that tell this machine, boot and network from others; who takes the state up again names the same.
    ///   - backing: of the file that the region is; what the state begins with has been asked for (`isBegun`).
    public init(
        fresh region: UnsafeMutableRawBufferPointer, connections: Int, seed: UInt64, place: [UInt8], backing: MemoryBacking? = nil
    ) {
        unsafe self.init(fresh: region, connections, seed, place, isLent: true, backing)
    }

    /// A new state that ends with the director.
    init(own region: UnsafeMutableRawBufferPointer, connections: Int, seed: UInt64) {
        unsafe self.init(fresh: region, connections, seed, [UInt8](repeating: 0, count: StateHeader.placeLength), isLent: false, nil)
    }

    private init(
        fresh region: UnsafeMutableRawBufferPointer, _ connections: Int, _ seed: UInt64, _ place: [UInt8], isLent: Bool,
        _ backing: MemoryBacking?
    ) {
        let count = Self.usable(connections)
        layout = StateLayout(connections: count)
        precondition(region.count >= layout.size && place.count == StateHeader.placeLength)
        self.region = unsafe SlabView(region)
        self.connections = count
        self.seed = seed
        isInherited = false
        (self.isLent, self.backing) = (isLent, backing)
        progress = layout.progress.view(in: self.region)
        // Nobody asks what a state is that nobody finds.
        if isLent { Self.begin(layout, in: self.region, seed: seed, place: place) }
    }

    /// The state that another director left.
    /// - Parameter connections: how many it must hold; `nil` for as many as it does.
    /// - Throws: what does not fit; the region is untouched then.
    public init(
        existing region: UnsafeMutableRawBufferPointer, connections wanted: Int? = nil, place: [UInt8], backing: MemoryBacking? = nil
    ) throws(StateRefusal) {
        guard region.count >= Self.headerSize else { throw .tooShort(region.count) }
        let found = unsafe region.loadUnaligned(as: StateHeader.self)
        try Self.check(found, size: region.count, connections: wanted, place: place)
        layout = StateLayout(connections: Int(found.connections))
        self.region = unsafe SlabView(region)
        connections = layout.capacity
        seed = found.seed
        isInherited = true
        (isLent, self.backing) = (true, backing)
        progress = layout.progress.view(in: self.region)
    }

    /// Whether there is memory for what every state of so many connections is written to from its beginning on.
    public static func isBegun(_ backing: MemoryBacking, connections: Int) -> Bool {
        let layout = StateLayout(connections: usable(connections)), learned = layout.learnedMTUs
        return backing.has(0..<layout.servers.offset)
            && backing.has(learned.offset..<learned.offset + learned.count * MemoryLayout<LearnedMTU>.stride)
    }

    /// Bytes that `refusal` looks at.
    public static var headerSize: Int { MemoryLayout<StateHeader>.size }
    /// The number of this build's layout.
    public static var layoutNumber: UInt64 { StateLayout.number }

    /// Why `init(existing:)` would not take up a memory of `size` bytes that begins so; `nil` when it would.
    public static func refusal(of beginning: [UInt8], size: Int, connections: Int? = nil, place: [UInt8]) -> StateRefusal? {
        guard beginning.count >= headerSize else { return .tooShort(size) }
        let found = unsafe beginning.withUnsafeBytes { unsafe $0.loadUnaligned(as: StateHeader.self) }
        do throws(StateRefusal) { try check(found, size: size, connections: connections, place: place) } catch { return error }
        return nil
    }

    private static func check(_ found: StateHeader, size: Int, connections wanted: Int?, place: [UInt8]) throws(StateRefusal) {
        guard found.magic == StateHeader.magic else { throw .noState }
        guard found.isSound, let count = Int(exactly: found.connections), (16...1 << 30).contains(count) else { throw .damaged }
        guard found.place == place else { throw .place }
        guard UInt64(size) >= found.size else { throw .size(size, expected: Int(clamping: found.size)) }
        guard found.layoutNumber == StateLayout.number else { throw .layout(found.layoutNumber, own: StateLayout.number) }
        let expected = StateLayout(connections: count).size
        guard found.size == UInt64(expected) else { throw .size(size, expected: expected) }
        if let wanted, usable(wanted) != count { throw .connections(count, wanted: wanted) }
    }

    /// Makes `region` a state of this layout that holds what another one held whose refusal `isOtherLayout`. Whoever is stopped
    /// on the way leaves none.
    /// - Parameters:
    ///   - region: as for `init(fresh:)`.
    ///   - connections: how many it holds.
    /// - Returns: how many connections found no place in a smaller table.
    public static func convert(
        _ old: UnsafeMutableRawBufferPointer, into region: UnsafeMutableRawBufferPointer, connections: Int, place: [UInt8],
        backing: MemoryBacking? = nil
    ) throws(StateRefusal) -> Int {
        guard old.count >= StateDescription.offset + StateDescription.capacity else { throw .tooShort(old.count) }
        let found = unsafe old.loadUnaligned(as: StateHeader.self)
        do throws(StateRefusal) { try check(found, size: old.count, connections: connections, place: place) } catch {
            guard error.isOtherLayout else { throw error }
        }
        let source = unsafe SlabView<UInt8>(old)
        let words = (0..<min(Int(clamping: found.words), StateDescription.capacity)).map { source[StateDescription.offset + $0] }
        guard found.wordsCheck == StateDescription.check(words),
            let description = StateDescription(String(decoding: words, as: UTF8.self), size: old.count)
        else { throw .damaged }
        let count = usable(connections), layout = StateLayout(connections: count), target = unsafe SlabView<UInt8>(region)
        precondition(region.count >= layout.size)
        var conversion = StateConversion(from: source, description, to: layout.description)
        guard conversion.copy(to: target, backing) else { throw .noRoom }
        begin(layout, in: target, seed: found.seed, place: place)
        return conversion.lost
    }

    /// Writes description and header; the magic number comes last.
    private static func begin(_ layout: StateLayout, in region: SlabView<UInt8>, seed: UInt64, place: [UInt8]) {
        let words = Array(layout.description.text.utf8)
        precondition(words.count <= StateDescription.capacity)
        for (place, byte) in words.enumerated() { region[layout.words.offset + place] = byte }
        let header = StateHeader(
            size: layout.size, connections: layout.capacity, seed: seed, place: place, words: words.count,
            wordsCheck: StateDescription.check(words))
        layout.header.view(in: region).begin(header)
    }

    var remembered: SlabView<RememberedAddress> { layout.remembered.view(in: region) }
    var learnedMTUs: SlabView<LearnedMTU> { layout.learnedMTUs.view(in: region) }
    var ports: SlabView<PortRecord> { layout.ports.view(in: region) }
    var carried: SlabView<CarriedCounters> { layout.carried.view(in: region) }
    var limits: SlabView<StateLimits> { layout.limits.view(in: region) }
    var verdicts: SlabView<UInt64> { layout.verdicts.view(in: region) }
    var servers: SlabView<RealServer> { layout.servers.view(in: region) }
    var shown: SlabView<ShownCounters> { layout.shown.view(in: region) }
    var services: SlabView<ServiceSlot> { layout.services.view(in: region) }
    var serviceCounters: SlabView<Counters> { layout.serviceCounters.view(in: region) }
    var ranges: SlabView<UInt32> { layout.ranges.view(in: region) }
    var outer: SlabView<OuterHeader> { layout.outer.view(in: region) }
    var streams: SlabView<ClientStream> { layout.streams.view(in: region) }
    var templates: SlabView<TemplateData> { layout.templates.view(in: region) }
    /// The connections.
    var pool: SlabView<Connection> { layout.connections.view(in: region) }
}

/// Why a memory is not taken up as a state.
public enum StateRefusal: Error, Hashable, Sendable, CustomStringConvertible {
    case tooShort(Int)
    case noState
    case layout(UInt64, own: UInt64)
    case damaged
    case size(Int, expected: Int)
    case connections(Int, wanted: Int)
    case place
    case noRoom

    /// It is sound and this boot's and network's, and records lie elsewhere in it: `StateMemory.convert` reads it.
    public var isOtherLayout: Bool {
        switch self {
        case .layout, .connections: true
        default: false
        }
    }

    public var description: String {
        switch self {
        case .tooShort(let size): "\(size) bytes hold no state"
        case .noState: "it does not begin as a state does"
        case .layout(let found, let own):
            "its layout is \(String(found, radix: 16)), that of another version; this one's is \(String(own, radix: 16))"
        case .damaged: "its header is damaged"
        case .size(let size, let expected): "it is \(size) bytes long and should be \(expected)"
        case .connections(let found, let wanted): "it holds \(found) connections, wanted are \(wanted)"
        case .noRoom: "there is no room for it"
        case .place: "it belongs to another boot or another network namespace"
        }
    }
}
