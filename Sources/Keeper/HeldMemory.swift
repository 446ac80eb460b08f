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
    private let journal: HeldDescriptor
    private let state: HeldDescriptor
    /// A state of another layout, until a director has brought it over.
    private var earlier: HeldDescriptor?
    /// Nothing was in it.
    let isNew: Bool

    /// What a director begins with: what directors are told, what they know, the lock and `other`, which are held as long as it
    /// lives, and what it is to bring over.
    func descriptors(beside other: HeldDescriptor) -> [Int32] {
        [journal.number, state.number, (folder?.lock ?? other).number, other.number] + (earlier.map { [$0.number] } ?? [])
    }

    /// Bytes of the state that there must be memory for when it begins; directors ask for more as they need it.
    private static let beginning: UInt64 = 1 << 20

    private static let names = ["memory", "state"]

    /// What this process goes on with when it becomes another program, by name.
    var legacy: [(name: String, descriptor: Int32)] {
        folder.map { [(StateFolder.lockName, $0.lock.number)] } ?? Array(zip(Self.names, probed))
    }

    /// What a program that is asked whether it could go on looks at.
    var probed: [Int32] { [journal.number, state.number] }

    /// Goes on with memory without a name that this process had as another program; `nil` when it had none.
    init?(inheriting held: InheritedDescriptors, connections: Int, place: [UInt8], log: Log) throws(RunError) {
        let found = Self.names.compactMap { held.take($0) }
        guard found.count == 2 else { return nil }
        (folder, self.connections, self.place, self.log, isNew, journal) = (nil, connections, place, log, false, found[0])
        guard let refusal = Self.refusal(of: found[1], connections, place), refusal.isOtherLayout else {
            state = found[1]
            return
        }
        log.say("memory of the director: \(refusal): what is in it is brought over")
        earlier = found[1]
        do throws(Errno) { state = try Self.unnamed("svs state", StateMemory.size(connections: connections)) } catch {
            throw RunError("memory for the director: \(error)")
        }
    }

    /// - Parameters:
    ///   - connections: how many a director's table holds.
    ///   - isFresh: what is there is not wanted.
    init(in folder: StateFolder?, connections: Int, place: [UInt8], isFresh: Bool = false, log: Log) throws(RunError) {
        (self.folder, self.connections, self.place, self.log) = (folder, connections, place, log)
        let size = StateMemory.size(connections: connections)
        guard let folder else {
            isNew = true
            do throws(Errno) {
                journal = try Self.unnamed("svs journal", KeptHeader.standard.size)
                state = try Self.unnamed("svs state", size)
            } catch { throw RunError("memory for the director: \(error)") }
            try KeptHeader.standard.write(to: journal, place, "memory for the director")
            return
        }
        if isFresh { for file in StateFolder.File.allCases { folder.remove(file) } }
        journal = try Self.journal(in: folder, place, log)
        (state, earlier) = try Self.state(in: folder, connections, place, log)
        isNew = svs_memory_size(journal.number) == 0
        if isNew { try KeptHeader.standard.write(to: journal, place, "\(folder.path)/journal") }
        if Self.isEmpty(state) { try Self.grow(state, to: size, "\(folder.path)/connections") }
    }

    private static func journal(in folder: StateFolder, _ place: [UInt8], _ log: Log) throws(RunError) -> HeldDescriptor {
        let found = try folder.open(.journal)
        guard let fault = KeptHeader.fault(of: found, place) else { return found }
        log.say("\(folder.setAside(.journal)): set aside, because \(fault)")
        return try folder.open(.journal)
    }

    /// The file of connections, and one of another layout whose records belong there.
    private static func state(
        in folder: StateFolder, _ connections: Int, _ place: [UInt8], _ log: Log
    ) throws(RunError) -> (HeldDescriptor, earlier: HeldDescriptor?) {
        var state = try folder.open(.connections)
        if folder.has(.earlier) {
            // Somebody had begun to bring it over; whoever came to the end has written a header.
            guard refusal(of: state, connections, place) != nil || isEmpty(state) else {
                folder.remove(.earlier)
                return (state, nil)
            }
            folder.rename(.earlier, to: .connections)
            state = try folder.open(.connections)
        }
        guard let refusal = refusal(of: state, connections, place) else { return (state, nil) }
        if refusal.isOtherLayout {
            log.say("\(folder.path)/connections: \(refusal): what is in it is brought over")
            folder.rename(.connections, to: .earlier)
            return (try folder.open(.connections), state)
        }
        log.say("\(folder.setAside(.connections)): set aside, because \(refusal)")
        return (try folder.open(.connections), nil)
    }

    private static func unnamed(_ name: String, _ size: Int) throws(Errno) -> HeldDescriptor {
        let memory = svs_memory_new(name, UInt64(size))
        try Errno.check(memory)
        return HeldDescriptor(memory)
    }

    private static func grow(_ file: HeldDescriptor, to size: Int, _ name: String) throws(RunError) {
        guard ftruncate(file.number, size) == 0 else { throw RunError("\(name): \(Errno(rawValue: errno))") }
        let failure = svs_memory_back(file.number, 0, min(beginning, UInt64(size)))
        guard failure == 0 else { throw RunError("\(name): \(Errno(rawValue: -failure))") }
    }

    /// What is wrong with a state that is there; `nil` for none, whole or not begun.
    private static func refusal(of file: HeldDescriptor, _ connections: Int, _ place: [UInt8]) -> StateRefusal? {
        if isEmpty(file) { return nil }
        let size = Int(svs_memory_size(file.number))
        return StateMemory.refusal(of: file.beginning(of: StateMemory.headerSize), size: size, connections: connections, place: place)
    }

    /// Whether a file is one that no director has begun to write.
    private static func isEmpty(_ file: HeldDescriptor) -> Bool {
        svs_memory_size(file.number) == 0 || file.beginning(of: 4096).allSatisfy { $0 == 0 } && svs_memory_size(file.number) >= 4096
    }

    /// A director works: what was to be brought over is there.
    func directorWorks() {
        guard earlier != nil else { return }
        earlier = nil
        folder?.remove(.earlier)
    }

    /// The next director begins with what the files say: what those before it were told and knew may be what ends them.
    /// - Returns: memory that is empty.
    func setAside() throws(RunError) -> HeldMemory {
        if let folder {
            if earlier != nil { folder.rename(.earlier, to: .connections) }
            for file in [StateFolder.File.journal, .connections] { _ = folder.setAside(file) }
        }
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
    /// Maps what a keeper has handed over, for as long as the process lives: `HeldMemory.descriptors(beside:)` from `first` on.
    /// - Throws: `Errno` when it is no such memory.
    public init(adopting first: Int32) throws(Errno) {
        let file = HeldDescriptor(first), stateFile = HeldDescriptor(first + 1)
        guard let header = KeptHeader(of: file) else { throw .badFileDescriptor }
        let whole = try Self.map(file), state = try Self.map(stateFile)
        let end = KeptHeader.length + header.clients
        var earlier: UnsafeMutableRawBufferPointer?
        if svs_memory_size(first + 4) > 0 { earlier = try Self.map(HeldDescriptor(first + 4)) }
        self.init(
            clients: .init(rebasing: whole[KeptHeader.length..<end]),
            journal: Self.part(.init(rebasing: whole[end...]), of: file, from: end),
            state: Self.part(state, of: stateFile, from: 0), earlier: earlier, place: header.place)
    }

    private static func map(_ file: HeldDescriptor) throws(Errno) -> UnsafeMutableRawBufferPointer {
        let size = svs_memory_size(file.number)
        guard size > 0 else { throw .badFileDescriptor }
        var mapping: UnsafeMutableRawPointer?
        try Errno.check(svs_memory_map(file.number, UInt64(size), &mapping))
        return UnsafeMutableRawBufferPointer(start: mapping, count: Int(size))
    }

    /// A part of a file, which stays open, so that memory can be asked for.
    private static func part(_ memory: UnsafeMutableRawBufferPointer, of file: HeldDescriptor, from start: Int) -> Part {
        Part(
            memory,
            backing: MemoryBacking(size: memory.count) { range in
                let count = min(range.upperBound, memory.count) - range.lowerBound
                return svs_memory_back(file.number, UInt64(start + range.lowerBound), UInt64(count)) == 0
            })
    }
}
