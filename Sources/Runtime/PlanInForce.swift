import Admin
import LVS
import Synchronization

/// The services of the files as they stand in the director, for the thread that reads them anew: what has changed is found out
/// there, while frames go on.
final class PlanInForce: Sendable {
    private let plan = Mutex<(number: UInt64, plan: ServicePlan, pieces: [Journal.Entry])>((0, ServicePlan(), []))
    private let last = Atomic<UInt64>(0)

    /// What was read takes the place of what was there.
    func put(_ state: RunFiles.State) { plan.withLock { $0 = (state.number, state.plan, state.pieces ?? []) } }

    /// Gives a reading its number, the commands that lead to it and what the journal is to have of it.
    func compare(_ state: inout RunFiles.State) {
        let (number, plan, before) = plan.withLock { $0 }
        state.number = last.add(1, ordering: .relaxed).newValue
        // What says the same as before is the same memory: to compare it costs the engine's thread nothing.
        state.pieces = JournalRecorder.pieces(of: state.texts).enumerated().map { place, piece in
            before.indices.contains(place) && before[place] == piece ? before[place] : piece
        }
        state.changes = (number, state.plan.changes(from: plan))
    }
}

extension RunFiles.State {
    /// The commands that lead from what was read before to this.
    func commands(since old: RunFiles.State) -> [Command] {
        let known = changes?.since == old.number ? changes?.commands : nil
        return (known ?? plan.changes(from: old.plan)) + (timeouts == old.timeouts ? [] : timeouts)
    }
}
