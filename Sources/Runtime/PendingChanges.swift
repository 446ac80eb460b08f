import Admin
import LVS

/// What the files that were read again change in a director, carried out a few commands at a time: a frame waits for no more
/// than those.
struct PendingChanges {
    let fresh: RunFiles.State
    private var rest: ArraySlice<Command>
    /// Commands in all.
    let count: Int
    /// Nanoseconds of the thread's processor time that a turn takes.
    private static let turn: UInt64 = 500_000

    /// Sets switches and marks; commands wait.
    init(to fresh: RunFiles.State, since old: RunFiles.State, in engine: inout ControlledDirector) {
        self.fresh = fresh
        rest = fresh.begin(in: &engine, since: old)[...]
        count = rest.count
    }

    /// - Parameter refused: is told of each command that the director, as it stands now, does not carry out.
    /// - Returns: whether all is done.
    mutating func carryOut(on engine: inout ControlledDirector, refused: (Command, CommandError) -> Void) -> Bool {
        engine.director.settlesLater = true
        defer { engine.director.settlesLater = false }
        let end = ControlSteps.clock + Self.turn
        repeat {
            guard let command = rest.popFirst() else { return true }
            do throws(CommandError) { try engine.apply(command) } catch { refused(command, error) }
        } while ControlSteps.clock < end
        return rest.isEmpty
    }
}
