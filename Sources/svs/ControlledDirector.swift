import Admin
import Glibc
import LVS
import Replay

/// The director as the control server asks it.
struct ControlledDirector: ~Copyable, ControlTarget {
    var director: Director
    /// How the director was started, in the words of a case's `run` file.
    var start = ""
    /// Names of the interfaces that frames are taken from.
    var interfaces: [String] = []
    /// The rules that mark packets, by the name of a case's file; `nil` where they are in no form that has a file.
    var marks: [String: String?] = [:]
    /// What is being recorded for `svs record`.
    var recording: LiveRecording?
    /// A command was carried out since this was last reset.
    var hasChanged = false

    init(_ director: consuming Director) { self.director = director }

    mutating func apply(_ command: Command) throws(CommandError) {
        try director.apply(command)
        recording?.pieces.changed(command)
        hasChanged = true
    }

    func inventory() -> Inventory { director.inventory() }
    func summary() -> Inventory { director.summary() }
    func service(_ key: ServiceKey) -> ServiceRecord? { director.record(of: key) }
    func connections() -> [ConnectionRecord] { director.connectionRecords() }

    mutating func ask(_ name: String, _ payload: [UInt8]) throws(AskError) -> [UInt8] {
        switch name {
        case "tally":
            return Array(director.verdicts.all.map { "\($0.verdict.name) \($0.frames)\n" }.joined().utf8)
        case "start": return Array(start.utf8)
        case "sysctl": return Array(DirectorText.switches(director).utf8)
        case "record": return try startRecording(payload)
        case "recorded", "recorded-connections", "record-end":
            guard let recording else { throw AskError(errno: ESRCH, "nothing is being recorded any more") }
            if name == "recorded" { return recording.fetch() }
            if name == "recorded-connections" { return recording.fetchConnections() }
            self.recording = nil
            return recording.last(director)
        case "explain": return try LiveExplanation.answer(payload, &director, interfaces: interfaces)
        default:
            throw .unknown(name)
        }
    }
}
