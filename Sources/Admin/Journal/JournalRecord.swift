public import LVS

/// What an entry of the journal says.
public enum JournalRecord: Hashable, Sendable {
    /// A command that was carried out, with the answer that a client was promised for it.
    case command(Command, KeptAnswer?)
    /// An answer alone, of a command that left nothing to restore or that a fresh text has behind it.
    case answer(KeptAnswer)
    /// The files as they were last read follow, so many pieces of them.
    case files(count: UInt32)
    /// One piece of a file: pieces of one name belong together in their order.
    case piece(name: String, bytes: [UInt8])

    /// The answer to one request of a client.
    public struct KeptAnswer: Hashable, Sendable {
        public var request: RequestNumber
        /// The packet; empty when the client wanted none.
        public var packet: [UInt8]

        public init(request: RequestNumber, packet: [UInt8]) {
            self.request = request
            self.packet = packet
        }
    }

    private enum Kind {
        static let command: UInt32 = 1, answer: UInt32 = 2, files: UInt32 = 3, piece: UInt32 = 4
    }

    /// As the journal has it: a command as the control socket carries it. `nil` for one that this has no room for
    /// (`ControlConstants.maximumRanges`).
    public var entry: Journal.Entry? {
        var out = FieldWriter()
        switch self {
        case .command(let command, let answer):
            guard let message = try? NetlinkCodec.message(for: command) else { return nil }
            Self.write(answer, to: &out)
            out.put(message.payload)
            return Journal.Entry(kind: Kind.command, bytes: out.bytes)
        case .answer(let answer):
            Self.write(answer, to: &out)
            return Journal.Entry(kind: Kind.answer, bytes: out.bytes)
        case .files(let count):
            out.put(count)
            return Journal.Entry(kind: Kind.files, bytes: out.bytes)
        case .piece(let name, let bytes):
            out.put(name)
            out.put(bytes)
            return Journal.Entry(kind: Kind.piece, bytes: out.bytes)
        }
    }

    /// `nil` for what is no entry of this version.
    public init?(_ entry: Journal.Entry) {
        var fields = FieldReader(entry.bytes)
        switch entry.kind {
        case Kind.command:
            guard let answer = Self.answer(&fields), let payload = fields.bytes(), let message = GenericMessage(payload),
                case .change(let draft)? = try? NetlinkCodec.request(message, isDump: false)
            else { return nil }
            self = .command(draft.command, answer.ifAny)
        case Kind.answer:
            guard let answer = Self.answer(&fields)?.ifAny else { return nil }
            self = .answer(answer)
        case Kind.files:
            guard let count = fields.number(UInt32.self) else { return nil }
            self = .files(count: count)
        case Kind.piece:
            guard let name = fields.text(), let bytes = fields.bytes() else { return nil }
            self = .piece(name: name, bytes: bytes)
        default: return nil
        }
        guard fields.isAtEnd else { return nil }
    }

    private static func write(_ answer: KeptAnswer?, to out: inout FieldWriter) {
        out.put(answer?.request.client ?? 0)
        out.put(answer?.request.number ?? 0)
        out.put(answer?.packet ?? [])
    }

    private static func answer(_ fields: inout FieldReader) -> KeptAnswer? {
        guard let client: UInt64 = fields.number(), let number: UInt64 = fields.number(), let packet = fields.bytes() else {
            return nil
        }
        return KeptAnswer(request: RequestNumber(client: client, number: number), packet: packet)
    }
}

extension JournalRecord.KeptAnswer {
    /// Requests are numbered from 1: 0 stands for no answer.
    fileprivate var ifAny: Self? { request.number == 0 ? nil : self }
}

/// The how manieth request of which client; a client is named by a number that no other one has or had.
public struct RequestNumber: Hashable, Sendable {
    public var client: UInt64
    /// From 1.
    public var number: UInt64

    public init(client: UInt64, number: UInt64) {
        self.client = client
        self.number = number
    }
}
