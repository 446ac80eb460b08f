import CLinux
import Foundation
import PacketKit
import Testing
import Wire

@testable import LVS

/// A process that directs packets and carries out commands is killed at any moment; another one over the same memory knows
/// what the first had finished. `SVS_STATE_KILLS=1000` kills that many.
@Suite struct StateKillTests {
    /// Memory that two processes share: a state, and in front of it how many steps were finished.
    private final class SharedMemory {
        let whole: UnsafeMutableRawBufferPointer
        private static let page = 4096

        init() throws {
            let size = StateMemory.size(connections: DirectorHistory.connections) + Self.page
            let start = mmap(nil, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0)
            whole = UnsafeMutableRawBufferPointer(start: try #require(start != MAP_FAILED ? start : nil), count: size)
        }

        deinit { munmap(whole.baseAddress, whole.count) }

        var state: UnsafeMutableRawBufferPointer { UnsafeMutableRawBufferPointer(rebasing: whole[Self.page...]) }

        var steps: Int {
            get { whole.load(as: Int.self) }
            set {
                SlabView<UInt8>.publish()
                whole.storeBytes(of: newValue, as: Int.self)
            }
        }
    }

    private static var kills: Int { Int(ProcessInfo.processInfo.environment["SVS_STATE_KILLS"] ?? "") ?? 20 }

    @Test func theNextOneKnowsWhatWasFinished() throws {
        var dice = SeededGenerator(seed: UInt64(Self.kills))
        var steps = 0
        for number in 0..<Self.kills {
            let scheduler = SchedulerLawTests.names[number % SchedulerLawTests.names.count]
            steps += try kill(scheduler, seed: dice.next(), after: dice.next(12_000), number)
        }
        #expect(steps > 0)
    }

    /// Lets a child run a history for some microseconds; how many steps of it were finished.
    private func kill(_ scheduler: String, seed: UInt64, after pause: UInt64, _ number: Int) throws -> Int {
        let shared = try SharedMemory()
        var pipe: Int32 = -1
        let child = svs_fork(&pipe, 10)
        if child == 0 {
            var history = DirectorHistory(scheduler: scheduler, seed: seed, outlives: true, in: shared.state)
            // The first step shall find a child at work.
            while shared.steps < 5000 {
                _ = history.step()
                shared.steps += 1
            }
            svs_fork_end(pipe, nil, 0)
        }
        try #require(child > 0)
        // A fork of a process with threads may stand still before its first step.
        let patience = svs_clock() + 10_000_000_000
        while shared.steps == 0, svs_clock() < patience { usleep(100) }
        usleep(UInt32(pause))
        Foundation.kill(child, SIGKILL)
        waitpid(child, nil, 0)
        close(pipe)
        let steps = shared.steps
        guard steps > 0 else { return 0 }
        try compare(shared, scheduler, seed, steps, "death \(number), \(scheduler), seed \(seed), after \(steps) steps")
        return steps
    }

    /// The same history without a death says what must be there: all that stood before and after the step in hand.
    private func compare(_ shared: SharedMemory, _ scheduler: String, _ seed: UInt64, _ steps: Int, _ place: String) throws {
        var next = DirectorHistory(scheduler: scheduler, seed: seed), twin = DirectorHistory(scheduler: scheduler, seed: seed)
        for _ in 0..<steps { _ = (next.step(), twin.step()) }
        let before = Self.connections(twin.bench)
        _ = twin.step()
        let after = Self.connections(twin.bench)
        try next.bench.replaceDirector(in: shared.state)
        let found = Self.connections(next.bench)
        #expect(before.intersection(after).subtracting(found).isEmpty, "\(place): lost \(before.intersection(after).subtracting(found))")
        #expect(found.subtracting(before.union(after)).isEmpty, "\(place): made up \(found.subtracting(before.union(after)))")
        #expect(next.audit() == nil && next.bench.director.impossibility == nil, "\(place): \(next.audit() ?? "")")
        for _ in 0..<60 { _ = next.step() }
        #expect(next.audit() == nil, "\(place), then: \(next.audit() ?? "")")
    }

    private static func connections(_ bench: TranslationFixture) -> Set<String> {
        Set(
            bench.director.connectionRecords().map {
                "\($0.proto) \($0.client):\($0.clientPort) \($0.virtual):\($0.virtualPort) \($0.server):\($0.serverPort) \($0.isTemplate)"
            })
    }
}
