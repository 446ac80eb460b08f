internal import Admin
internal import CLinux
internal import Glibc
internal import LVS
internal import Linux
public import Runtime
public import SystemPackage

/// Memory that the keeper holds and lends to one director after the other: files of a folder, which the next keeper finds, or
/// memory without a name, which ends with this one. It looks at the beginnings of both, to see whose they are, and no further.
final class HeldMemory {
    let folder: StateFolder?
    private let connections: Int
    /// Machine, boot and network that it belongs to.
    private let place: [UInt8]
    private let log: Log
    private var journal: HeldDescriptor
    private var state: HeldDescriptor
    /// Nothing was in it.
    private(set) var isNew: Bool

    private static let names = ["memory", "state"]

    /// What this process goes on with when it becomes another program, by name.
    var legacy: [(name: String, descriptor: Int32)] {
        folder.map { [(StateFolder.lockName, $0.lock.number)] } ?? Array(zip(Self.names, descriptors))
    }

    /// Goes on with memory without a name that this process had as another program; `nil` when it had none.
    init?(inheriting earlier: InheritedDescriptors, connections: Int, place: [UInt8], log: Log) {
        let held = Self.names.compactMap { earlier.take($0) }
        guard held.count == 2 else { return nil }
        (folder, self.connections, self.place, self.log, isNew) = (nil, connections, place, log, false)
        (journal, state) = (held[0], held[1])
    }

    /// What directors are told, what they know, and what must not be free as long as they live.
    var descriptors: [Int32] { [journal.number, state.number, (folder?.lock ?? journal).number] }

    /// - Parameters:
    ///   - connections: how many a director's table holds.
    ///   - isFresh: what is there is not wanted.
    init(in folder: StateFolder?, connections: Int, place: [UInt8], isFresh: Bool = false, log: Log) throws(RunError) {
        (self.folder, self.connections, self.place, self.log) = (folder, connections, place, log)
        let stateSize = StateMemory.size(connections: connections)
        guard let folder else {
            isNew = true
            do throws(Errno) {
                journal = try Self.unnamed("svs journal", KeptHeader.standard.size)
                state = try Self.unnamed("svs state", stateSize)
            } catch { throw RunError("memory for the director: \(error)") }
            try KeptHeader.standard.write(to: journal, place, "memory for the director")
            return
        }
        if isFresh { for file in StateFolder.File.allCases { folder.remove(file) } }
        journal = try folder.open(.journal)
        if let fault = KeptHeader.fault(of: journal, place) {
            log.say("\(folder.setAside(.journal)): set aside, because \(fault)")
            journal = try folder.open(.journal)
        }
        isNew = svs_memory_size(journal.number) == 0
        if isNew { try KeptHeader.standard.write(to: journal, place, "\(folder.path)/journal") }
        state = try folder.open(.connections)
        if let refusal = Self.refusal(of: state, connections, place) {
            log.say("\(folder.setAside(.connections)): set aside, because \(refusal)")
            state = try folder.open(.connections)
        }
        if svs_memory_size(state.number) == 0 { try Self.grow(state, to: stateSize, "\(folder.path)/connections") }
    }

    private static func unnamed(_ name: String, _ size: Int) throws(Errno) -> HeldDescriptor {
        let memory = svs_memory_new(name, UInt64(size))
        try Errno.check(memory)
        return HeldDescriptor(memory)
    }

    private static func grow(_ file: HeldDescriptor, to size: Int, _ name: String) throws(RunError) {
        guard ftruncate(file.number, size) == 0 else { throw RunError("\(name): \(Errno(rawValue: errno))") }
    }

    /// What is wrong with a state that is there; `nil` for none, whole or not begun.
    private static func refusal(of file: HeldDescriptor, _ connections: Int, _ place: [UInt8]) -> StateRefusal? {
        let size = Int(svs_memory_size(file.number))
        guard size > 0 else { return nil }
        let beginning = file.beginning(of: StateMemory.headerSize)
        if size == StateMemory.size(connections: connections), beginning.allSatisfy({ $0 == 0 }) { return nil }
        return StateMemory.refusal(of: beginning, size: size, connections: connections, place: place)
    }

    /// The next director begins with what the files say: what those before it were told and knew may be what ends them.
    /// - Returns: memory that is empty.
    func setAside() throws(RunError) -> HeldMemory {
        if let folder { for file in StateFolder.File.allCases { _ = folder.setAside(file) } }
        return try HeldMemory(in: folder, connections: connections, place: place, log: log)
    }
}

extension HeldDescriptor {
    /// The first bytes of a file, fewer where it ends.
    func beginning(of count: Int) -> [UInt8] {
        var bytes = [UInt8](repeating: 0, count: count)
        let found = pread(number, &bytes, count, 0)
        return Array(bytes.prefix(max(found, 0)))
    }
}

extension KeptMemory {
    /// Maps what a keeper has handed over, for as long as the process lives. The descriptors are closed.
    /// - Throws: `Errno` when it is no such memory.
    public init(adopting descriptor: Int32, state stateDescriptor: Int32) throws(Errno) {
        let stateFile = HeldDescriptor(stateDescriptor), file = HeldDescriptor(descriptor)
        let state = try Self.map(stateFile, svs_memory_size(stateFile.number))
        guard let header = KeptHeader(of: file) else { throw .badFileDescriptor }
        let whole = try Self.map(file, Int64(header.size))
        let clients = KeptHeader.length..<KeptHeader.length + header.clients
        self.init(
            clients: .init(rebasing: whole[clients]), journal: .init(rebasing: whole[clients.upperBound...]), state: state,
            place: header.place)
    }

    private static func map(_ file: HeldDescriptor, _ size: Int64) throws(Errno) -> UnsafeMutableRawBufferPointer {
        guard size > 0 else { throw .badFileDescriptor }
        var mapping: UnsafeMutableRawPointer?
        try Errno.check(svs_memory_map(file.number, UInt64(size), &mapping))
        return UnsafeMutableRawBufferPointer(start: mapping, count: Int(size))
    }
}
