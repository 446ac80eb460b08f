internal import Admin
internal import CLinux
internal import LVS
internal import Linux
public import Runtime
public import SystemPackage

/// Memory that the keeper holds and lends to one director after the other. It never looks into it.
final class HeldMemory {
    private let file: HeldDescriptor
    private let state: HeldDescriptor
    /// What directors are told, and what they know.
    var descriptors: [Int32] { [file.number, state.number] }

    private static let names = ["memory", "state"]

    /// What this process goes on with when it becomes another program, by name.
    var legacy: [(name: String, descriptor: Int32)] { Array(zip(Self.names, descriptors)) }

    /// Goes on with what this process had as another program.
    init?(inheriting earlier: InheritedDescriptors) {
        let held = Self.names.compactMap { earlier.take($0) }
        guard held.count == 2 else { return nil }
        (file, state) = (held[0], held[1])
    }

    /// - Parameter connections: how many a director's table holds.
    init(connections: Int) throws(Errno) {
        let memory = svs_memory_new("svs journal", UInt64(Layout.size))
        try Errno.check(memory)
        file = HeldDescriptor(memory)
        let state = svs_memory_new("svs state", UInt64(StateMemory.size(connections: connections)))
        try Errno.check(state)
        self.state = HeldDescriptor(state)
    }

    /// Where things lie in it.
    fileprivate enum Layout {
        /// Whole pages.
        static let clients = (ClientTable.size + 4095) & ~4095
        /// Bytes for what a director is told; pages come into being when they are written.
        static let journal = 64 << 20
        static var size: Int { clients + journal }
    }
}

extension KeptMemory {
    /// Maps what a keeper has handed over, for as long as the process lives. The descriptors are closed.
    /// - Throws: `Errno` when it is no such memory.
    public init(adopting descriptor: Int32, state stateDescriptor: Int32) throws(Errno) {
        let stateFile = HeldDescriptor(stateDescriptor), stateSize = svs_memory_size(stateFile.number)
        guard stateSize > 0 else { throw .badFileDescriptor }
        var state: UnsafeMutableRawPointer?
        try Errno.check(svs_memory_map(stateFile.number, UInt64(stateSize), &state))
        let file = HeldDescriptor(descriptor)
        guard svs_memory_size(file.number) == HeldMemory.Layout.size else { throw .badFileDescriptor }
        var mapping: UnsafeMutableRawPointer?
        try Errno.check(svs_memory_map(file.number, UInt64(HeldMemory.Layout.size), &mapping))
        let whole = UnsafeMutableRawBufferPointer(start: mapping, count: HeldMemory.Layout.size)
        self.init(
            clients: .init(rebasing: whole[..<HeldMemory.Layout.clients]), journal: .init(rebasing: whole[HeldMemory.Layout.clients...]),
            state: UnsafeMutableRawBufferPointer(start: state, count: Int(stateSize)))
    }
}
