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
    var isLent = true
    /// Where the director stands between two batches.
    let progress: SlabView<DoubleBuffer<StateProgress>>

    /// Bytes that a state of so many connections takes. Most of it is only touched when it is used.
    public static func size(connections: Int) -> Int { StateLayout(connections: usable(connections)).size }

    private static func usable(_ connections: Int) -> Int { max(connections, 16) }

    /// A new state, empty.
    /// - Parameters:
    ///   - region: at least `size(connections:)` bytes, all zero, beginning at a page; at a huge page where those are wanted.
    ///   - place: 32 bytes that tell this machine, boot and network from others; who takes the state up again names the same.
    public init(fresh region: UnsafeMutableRawBufferPointer, connections: Int, seed: UInt64, place: [UInt8]) {
        let count = Self.usable(connections)
        layout = StateLayout(connections: count)
        precondition(region.count >= layout.size && place.count == StateHeader.placeLength)
        self.region = unsafe SlabView(region)
        self.connections = count
        self.seed = seed
        isInherited = false
        progress = layout.progress.view(in: self.region)
        header.begin(StateHeader(size: layout.size, connections: count, seed: seed, place: place))
    }

    /// The state that another director left.
    /// - Parameter connections: how many it must hold; `nil` for as many as it does.
    /// - Throws: what does not fit; the region is untouched then.
    public init(existing region: UnsafeMutableRawBufferPointer, connections wanted: Int? = nil, place: [UInt8]) throws(StateRefusal) {
        guard region.count >= Self.headerSize else { throw .tooShort(region.count) }
        let found = unsafe region.loadUnaligned(as: StateHeader.self)
        layout = try Self.layout(of: found, size: region.count, connections: wanted, place: place)
        self.region = unsafe SlabView(region)
        connections = layout.capacity
        seed = found.seed
        isInherited = true
        progress = layout.progress.view(in: self.region)
    }

    /// Bytes that `refusal` looks at.
    public static var headerSize: Int { MemoryLayout<StateHeader>.size }

    /// Why `init(existing:)` would not take up a memory of `size` bytes that begins so; `nil` when it would.
    public static func refusal(of beginning: [UInt8], size: Int, connections: Int? = nil, place: [UInt8]) -> StateRefusal? {
        guard beginning.count >= headerSize else { return .tooShort(size) }
        let found = unsafe beginning.withUnsafeBytes { unsafe $0.loadUnaligned(as: StateHeader.self) }
        do throws(StateRefusal) { _ = try layout(of: found, size: size, connections: connections, place: place) } catch { return error }
        return nil
    }

    private static func layout(of found: StateHeader, size: Int, connections wanted: Int?, place: [UInt8]) throws(StateRefusal)
        -> StateLayout
    {
        guard found.magic == StateHeader.magic else { throw .noState }
        guard found.layoutNumber == StateLayout.number else { throw .layout(found.layoutNumber, own: StateLayout.number) }
        guard found.isSound, let count = Int(exactly: found.connections), (16...1 << 30).contains(count) else { throw .damaged }
        let layout = StateLayout(connections: count)
        guard found.size == UInt64(layout.size), size >= layout.size else { throw .size(size, expected: layout.size) }
        if let wanted, usable(wanted) != count { throw .connections(count, wanted: wanted) }
        guard found.place == place else { throw .place }
        return layout
    }

    private var header: SlabView<StateHeader> { layout.header.view(in: region) }
    var remembered: SlabView<RememberedAddress> { layout.remembered.view(in: region) }
    var learnedMTUs: SlabView<LearnedMTU> { layout.learnedMTUs.view(in: region) }
    var ports: SlabView<PortRecord> { layout.ports.view(in: region) }
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

    public var description: String {
        switch self {
        case .tooShort(let size): "\(size) bytes hold no state"
        case .noState: "it does not begin as a state does"
        case .layout(let found, let own):
            "its layout is \(String(found, radix: 16)), that of another version; this one's is \(String(own, radix: 16))"
        case .damaged: "its header is damaged"
        case .size(let size, let expected): "it is \(size) bytes long and should be \(expected)"
        case .connections(let found, let wanted): "it holds \(found) connections, wanted are \(wanted)"
        case .place: "it belongs to another boot or another network namespace"
        }
    }
}

/// What a state begins with: what it is, and for whom.
struct StateHeader: BitwiseCopyable {
    static let magic: UInt64 = 0x5356_5353_5441_5445
    static let placeLength = 32

    private(set) var magic: UInt64 = 0
    private(set) var layoutNumber = StateLayout.number
    private(set) var size: UInt64
    private(set) var connections: UInt64
    private(set) var seed: UInt64
    private var words = InlineArray<4, UInt64>(repeating: 0)
    private var check: UInt64 = 0

    init(size: Int, connections: Int, seed: UInt64, place: [UInt8]) {
        self.size = UInt64(size)
        self.connections = UInt64(connections)
        self.seed = seed
        for (index, byte) in place.prefix(Self.placeLength).enumerated() { words[index / 8] |= UInt64(byte) << UInt64(index % 8 * 8) }
        check = expectedCheck
    }

    /// The caller's bytes.
    var place: [UInt8] { (0..<Self.placeLength).map { UInt8(truncatingIfNeeded: words[$0 / 8] >> UInt64($0 % 8 * 8)) } }

    /// It is as it was written.
    var isSound: Bool { check == expectedCheck }

    private var expectedCheck: UInt64 {
        StateCheck.of([layoutNumber, size, connections, seed] + (0..<4).map { words[$0] })
    }
}

extension SlabView<StateHeader> {
    /// Writes the header; the magic number comes last.
    fileprivate func begin(_ header: StateHeader) {
        self[0] = header
        Self.publish()
        self[0].finish()
    }
}

extension StateHeader {
    fileprivate mutating func finish() { magic = Self.magic }
}
