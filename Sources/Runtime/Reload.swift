import Admin
import LVS
import Linux
import Replay
import SystemPackage

/// Something that is read again on a thread of its own, so that no frame waits for a disk, a long file or a command; what it
/// says is applied between two batches.
final class Reload<Value> {
    private let read: @Sendable () throws(FileError) -> Value
    private let finished: Wakeup
    private var reading: Reading?
    /// Somebody asked once more while a reading was under way.
    private var isWantedAgain = false

    /// What the thread works on. It alone touches `result` until it has raised `finished`.
    private final class Reading: @unchecked Sendable {
        var thread: BackgroundThread?
        var result: Result<Value, FileError> = .failure(FileError(file: "svs", text: "nothing was read"))
    }

    init(_ read: @escaping @Sendable () throws(FileError) -> Value) throws(Errno) {
        self.read = read
        finished = try Wakeup()
    }

    /// A reading that has not ended, of a pipe for example, is left to itself.
    deinit { reading?.thread?.detach() }

    /// Readable when a reading is finished.
    var descriptor: Int32 { finished.descriptor }

    var isUnderWay: Bool { reading != nil }

    /// Begins to read, or has it done once more when that is under way.
    func begin() throws(Errno) {
        guard reading == nil else { return isWantedAgain = true }
        let begun = Reading()
        let read = read, finished = finished
        begun.thread = try BackgroundThread {
            do throws(FileError) { begun.result = .success(try read()) } catch { begun.result = .failure(error) }
            finished.raise()
        }
        reading = begun
    }

    /// What a finished reading has found; `nil` when none is finished, or when it is begun once more.
    func finish() throws(Errno) -> Result<Value, FileError>? {
        finished.clear()
        guard let ended = reading else { return nil }
        ended.thread?.join()
        reading = nil
        guard isWantedAgain else { return ended.result }
        isWantedAgain = false
        try begin()
        return nil
    }
}

extension Reload where Value == RunFiles.State {
    /// The director's files, read and rehearsed.
    convenience init(_ files: RunFiles) throws(Errno) { try self.init { () throws(FileError) in try files.read() } }
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
        return plan.changes(from: old.plan) + (timeouts == old.timeouts ? [] : timeouts)
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
