import Admin
import Glibc
import LVS
import Linux
import Replay
import SystemPackage

/// The director's files, read and rehearsed again on a thread of its own, so that no frame waits for a disk or for a long
/// file; what they say is applied between two batches.
final class Reload {
    private let files: RunFiles
    private let finished: Wakeup
    private var reading: ReadingThread?
    /// Somebody asked once more while a reading was under way.
    private var isWantedAgain = false

    /// What the thread works on. It alone touches `result` until it has raised `finished`.
    private final class ReadingThread: @unchecked Sendable {
        let files: RunFiles
        let finished: Wakeup
        var thread = pthread_t()
        var result: Result<RunFiles.State, FileError> = .failure(FileError(file: "svs", text: "nothing was read"))

        init(_ files: RunFiles, _ finished: Wakeup) {
            self.files = files
            self.finished = finished
        }

        func read() {
            do throws(FileError) { result = .success(try files.read()) } catch { result = .failure(error) }
            finished.raise()
        }
    }

    init(_ files: RunFiles) throws(Errno) {
        self.files = files
        finished = try Wakeup()
    }

    /// A reading that has not ended, of a pipe for example, is left to itself.
    deinit { if let reading { pthread_detach(reading.thread) } }

    /// Readable when a reading is finished.
    var descriptor: Int32 { finished.descriptor }

    var isUnderWay: Bool { reading != nil }

    /// Begins to read, or has it done once more when that is under way.
    func begin() throws(Errno) {
        guard reading == nil else { return isWantedAgain = true }
        let begun = ReadingThread(files, finished)
        let context = Unmanaged.passRetained(begun)
        let failure = pthread_create(
            &begun.thread, nil,
            { context in
                if let context { Unmanaged<ReadingThread>.fromOpaque(context).takeRetainedValue().read() }
                return nil
            }, context.toOpaque())
        guard failure == 0 else {
            context.release()
            throw Errno(rawValue: failure)
        }
        reading = begun
    }

    /// What a finished reading has found; `nil` when none is finished, or when it is begun once more.
    func finish() throws(Errno) -> Result<RunFiles.State, FileError>? {
        finished.clear()
        guard let ended = reading else { return nil }
        pthread_join(ended.thread, nil)
        reading = nil
        guard isWantedAgain else { return ended.result }
        isWantedAgain = false
        try begin()
        return nil
    }
}

extension RunFiles.State {
    /// Takes the place of `old` in a director: what differs between the two is applied, what others have added stays.
    /// - Parameter refused: is told of each command that the director, as it stands now, does not carry out.
    /// - Returns: the number of commands.
    func apply(to engine: inout ControlledDirector, since old: RunFiles.State, refused: (Command, CommandError) -> Void) -> Int {
        set(in: &engine)
        engine.recording?.pieces.stop("the director read its files again")
        let commands = plan.changes(from: old.plan) + (timeouts == old.timeouts ? [] : timeouts)
        for command in commands {
            do throws(CommandError) { try engine.apply(command) } catch { refused(command, error) }
        }
        return commands.count
    }

    /// Sets what is no command: switches and marks.
    func set(in engine: inout ControlledDirector) {
        engine.director.tunables = tunables
        engine.director.marks4 = marks4
        engine.director.marks6 = marks6
        engine.marks = markTexts
    }
}
