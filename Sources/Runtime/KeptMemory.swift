internal import CLinux
internal import LVS
internal import Linux
internal import SystemPackage

/// Memory that outlives a director: whoever lends it lends the same to the next one. It is zero at first.
public struct KeptMemory {
    /// The control clients' table (`ClientTable`).
    public var clients: UnsafeMutableRawBufferPointer
    /// What the director was told (`Journal`).
    public var journal: UnsafeMutableRawBufferPointer

    /// The connections and what goes with them (`StateMemory`).
    public var state: UnsafeMutableRawBufferPointer

    /// 32 bytes by which whoever lends it tells machine, boot and network from others.
    public var place: [UInt8]

    public init(
        clients: UnsafeMutableRawBufferPointer, journal: UnsafeMutableRawBufferPointer, state: UnsafeMutableRawBufferPointer, place: [UInt8]
    ) {
        self.place = place
        self.clients = clients
        self.journal = journal
        self.state = state
    }

    /// Why the state that is there could not be taken over by a director of this program; `nil` when it could, or when there is none.
    public func refusal(connections: Int) -> String? {
        do throws(StateRefusal) {
            _ = try StateMemory(existing: state, connections: connections, place: place)
            return nil
        } catch { return error == .noState ? nil : "\(error)" }
    }

    /// The state for so many connections: what an earlier director left there, or a new one where that does not fit.
    /// - Parameter say: is told what does not fit.
    func stateMemory(connections: Int, say: (String) -> Void) throws(Errno) -> StateMemory {
        do throws(StateRefusal) { return try StateMemory(existing: state, connections: connections, place: place) } catch {
            if error != .noState { say("connections are not taken over: \(error)") }
        }
        guard state.count >= StateMemory.size(connections: connections) else { throw .noMemory }
        try Errno.check(svs_memory_clear(state.baseAddress, UInt64(state.count)))
        var random = SystemRandomNumberGenerator()
        return StateMemory(fresh: state, connections: connections, seed: random.next(), place: place)
    }
}
