import LVS

/// The packets of an answer, made one by one as the client reads them, the director's tables read on the way: a table of any
/// size costs one packet, whether its reader is quick or asleep.
struct ControlAnswer {
    /// Reads the part of a table that begins at a place.
    typealias Table = (TablePlace) -> TablePage

    /// A place of one of a director's tables.
    enum TablePlace {
        case connections(Int)
        case services(InventoryPlace)

        func page<Target: ControlTarget & ~Copyable>(of target: borrowing Target) -> TablePage {
            switch self {
            case .connections(let place): .connections(target.connections(from: place))
            case .services(let place): .services(target.services(from: place))
            }
        }
    }

    /// What stands there.
    enum TablePage {
        case connections(ConnectionPage)
        case services(InventoryPage)

        /// Where the next part begins.
        var next: TablePlace? {
            switch self {
            case .connections(let page): page.next.map { .connections($0) }
            case .services(let page): page.next.map { .services($0) }
            }
        }
    }

    /// The next packet; an empty one when it is not found yet and the frames may have their turn, `nil` at the end.
    let next: (Table) -> [UInt8]?
    /// There is more than one packet, so that it makes a difference whether the first one was sent.
    let hasParts: Bool
    /// A packet was sent, or nobody reads it.
    var hasBegun = false

    /// A few messages, each in its packet: libnl waits for an acknowledgement in a packet of its own.
    init(_ messages: NetlinkMessage...) {
        var rest = messages[...]
        hasParts = messages.count > 1
        next = { _ in rest.popFirst()?.bytes }
    }

    /// A packet that was made before.
    init(packet: [UInt8]) {
        var rest: [UInt8]? = packet
        hasParts = false
        next = { _ in
            defer { rest = nil }
            return rest
        }
    }

    /// A dump: NLM_F_MULTI messages, several to a packet of at most `limit` bytes, then NLMSG_DONE {s32 0} in its own.
    init(dump bodies: some Sequence<GenericMessage>, to request: NetlinkMessage, limit: Int = ControlConstants.packetLength) {
        var rest = bodies.makeIterator()
        self.init(dumping: { _ in rest.next().map { .message($0) } ?? .end }, to: request, limit: limit)
    }

    /// The connection table as a dump.
    /// - Parameters:
    ///   - head: what stands before it.
    ///   - encode: some of its rows as messages.
    init(
        connectionsTo request: NetlinkMessage, head: [GenericMessage] = [], encode: @escaping ([ConnectionRecord]) -> [GenericMessage]
    ) {
        self.init(tableFrom: .connections(0), to: request, head: head, limit: ControlConstants.ownPacketLength) { page in
            if case .connections(let page) = page { encode(page.records) } else { [] }
        }
    }

    /// The services as a dump.
    /// - Parameters:
    ///   - head: what stands before them.
    ///   - limit: bytes of a packet.
    ///   - encode: some of them as messages.
    init(
        servicesTo request: NetlinkMessage, head: [GenericMessage] = [], limit: Int = ControlConstants.packetLength,
        encode: @escaping (InventoryPage) -> [GenericMessage]
    ) {
        self.init(tableFrom: .services(InventoryPlace()), to: request, head: head, limit: limit) { page in
            if case .services(let page) = page { encode(page) } else { [] }
        }
    }

    private init(
        tableFrom begin: TablePlace, to request: NetlinkMessage, head: [GenericMessage], limit: Int,
        encode: @escaping (TablePage) -> [GenericMessage]
    ) {
        var waiting = head[...]
        var place: TablePlace? = begin
        self.init(
            dumping: { table in
                // Places that were in use once are many pages of nothing.
                for _ in 0..<Self.mostPages where waiting.isEmpty {
                    guard let begin = place else { return .end }
                    let page = table(begin)
                    place = page.next
                    waiting = encode(page)[...]
                }
                return waiting.popFirst().map { .message($0) } ?? .pause
            }, to: request, limit: limit)
    }

    /// Pages without anything that are looked at in a row.
    private static var mostPages: Int { 8 }

    private enum DumpStep {
        case message(GenericMessage)
        case pause
        case end
    }

    private init(dumping body: @escaping (Table) -> DumpStep, to request: NetlinkMessage, limit: Int) {
        var held: [UInt8] = []
        var isFinished = false
        hasParts = true
        next = { table in
            guard !isFinished else { return nil }
            var packet = held
            held = []
            collecting: while true {
                switch body(table) {
                case .message(let body):
                    let bytes = request.reply(body, flags: NetlinkMessage.Flags.multi).bytes
                    if !packet.isEmpty, packet.count + bytes.count > limit {
                        held = bytes
                        return packet
                    }
                    packet += bytes
                case .pause:
                    held = packet
                    return []
                case .end: break collecting
                }
            }
            guard packet.isEmpty else { return packet }
            isFinished = true
            var done = request.reply(type: NetlinkMessage.Kind.done, flags: NetlinkMessage.Flags.multi)
            done.payload = [0, 0, 0, 0]
            return done.bytes
        }
    }

    /// Bytes as a dump of pieces, none longer than an attribute.
    init(pieces: some Sequence<[UInt8]>, to request: NetlinkMessage) {
        self.init(dump: pieces.lazy.flatMap { Self.messages(of: $0) }, to: request, limit: ControlConstants.ownPacketLength)
    }

    /// Bytes as messages, none with more than an attribute holds.
    static func messages(of bytes: [UInt8]) -> [GenericMessage] {
        Chunks(bytes).map { piece in
            var out = AttributeWriter()
            out.put(ControlConstants.Top.payload, bytes: piece)
            return GenericMessage(command: ControlConstants.Verb.answer, attributes: out.bytes)
        }
    }

    /// The answer to a GET: one message, then the acknowledgement if it is wanted.
    init(reply body: GenericMessage, to request: NetlinkMessage) {
        let reply = request.reply(body)
        if request.wantsAck { self.init(reply, .answer(errno: 0, to: request)) } else { self.init(reply) }
    }
}

extension NetlinkMessage {
    func reply(type: UInt16, flags: UInt16 = 0) -> NetlinkMessage {
        NetlinkMessage(type: type, flags: flags, sequence: sequence, port: port, payload: [])
    }

    /// A generic netlink answer of the same family.
    func reply(_ body: GenericMessage, flags: UInt16 = 0) -> NetlinkMessage {
        NetlinkMessage(type: type, flags: flags, sequence: sequence, port: port, payload: body.payload)
    }
}

/// Bytes cut into pieces.
public struct Chunks: Sequence, IteratorProtocol {
    private var rest: ArraySlice<UInt8>
    private let length: Int

    public init(_ bytes: [UInt8], length: Int = 8192) {
        rest = bytes[...]
        self.length = length
    }

    public mutating func next() -> [UInt8]? {
        guard !rest.isEmpty else { return nil }
        defer { rest = rest.dropFirst(length) }
        return Array(rest.prefix(length))
    }
}
