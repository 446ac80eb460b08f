import Glibc
import LVS
import Synchronization
import Testing
import Wire

@testable import Admin

/// A director dies at a moment, and the next one takes its clients over: each request is carried out once and answered once.
@Suite struct ControlHandoverTests {
    private static func add(_ mark: UInt32) -> Command {
        .addService(ServiceKey(mark: mark, family: .v4), ServiceSettings(scheduler: "rr"))
    }

    @Test(arguments: HandoverStep.allCases)
    func aRequestIsCarriedOutAndAnsweredOnce(_ step: HandoverStep) throws {
        let memory = HandoverMemory(), client = HandoverClient()
        let first = try HandoverLife(memory, [(client.kept, 3)], dyingAt: (step, 1))
        try client.send([(Self.add(1), 11)])
        #expect(first.died.wait())
        let second = try HandoverLife(memory, [(client.kept, 3)])
        #expect(client.answer() == [11, 0])
        // The next one finds its way too, and what comes twice is refused: the first was carried out.
        try client.send([(Self.add(1), 12)])
        #expect(client.answer() == [12, UInt32(EEXIST)])
        #expect(client.isQuiet)
        second.end()
        #expect(memory.notes.withLock { $0.commands } == [Self.add(1)])
        // One who dies just before he forgets a promise leaves it to whoever cleans up.
        #expect(memory.notes.withLock { $0.promises.count } == (step == .answered ? 1 : 0))
    }

    @Test(arguments: HandoverStep.allCases, [1, 2, 3])
    func severalRequestsOfADatagramAreNumbered(_ step: HandoverStep, _ command: Int) throws {
        let memory = HandoverMemory(), client = HandoverClient()
        let first = try HandoverLife(memory, [(client.kept, 1)], dyingAt: (step, command))
        try client.send([(Self.add(1), 21), (Self.add(2), 22), (Self.add(3), 23)])
        // What waits behind them is for the next one.
        try client.send([(Self.add(4), 24)])
        #expect(first.died.wait())
        let second = try HandoverLife(memory, [(client.kept, 1)])
        #expect((1...4).map { _ in client.answer() } == [[21, 0], [22, 0], [23, 0], [24, 0]])
        second.end()
        #expect(client.isQuiet)
        #expect(memory.notes.withLock { $0.commands } == (1...4).map { Self.add($0) })
    }

    /// Deaths one after the other, each with its own request.
    @Test func manyLivesServeOneClient() throws {
        let memory = HandoverMemory(), client = HandoverClient(), other = HandoverClient()
        for round in 1...12 as ClosedRange<UInt32> {
            let step = HandoverStep.allCases[Int(round) % 3]
            let life = try HandoverLife(memory, [(client.kept, 1), (other.kept, 2)], dyingAt: (step, 1))
            // The same sequence number each time: it is not by this that a request is known.
            try (round % 2 == 0 ? client : other).send([(Self.add(round), 7)])
            #expect(life.died.wait())
        }
        let last = try HandoverLife(memory, [(client.kept, 1), (other.kept, 2)])
        for client in [client, other] { #expect((1...6).map { _ in client.answer() } == [[UInt32]](repeating: [7, 0], count: 6)) }
        last.end()
        #expect(client.isQuiet && other.isQuiet)
        let commands = memory.notes.withLock { $0.commands }
        #expect(commands.count == 12 && Set(commands) == Set((1...12).map { Self.add($0) }))
    }

    /// A client reads a part of a long answer from one director; the next one cannot go on, and must not begin anew.
    @Test func aDumpCutInTwoEndsWithAnError() throws {
        let memory = HandoverMemory(), client = HandoverClient()
        memory.notes.withLock {
            $0.state.services = (1...5000).map { ServiceRecord(key: ServiceKey(mark: $0, family: .v4), settings: ControlExamples.full) }
        }
        let first = try HandoverLife(memory, [(client.kept, 1)])
        client.ask(ControlConstants.Verb.getInventory, sequence: 31)
        #expect(client.receive().first?.sequence == 31)
        first.end()
        let second = try HandoverLife(memory, [(client.kept, 1)])
        var services: UInt32 = 0, last: NetlinkMessage?
        while last?.refusal == nil, last?.type != NetlinkMessage.Kind.done {
            let messages = client.receive()
            services += UInt32(messages.count)
            guard !messages.isEmpty else { break }
            last = messages.last
        }
        #expect(last?.sequence == 31 && last?.refusal?.errno == EINTR)
        #expect(last?.refusal?.text == "the director was started anew in the middle of the answer; ask again")
        #expect(services < 5000)
        client.ask(ControlConstants.Verb.getInfo, sequence: 32, dump: false)
        #expect(client.receive().first?.sequence == 32)
        second.end()
        #expect(client.isQuiet)
    }

    /// A question of which nothing was told yet is answered as if nothing had happened.
    @Test func aQuestionInTheQueueIsAnswered() throws {
        let memory = HandoverMemory(), client = HandoverClient()
        client.ask(ControlConstants.Verb.getInfo, sequence: 41, dump: false)
        let life = try HandoverLife(memory, [(client.kept, 1)])
        #expect(client.receive().first?.sequence == 41)
        life.end()
    }

    /// A request that ends each director at which it arrives is not tried for ever.
    @Test func aRequestThatKillsIsRefused() throws {
        let memory = HandoverMemory(), client = HandoverClient()
        try client.send([(Self.add(1), 51)])
        for _ in 0..<3 {
            let life = try HandoverLife(memory, [(client.kept, 1)], dyingAt: (.looked, 1))
            #expect(life.died.wait())
        }
        let life = try HandoverLife(memory, [(client.kept, 1)])
        #expect(client.answer() == [51, UInt32(EIO)])
        try client.send([(Self.add(2), 52)])
        #expect(client.answer() == [52, 0])
        life.end()
        #expect(memory.notes.withLock { $0.commands } == [Self.add(2)])
    }

    /// Who listens for the director is told when a client has left, also one that left between two directors, and a number that
    /// comes again is another client.
    @Test func whoLeavesIsTold() throws {
        let memory = HandoverMemory()
        var client: HandoverClient? = HandoverClient()
        let descriptor = dup(client?.kept ?? -1)
        defer { close(descriptor) }
        let first = try HandoverLife(memory, [(descriptor, 5)], dyingAt: (.written, 1))
        try client?.send([(Self.add(1), 61)])
        #expect(first.died.wait())
        client = nil
        let second = try HandoverLife(memory, [(descriptor, 5)])
        var waited = 0
        while second.gone.withLock({ $0 }).isEmpty, waited < 2000 {
            usleep(5000)
            waited += 1
        }
        #expect(second.gone.withLock { $0 } == [5])
        second.end()
        let other = HandoverClient()
        let third = try HandoverLife(memory, [(other.kept, 5)])
        try other.send([(Self.add(2), 62)])
        #expect(other.answer() == [62, 0])
        third.end()
        #expect(memory.notes.withLock { $0.commands } == [Self.add(1), Self.add(2)])
    }
}
