public import LVS

/// What comes back for a `ControlQuestion`, in the same manner of writing.
public enum ControlReply: Hashable, Sendable {
    /// Lines of text.
    case text(String)
    case recordingStart(RecordingStart)
    case chunk(Chunk)
    case recordingEnd(RecordingEnd)
    case status(DirectorStatus)
    case loads(LoadPage)

    /// What a case is made of when its recording begins.
    public struct RecordingStart: Hashable, Sendable {
        public struct File: Hashable, Sendable {
            public var name: String
            public var text: String
            public init(name: String, text: String) {
                self.name = name
                self.text = text
            }
        }

        public struct Interface: Hashable, Sendable {
            public var index: Int32
            public var name: String
            public init(index: Int32, name: String) {
                self.index = index
                self.name = name
            }
        }

        /// The case's files.
        public var files: [File]
        /// The host's interfaces.
        public var interfaces: [Interface]
        /// Names of those that the director takes frames from.
        public var taken: [String]

        public init(files: [File], interfaces: [Interface], taken: [String]) {
            self.files = files
            self.interfaces = interfaces
            self.taken = taken
        }
    }

    /// A piece of something that is fetched bit by bit.
    public struct Chunk: Hashable, Sendable {
        public var hasMore: Bool
        public var bytes: [UInt8]
        public init(hasMore: Bool, bytes: [UInt8]) {
            self.hasMore = hasMore
            self.bytes = bytes
        }
    }

    /// What is known when a recording ends.
    public struct RecordingEnd: Hashable, Sendable {
        /// The network, with the neighbours that became known meanwhile, as a case's file.
        public var network: String
        /// Why the recording ended by itself; empty when it did not.
        public var reason: String
        /// Frames of the director's own host, which a case has no place for.
        public var ownFrames: Int
        public init(network: String, reason: String, ownFrames: Int) {
            self.network = network
            self.reason = reason
            self.ownFrames = ownFrames
        }
    }

    /// All of it, in pieces that are made when they are wanted.
    public var pieces: AnySequence<[UInt8]> {
        guard case .status(let status) = self else { return AnySequence(CollectionOfOne(bytes)) }
        var out = FieldWriter()
        out.put(ControlQuestion.version)
        out.put(Kind.status)
        let head = CollectionOfOne(out.bytes)
        return AnySequence([AnySequence(head), AnySequence(status.pieces)].lazy.joined())
    }

    private enum Kind { static let status: UInt16 = 20 }

    public var bytes: [UInt8] {
        var out = FieldWriter()
        out.put(ControlQuestion.version)
        switch self {
        case .text(let text):
            out.put(UInt16(1))
            out.put(text)
        case .recordingStart(let start):
            out.put(UInt16(2))
            out.put(start.files) {
                $0.put($1.name); $0.put($1.text)
            }
            out.put(start.interfaces) {
                $0.put($1.index); $0.put($1.name)
            }
            out.put(start.taken) { $0.put($1) }
        case .chunk(let chunk):
            out.put(UInt16(3))
            out.put(chunk.hasMore)
            out.put(chunk.bytes)
        case .recordingEnd(let end):
            out.put(UInt16(4))
            out.put(end.network)
            out.put(end.reason)
            out.put(UInt64(end.ownFrames))
        case .status(let status):
            out.put(Kind.status)
            status.write(to: &out)
        case .loads(let page):
            out.put(UInt16(22))
            page.write(to: &out)
        }
        return out.bytes
    }

    /// `nil` for what no director of this version says.
    public init?(_ bytes: [UInt8]) {
        var fields = FieldReader(bytes)
        guard fields.number(UInt16.self) == ControlQuestion.version, let kind = fields.number(UInt16.self) else { return nil }
        switch kind {
        case 1:
            guard let text = fields.text() else { return nil }
            self = .text(text)
        case 2:
            let files = fields.list { fields in
                fields.text().flatMap { name in fields.text().map { RecordingStart.File(name: name, text: $0) } }
            }
            let interfaces = fields.list { fields in
                fields.number(Int32.self).flatMap { index in fields.text().map { RecordingStart.Interface(index: index, name: $0) } }
            }
            guard let files, let interfaces, let taken = fields.list({ $0.text() }) else { return nil }
            self = .recordingStart(RecordingStart(files: files, interfaces: interfaces, taken: taken))
        case 3:
            guard let hasMore = fields.flag(), let bytes = fields.bytes() else { return nil }
            self = .chunk(Chunk(hasMore: hasMore, bytes: bytes))
        case 4:
            guard let network = fields.text(), let reason = fields.text(),
                let own = fields.number(UInt64.self).flatMap({ Int(exactly: $0) })
            else { return nil }
            self = .recordingEnd(RecordingEnd(network: network, reason: reason, ownFrames: own))
        case Kind.status:
            guard let status = DirectorStatus(&fields) else { return nil }
            self = .status(status)
        case 22:
            guard let page = LoadPage(&fields) else { return nil }
            self = .loads(page)
        default: return nil
        }
        guard fields.isAtEnd else { return nil }
    }
}
