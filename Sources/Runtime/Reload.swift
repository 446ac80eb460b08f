import Admin
import LVS
import Linux
import Replay
import SystemPackage

/// Something that is read again on a thread of its own, so that no frame waits for a disk, a long file or a command; what it
/// says is applied between two batches.
final class Reload<Value> {
    private let read: @Sendable () throws(FileError) -> Value
    private let task: BackgroundTask<Result<Value, FileError>>
    /// Somebody asked once more while a reading was under way.
    private var isWantedAgain = false

    init(_ read: @escaping @Sendable () throws(FileError) -> Value) throws(Errno) {
        self.read = read
        task = try BackgroundTask()
    }

    /// Readable when a reading is finished.
    var descriptor: Int32 { task.descriptor }

    var isUnderWay: Bool { task.isUnderWay }

    /// Begins to read, or has it done once more when that is under way.
    func begin() throws(Errno) {
        guard !task.isUnderWay else { return isWantedAgain = true }
        let read = read
        try task.begin { Result { () throws(FileError) in try read() } }
    }

    /// What a finished reading has found; `nil` when none is finished, or when it is begun once more.
    func finish() throws(Errno) -> Result<Value, FileError>? {
        guard let result = task.finish() else { return nil }
        guard isWantedAgain else { return result }
        isWantedAgain = false
        try begin()
        return nil
    }
}

extension Reload where Value == RunFiles.State {
    /// The director's files, read and rehearsed.
    convenience init(_ files: RunFiles, since plan: PlanInForce) throws(Errno) {
        try self.init { () throws(FileError) in
            var state = try files.read()
            plan.compare(&state)
            return state
        }
    }
}

extension RunFiles.State {
    /// Takes the place of `old` in a director: what differs between the two is applied, what others have added stays.
    /// - Parameter refused: is told of each command that the director, as it stands now, does not carry out.
    /// - Returns: the number of commands.
    func apply(to engine: inout ControlledDirector, since old: RunFiles.State, refused: (Command, CommandError) -> Void) -> Int {
        let commands = begin(in: &engine, since: old)
        for command in commands {
            do throws(CommandError) { try engine.apply(command) } catch { refused(command, error) }
        }
        return commands.count
    }

    /// Sets what is no command.
    /// - Returns: the commands that are to follow.
    func begin(in engine: inout ControlledDirector, since old: RunFiles.State) -> [Command] {
        engine.takeSwitches(tunables, since: old.tunables)
        setRules(in: &engine)
        engine.recording?.pieces.stop("the director read its files again")
        return commands(since: old)
    }

    /// Sets what is no command: switches and marks.
    func set(in engine: inout ControlledDirector) {
        engine.director.tunables = tunables
        setRules(in: &engine)
    }

    private func setRules(in engine: inout ControlledDirector) {
        engine.director.marks4 = marks4
        engine.director.marks6 = marks6
        engine.marks = markTexts
        engine.rules = rules
        rules.set(in: &engine.director)
    }
}
