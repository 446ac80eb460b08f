import Admin
import LVS
import Replay
import SystemPackage

/// The director as the control server asks it.
struct ControlledDirector: ~Copyable, ControlTarget {
    var director: Director
    /// How the director was started, in the words of a case's `run` file.
    var start = ""
    /// Which programs run, and how the last upgrade went.
    var versions = ""
    /// Names of the interfaces that frames are taken from.
    var interfaces: [String] = []
    /// The files of rules that mark packets, by the name of a case's file.
    var marks: [String: String] = [:]
    /// The host's own netfilter rules.
    var rules = HostRulesInForce()
    /// What is being recorded for `svs record`.
    var recording: LiveRecording? { didSet { director.pausesCarrying = recording != nil } }
    /// The client that it is made for.
    private var recorder: Int32 = -1
    /// Where is written down what the next director is to be told.
    var journal: JournalRecorder?
    /// Says what clients have done, where that is wanted.
    var commandLog: CommandLog?
    /// What is looked at beside the engine.
    var watch = DirectorWatch()
    /// Connections and templates that an earlier director left.
    var carried = 0
    /// What the files said when they were last read.
    var noted = RunFiles.State()
    /// Switches that clients have set since the files were last read that say something about them.
    var switchesSet: [String: String] = [:]
    /// A command was carried out since this was last reset.
    var hasChanged = false
    /// Another thread is at work: a copy of the process would hold its locks for ever.
    var mayFork = true

    /// Nanoseconds of the thread's processor time that a step of a long command takes.
    private static let turn: UInt64 = 500_000

    init(_ director: consuming Director) { self.director = director }

    mutating func apply(_ command: Command) throws(CommandError) { try carryOut(command, nil) }

    mutating func apply(_ command: Command, promising promise: JournalRecord.KeptAnswer) throws(CommandError) {
        try carryOut(command, promise)
    }

    /// A flush is the removal of every service, which goes in steps: none of them holds the frames for long.
    mutating func shorten(_ command: Command) -> Bool {
        guard case .flush = command else { return true }
        let end = ControlSteps.clock + Self.turn
        while let service = director.newestService {
            guard (try? carryOut(.deleteService(service), nil)) != nil else { return true }
            guard ControlSteps.clock < end else { return director.serviceCount == 0 }
        }
        return true
    }

    private mutating func carryOut(_ command: Command, _ promise: JournalRecord.KeptAnswer?) throws(CommandError) {
        let pending = try journal?.prepare(command, promise, in: director)
        try director.apply(command)
        if let journal, let pending { journal.write(pending, in: director) }
        recording?.pieces.changed(command)
        hasChanged = true
    }

    func promised(to request: RequestNumber) -> [UInt8]? { journal?.promised(to: request) }
    func settled(_ request: RequestNumber) { journal?.settled(request) }

    func inventory() -> Inventory { director.inventory() }
    func summary() -> Inventory { director.summary() }
    func services(from place: InventoryPlace) -> InventoryPage { director.services(from: place, limit: 256) }
    func service(_ key: ServiceKey) -> ServiceRecord? { director.record(of: key) }
    func service(shownAs key: ServiceKey) -> ServiceRecord? { director.record(shownAs: key) }
    func connections() -> [ConnectionRecord] { director.connectionRecords() }

    func connections(from place: Int) -> ConnectionPage {
        let places = director.connectionPlaces, end = min(place + 256, places)
        return ConnectionPage(records: director.connectionRecords(place..<max(end, place)), next: end < places ? end : nil)
    }

    mutating func answer(_ question: ControlQuestion, from client: Int32) throws(AskError) -> ControlReply {
        switch question {
        case .verdictCounters:
            director.accountCarried()
            return .text(DirectorText.counters(director))
        case .virtualAddresses:
            return .text(director.virtualAddresses().map { "\($0.address) \($0.holder.rawValue)\n" }.joined())
        case .start: return .text(start)
        case .versions: return .text(versions)
        case .switches: return .text(DirectorText.switches(director))
        case .explain(let packet, let form):
            try checkFork()
            return .text(try LiveExplanation.answer(packet, form, &director, interfaces: interfaces))
        case .startRecording(let request):
            try checkFork()
            let start = try startRecording(request)
            commandLog?.note("svs record", from: client)
            recorder = client
            return .recordingStart(start)
        case .recorded: return .chunk(try running().fetch())
        case .recordedConnections: return .chunk(try running().fetchConnections())
        case .status: return .status(status())
        case .loads(let place):
            if place == 0 { director.accountCarried() }
            return .loads(director.loads(from: place))
        case .setSwitch(let name, let value):
            try setSwitch(name, to: value)
            commandLog?.note("svs set \(name) \(value)", from: client)
            return .text("")
        case .resetConnections(let words):
            try resetConnections(words)
            commandLog?.note("svs drain --reset \(words)", from: client)
            return .text("")
        case .endRecording:
            let ended = try running().end(director)
            recording = nil
            return .recordingEnd(ended)
        }
    }

    /// A recording ends with the process that makes it.
    mutating func clientLeft(_ client: Int32) {
        guard client == recorder else { return }
        recording = nil
        recorder = -1
    }

    private func checkFork() throws(AskError) {
        guard mayFork else { throw AskError(.resourceTemporarilyUnavailable, "the director is reading its files; ask again in a moment") }
    }

    private func running() throws(AskError) -> LiveRecording {
        guard let recording else { throw AskError(.noSuchProcess, "nothing is being recorded any more") }
        return recording
    }
}
