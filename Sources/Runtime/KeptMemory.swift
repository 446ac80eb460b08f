internal import CLinux
public import LVS
internal import Linux
internal import SystemPackage

/// Memory that outlives a director: whoever lends it lends the same to the next one. It is zero at first.
public struct KeptMemory {
    /// A part of it, and how memory is had before something is written there.
    public struct Part {
        public var memory: UnsafeMutableRawBufferPointer
        public var backing: MemoryBacking?

        public init(_ memory: UnsafeMutableRawBufferPointer, backing: MemoryBacking? = nil) {
            self.memory = memory
            self.backing = backing
        }
    }

    /// The control clients' table (`ClientTable`).
    public var clients: UnsafeMutableRawBufferPointer
    /// What the director was told (`Journal`).
    public var journal: Part
    /// The connections and what goes with them (`StateMemory`).
    public var state: Part
    /// A state of another layout, which is to be brought over.
    public var earlier: UnsafeMutableRawBufferPointer?
    /// 32 bytes by which whoever lends it tells machine, boot and network from others.
    public var place: [UInt8]

    public init(clients: UnsafeMutableRawBufferPointer, journal: Part, state: Part, earlier: UnsafeMutableRawBufferPointer?, place: [UInt8])
    {
        self.clients = clients
        self.journal = journal
        self.state = state
        self.earlier = earlier
        self.place = place
    }

    /// Why the state that is there could not be taken over by a director of this program; `nil` when it could, or when there is none.
    public func refusal(connections: Int) -> String? {
        do throws(StateRefusal) {
            _ = try existing(connections)
            return nil
        } catch { return error == .noState || error.isOtherLayout ? nil : "\(error)" }
    }

    /// The state for so many connections: what an earlier director left there, or a new one where that does not fit.
    /// - Parameter say: is told what does not fit.
    func stateMemory(connections: Int, say: @escaping (String) -> Void) throws -> StateMemory {
        state.backing?.refused = { say("warning: the memory for connections is full: no more of them are taken up") }
        journal.backing?.refused = { say("warning: the memory for commands is full: those that need more are refused") }
        if let backing = state.backing, !StateMemory.isBegun(backing, connections: connections) {
            throw RunError("there is no memory for the state of the director")
        }
        do throws(StateRefusal) { return try existing(connections) } catch {
            if error != .noState { say("connections are not taken over: \(error)") }
        }
        try clear(connections)
        if let earlier {
            defer { svs_memory_unmap(earlier.baseAddress, UInt64(earlier.count)) }
            do throws(StateRefusal) { return try convert(earlier, connections, say) } catch {
                say("connections are not taken over: \(error)")
                try clear(connections)
            }
        }
        var random = SystemRandomNumberGenerator()
        return StateMemory(fresh: state.memory, connections: connections, seed: random.next(), place: place, backing: state.backing)
    }

    private func existing(_ connections: Int) throws(StateRefusal) -> StateMemory {
        try StateMemory(existing: state.memory, connections: connections, place: place, backing: state.backing)
    }

    private func convert(_ earlier: UnsafeMutableRawBufferPointer, _ connections: Int, _ say: (String) -> Void) throws(StateRefusal)
        -> StateMemory
    {
        let lost = try StateMemory.convert(earlier, into: state.memory, connections: connections, place: place, backing: state.backing)
        if lost > 0 { say("not taken over: \(lost) connections find no room in a table of \(connections)") }
        return try existing(connections)
    }

    /// Makes the state's memory zero. What was asked for is asked for again.
    private func clear(_ connections: Int) throws {
        guard state.memory.count >= StateMemory.size(connections: connections) else { throw Errno.noMemory }
        try Errno.check(svs_memory_clear(state.memory.baseAddress, UInt64(state.memory.count)))
        guard let backing = state.backing else { return }
        backing.forget()
        guard StateMemory.isBegun(backing, connections: connections) else {
            throw RunError("there is no memory for the state of the director")
        }
    }
}
