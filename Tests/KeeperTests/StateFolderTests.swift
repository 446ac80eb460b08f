import CLinux
import Foundation
import Linux
import Runtime
import Synchronization
import Testing

@testable import Keeper
@testable import LVS

/// What a keeper finds in its folder: what is its own is taken up again, everything else is set aside, and that is said.
@Suite struct StateFolderTests {
    private static let connections = 64
    private static let here = [UInt8](1...32)

    /// A folder on a tmpfs, gone with the test, and what was said about it.
    private final class Bench: Sendable {
        let directory = "/dev/shm/svs-test-\(UUID().uuidString)"
        private let lines = Mutex<[String]>([])

        deinit { try? FileManager.default.removeItem(atPath: directory) }

        var path: String { directory + "/one" }
        var said: [String] { lines.withLock { $0 } }

        func folder(_ name: String = "one") throws -> StateFolder {
            try StateFolder(Keeper.StatePlace(directory: directory, name: name, isAskedFor: true, isFresh: false))
        }

        func memory(place: [UInt8] = here, connections: Int = connections, isFresh: Bool = false) throws -> HeldMemory {
            try HeldMemory(
                in: folder(), connections: connections, place: place, isFresh: isFresh,
                log: Log { [self] line in lines.withLock { $0.append(line) } })
        }

        /// A director's memory, as one that begins finds it.
        func kept(_ memory: HeldMemory) throws -> KeptMemory {
            let copies = memory.descriptors.map { fcntl($0, F_DUPFD_CLOEXEC, 3) }
            close(copies[2])
            return try KeptMemory(adopting: copies[0], state: copies[1])
        }

        /// Leaves a state behind, as a keeper does that is killed.
        func leaveState() throws {
            let kept = try kept(memory())
            _ = StateMemory(fresh: kept.state, connections: connections, seed: 5, place: kept.place)
            kept.journal[8] = 7
        }

        func change(_ file: String, at offset: UInt64, to bytes: [UInt8]) throws {
            let handle = try #require(FileHandle(forUpdatingAtPath: "\(path)/\(file)"))
            try handle.seek(toOffset: offset)
            try handle.write(contentsOf: bytes)
            try handle.close()
        }

        func exists(_ file: String) -> Bool { FileManager.default.fileExists(atPath: "\(path)/\(file)") }
    }

    @Test func whatWasLeftIsThereForTheNextKeeper() throws {
        let bench = Bench()
        try bench.leaveState()
        let memory = try bench.memory(), kept = try bench.kept(memory)
        #expect(!memory.isNew && bench.said.isEmpty && kept.journal[8] == 7 && kept.place == Self.here)
        let state = try StateMemory(existing: kept.state, connections: Self.connections, place: kept.place)
        #expect(state.seed == 5)
    }

    @Test func aFreshStartLeavesNothing() throws {
        let bench = Bench()
        try bench.leaveState()
        let memory = try bench.memory(isFresh: true), kept = try bench.kept(memory)
        #expect(memory.isNew && kept.journal[8] == 0 && kept.state.prefix(64).allSatisfy { $0 == 0 })
    }

    /// A way to spoil what was left, and what is said of it.
    struct Spoiling: Sendable, CustomTestStringConvertible {
        let testDescription: String
        let said: [String]
        let spoil: @Sendable (String) throws -> Void

        init(_ name: String, _ said: String..., spoil: @escaping @Sendable (String) throws -> Void) {
            (testDescription, self.said, self.spoil) = (name, said, spoil)
        }
    }

    private static func write(_ bytes: [UInt8], at offset: UInt64, of path: String) throws {
        let handle = try #require(FileHandle(forUpdatingAtPath: path))
        try handle.seek(toOffset: offset)
        try handle.write(contentsOf: bytes)
        try handle.close()
    }

    private static func cut(_ path: String, to size: UInt64) throws {
        let handle = try #require(FileHandle(forUpdatingAtPath: path))
        try handle.truncate(atOffset: size)
        try handle.close()
    }

    private static let noJournal = "set aside, because it is no journal of this version, or not whole"
    private static let spoilings = [
        Spoiling("garbage in the journal's header", noJournal) { try write([1, 2, 3], at: 0, of: $0 + "/journal") },
        Spoiling("another size of the journal", noJournal) { try write([9], at: 17, of: $0 + "/journal") },
        Spoiling("a journal that was cut off", noJournal) { try cut($0 + "/journal", to: 5000) },
        Spoiling("a journal of one byte", noJournal) { try cut($0 + "/journal", to: 1) },
        Spoiling("garbage in the state's header", "set aside, because it does not begin as a state does") {
            try write([1, 2, 3], at: 0, of: $0 + "/connections")
        },
        Spoiling("a state that was changed", "set aside, because its header is damaged") {
            try write([1], at: 33, of: $0 + "/connections")
        },
        Spoiling("a state of a few bytes", "set aside, because 20 bytes hold no state") { try cut($0 + "/connections", to: 20) },
        Spoiling("a state that was cut off", "set aside, because it is 8192 bytes long") { try cut($0 + "/connections", to: 8192) },
    ]

    @Test(arguments: spoilings) func whatIsSpoiltIsSetAside(_ one: Spoiling) throws {
        let bench = Bench()
        try bench.leaveState()
        try one.spoil(bench.path)
        let memory = try bench.memory()
        #expect(bench.said.count == one.said.count)
        for (line, said) in zip(bench.said, one.said) { #expect(line.contains(said), "\(line)") }
        #expect(bench.exists("journal.old") != bench.exists("connections.old"))
        _ = try bench.kept(memory)
    }

    @Test func whatBelongsElsewhereIsSetAside() throws {
        let bench = Bench()
        try bench.leaveState()
        let kept = try bench.kept(bench.memory(place: Self.here.reversed()))
        #expect(
            bench.said
                == ["journal", "connections"].map {
                    "\(bench.path)/\($0).old: set aside, because it belongs to another boot or another network namespace"
                })
        #expect(kept.place == Self.here.reversed() && kept.journal[8] == 0)
    }

    /// However often something is set aside, the last one is kept.
    @Test func oneIsKept() throws {
        let bench = Bench()
        for place in 1...3 { _ = try bench.memory(place: [UInt8](repeating: UInt8(place), count: 32)) }
        let files = try FileManager.default.contentsOfDirectory(atPath: bench.path).sorted()
        #expect(files == ["connections", "journal", "journal.old", "lock"])
    }

    @Test func aFolderHasOneKeeper() throws {
        let bench = Bench()
        let first = try bench.folder()
        do {
            _ = try bench.folder()
            Issue.record("two of them have the folder")
        } catch let refusal as StateFolder.Refusal {
            #expect(refusal.isTaken && "\(refusal.told)".contains("process \(getpid()) keeps its state there"))
        }
        _ = try bench.folder("two")
        // Whoever has a copy of the lock has the folder.
        let copy = first.lock.copy()
        _ = consume first
        #expect(throws: StateFolder.Refusal.self) { try bench.folder() }
        close(copy)
        _ = try bench.folder()
    }

    @Test func nothingStaysOfWhatNeverWorked() throws {
        let bench = Bench()
        let memory = try bench.memory()
        memory.folder?.removeAll()
        #expect(!FileManager.default.fileExists(atPath: bench.path))
    }

    @Test func othersHaveNoBusinessThere() throws {
        let bench = Bench()
        _ = try bench.folder()
        #expect(chmod(bench.path, 0o777) == 0)
        do {
            _ = try bench.folder()
            Issue.record("everybody may write there")
        } catch let refusal as StateFolder.Refusal {
            #expect("\(refusal.told)" == "state folder \(bench.path): belongs to another user, or others may write to it")
        }
    }

    @Test(arguments: [("/dev/shm", 1), ("/proc", 0)] as [(String, Int32)]) func onlyATmpfsIsMemory(_ folder: String, _ isMemory: Int32) {
        let descriptor = HeldDescriptor(open(folder, O_DIRECTORY | O_CLOEXEC))
        #expect(svs_folder_is_memory(descriptor.number) == isMemory)
    }

    @Test(arguments: [
        ("/run/svs.sock", "run-svs.sock"), ("/run/svs/blue/control", "run-svs-blue-control"), ("/run/a-b%/c", "run-a%2db%25-c"),
    ]) func aFolderIsNamedAfterTheControlSocket(_ control: String, _ name: String) {
        #expect(Keeper.StatePlace.name(control: control) == name)
    }
}
