/// What few connections carry beside their fixed record: templates the data of a persistence engine, FULLNAT connections
/// how far their server was told who the client is. The two are numbered apart.
struct SideTable {
    struct Entry {
        var engine: String
        var data: [UInt8]
    }

    private var entries: [Entry?] = []
    private var free: [Int32] = []
    private var streams: [ClientStream] = []
    private var freeStreams: [Int32] = []

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

    mutating func add(_ stream: ClientStream) -> Int32 {
        if let place = freeStreams.popLast() {
            streams[Int(place)] = stream
            return place
        }
        streams.append(stream)
        return Int32(streams.count - 1)
    }

    mutating func removeStream(_ place: Int32) { freeStreams.append(place) }

    @inline(__always)
    subscript(stream place: Int32) -> ClientStream {
        get { streams[Int(place)] }
        set { streams[Int(place)] = newValue }
    }
}

/// A TCP stream whose server is told the client's address on the way.
public struct ClientStream: Hashable, Sendable {
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
}
