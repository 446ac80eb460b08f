import Wire

/// What few connections carry beside their fixed record, at the same place as that: templates the data of a persistence
/// engine, FULLNAT connections how far their server was told who the client is. `hasSide` of the record says that there is
/// something.
struct SideTable {
    private let streams: SlabView<ClientStream>
    private let templates: SlabView<TemplateData>
    private let streamBacking: BlockBacking
    private let templateBacking: BlockBacking

    init(in memory: StateMemory) {
        streamBacking = memory.layout.streams.backed(by: memory.backing)
        templateBacking = memory.layout.templates.backed(by: memory.backing)
        streams = memory.streams
        templates = memory.templates
    }

    /// Whether there is memory for what a connection or template has beside its record.
    func takes(_ kind: Connection.Flags, at id: ConnectionID) -> Bool {
        kind.contains(.template) ? templateBacking.has(Int(id)) : streamBacking.has(Int(id))
    }

    /// What a persistence engine found, for a template that is about to take the place.
    func note(_ data: TemplateData, at id: ConnectionID) { templates[Int(id)] = data }

    subscript(template id: ConnectionID) -> TemplateData {
        unsafeAddress { unsafe templates.address(checked: Int(id)) }
    }

    @inline(__always)
    subscript(stream id: ConnectionID) -> ClientStream {
        unsafeAddress { unsafe UnsafePointer(streams.trusted(Int(id))) }
    }

    /// Stores a stream in steps, so that one that was only begun claims nothing: its flags go first and come last.
    func store(_ stream: ClientStream, at id: ConnectionID) {
        guard streams[Int(id)] != stream else { return }
        streams[Int(id)].forgetProgress()
        SlabView<ClientStream>.publish()
        streams[Int(id)].takeNumbers(of: stream)
        SlabView<ClientStream>.publish()
        streams[Int(id)] = stream
    }

    /// A stream of a connection that had none.
    func begin(_ stream: ClientStream, at id: ConnectionID) {
        streams[Int(id)] = stream
        SlabView<ClientStream>.publish()
    }

    /// The PROXY header of a stream leaves.
    func noteHeaderSent(_ id: ConnectionID) { streams[Int(id)].isHeaderSent = true }

    /// Whether the streams' place holds one that a director can have written.
    func holdsStream(at id: ConnectionID) -> Bool { ClientStream.isSound(in: streams, at: Int(id)) }
}

/// What a persistence engine found, at most 255 bytes.
struct TemplateData: BitwiseCopyable {
    static let limit = 255

    /// The engine's number in the roster, from 1 on; 0 for none.
    private(set) var engine: UInt8 = 0
    private(set) var count: UInt8 = 0
    private(set) var bytes = InlineArray<256, UInt8>(repeating: 0)

    /// `nil` when there is no such engine, or more than it may find.
    init?(_ name: String, _ data: [UInt8]) {
        guard let number = PersistenceEngines.number(of: name), data.count <= Self.limit else { return nil }
        engine = number
        count = UInt8(data.count)
        for (place, byte) in data.enumerated() { bytes[place] = byte }
    }

    /// The engine's name; `nil` when there is no such engine.
    var engineName: String? { PersistenceEngines.name(of: engine) }
    var data: [UInt8] { (0..<Int(count)).map { bytes[$0] } }

    func holds(_ data: [UInt8]) -> Bool { data.count == Int(count) && data.indices.allSatisfy { data[$0] == bytes[$0] } }
}

/// A TCP stream whose server is told the client's address on the way.
public struct ClientStream: Hashable, Sendable, BitwiseCopyable {
    public var option: ClientAddressOption
    /// The server's first byte is known.
    public var hasServerStart = false
    /// The PROXY header was sent, and the server has it.
    public var isHeaderSent = false
    public var isHeaderTaken = false
    /// Longest segment that the server takes, 0 when it did not say.
    public var segmentLimit: UInt16 = 0
    /// Sequence numbers of the first bytes behind both SYNs.
    public var clientStart: UInt32
    public var serverStart: UInt32 = 0

    public init(option: ClientAddressOption, clientStart: UInt32) {
        self.option = option
        self.clientStart = clientStart
    }
    /// Nothing is known of the stream but what is to be told.
    mutating func forgetProgress() { (hasServerStart, isHeaderSent, isHeaderTaken) = (false, false, false) }

    mutating func takeNumbers(of other: ClientStream) {
        (segmentLimit, clientStart, serverStart) = (other.segmentLimit, other.clientStart, other.serverStart)
    }

    /// Whether what stands at a place is a stream.
    static func isSound(in streams: SlabView<ClientStream>, at place: Int) -> Bool {
        func byte(_ field: PartialKeyPath<ClientStream>) -> UInt8 {
            MemoryLayout<ClientStream>.offset(of: field).map { streams.byte($0, of: place) } ?? .max
        }
        return byte(\.option) != 0 && ClientAddressOption(rawValue: byte(\.option)) != nil
            && byte(\.hasServerStart) < 2 && byte(\.isHeaderSent) < 2 && byte(\.isHeaderTaken) < 2
    }
}
