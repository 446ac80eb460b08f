public import SystemPackage

/// What is asked of a running director beyond what the kernel's interface has words for.
///
/// It travels as a version, a kind and the fields of that kind (`FieldWriter`). A director answers its own version only: who
/// asks and who answers are of one release, and what does not fit is refused in words.
public enum ControlQuestion: Hashable, Sendable {
    /// Frames by verdict so far, a line each.
    case verdictCounters
    /// How the director was started, in the words of a case's `run` file.
    case start
    /// The switches in force, as sysctl.conf has them.
    case switches
    /// What would happen now to a packet, described in words.
    case explain(packet: String, ExplanationForm)
    case startRecording(RecordingRequest)
    /// What was taken down since this was last asked.
    case recorded
    /// The next piece of the connections that there were when the recording began.
    case recordedConnections
    case endRecording
    /// Every virtual address and who has it, a line each: `ADDRESS host`, `ADDRESS director` or `ADDRESS nobody`.
    case virtualAddresses
    /// What the director says of itself.
    case status
    /// What services and servers carry, the part that begins at a place; 0 is the first.
    case loads(from: UInt32)
    /// A switch gets another value, as `sysctl -w` does it; until the director's files say otherwise.
    case setSwitch(name: String, value: String)
    /// What a server without weight still has ends with its next packet. The server as ipvsadm names it: `-t 192.0.2.1:80 -r 10.0.0.2:80`.
    case resetConnections(String)
    /// Which programs run, and how the last upgrade went, a line each.
    case versions

    public enum ExplanationForm: UInt8, Hashable, Sendable { case text, json }

    /// Of what a recording is made.
    public struct RecordingRequest: Hashable, Sendable {
        /// Clients (`ADDRESS[/LENGTH]`) and services (`ADDRESS[:PORT]`) whose packets are kept; all, when empty.
        public var clients: [String]
        public var services: [String]
        /// Names of the interfaces whose frames are kept; all of the director's, when empty.
        public var interfaces: [String]

        public init(clients: [String] = [], services: [String] = [], interfaces: [String] = []) {
            self.clients = clients
            self.services = services
            self.interfaces = interfaces
        }
    }

    /// Of questions and replies alike; raised whenever the fields of one change.
    public static var version: UInt16 { 1 }

    private var kind: UInt16 {
        switch self {
        case .verdictCounters: 1
        case .start: 2
        case .switches: 3
        case .explain: 4
        case .startRecording: 5
        case .recorded: 6
        case .recordedConnections: 7
        case .endRecording: 8
        case .virtualAddresses: 9
        case .status: 20
        case .setSwitch: 21
        case .loads: 22
        case .resetConnections: 23
        case .versions: 10
        }
    }

    public var bytes: [UInt8] {
        var out = FieldWriter()
        out.put(Self.version)
        out.put(kind)
        switch self {
        case .explain(let packet, let form):
            out.put(form.rawValue)
            out.put(packet)
        case .startRecording(let request):
            for list in [request.clients, request.services, request.interfaces] { out.put(list) { $0.put($1) } }
        case .setSwitch(let name, let value):
            out.put(name)
            out.put(value)
        case .loads(let place): out.put(place)
        case .resetConnections(let words): out.put(words)
        case .verdictCounters, .start, .switches, .recorded, .recordedConnections, .endRecording, .virtualAddresses, .status, .versions:
            break
        }
        return out.bytes
    }

    /// - Throws: `AskError` that says what is not understood: the version (EPROTONOSUPPORT), the question (EOPNOTSUPP), its fields
    ///   (EINVAL).
    public init(_ bytes: [UInt8]) throws(AskError) {
        var fields = FieldReader(bytes)
        guard let version = fields.number(UInt16.self), let kind = fields.number(UInt16.self) else {
            throw AskError("a question without a kind")
        }
        guard version == Self.version else {
            throw AskError(
                .protocolNotSupported,
                "svs run answers questions of version \(Self.version), not \(version): ask with an svs of the same release")
        }
        switch kind {
        case 1: self = .verdictCounters
        case 2: self = .start
        case 3: self = .switches
        case 4:
            guard let form = fields.number(UInt8.self).flatMap({ ExplanationForm(rawValue: $0) }), let packet = fields.text() else {
                throw .malformed(kind)
            }
            self = .explain(packet: packet, form)
        case 5:
            var request = RecordingRequest()
            guard let clients = fields.list({ $0.text() }), let services = fields.list({ $0.text() }),
                let interfaces = fields.list({ $0.text() })
            else { throw .malformed(kind) }
            (request.clients, request.services, request.interfaces) = (clients, services, interfaces)
            self = .startRecording(request)
        case 6: self = .recorded
        case 7: self = .recordedConnections
        case 8: self = .endRecording
        case 9: self = .virtualAddresses
        case 20: self = .status
        case 21:
            guard let name = fields.text(), let value = fields.text() else { throw .malformed(kind) }
            self = .setSwitch(name: name, value: value)
        case 22:
            guard let place = fields.number(UInt32.self) else { throw .malformed(kind) }
            self = .loads(from: place)
        case 23:
            guard let words = fields.text() else { throw .malformed(kind) }
            self = .resetConnections(words)
        case 10: self = .versions
        default: throw .unknown("\(kind)")
        }
        guard fields.isAtEnd else { throw .malformed(kind) }
    }
}

/// Why a question was not answered.
public struct AskError: Error, Hashable, Sendable, CustomStringConvertible {
    /// Linux errno, positive.
    public var errno: Int32
    public var message: String

    public init(_ errno: Errno, _ message: String) {
        self.errno = errno.rawValue
        self.message = message
    }

    /// The question itself is bad (EINVAL).
    public init(_ message: String) { self.init(.invalidArgument, message) }

    public static func unknown(_ name: String) -> AskError { AskError(.notSupported, "svs run knows no question '\(name)'") }
    static func malformed(_ kind: UInt16) -> AskError {
        AskError("question \(kind): its fields are not those of version \(ControlQuestion.version)")
    }

    public var description: String { message }
}
