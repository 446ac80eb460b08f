import LVS
import Testing
import Wire

@testable import Admin
@testable import Runtime

/// What a director is told and what the next one makes of its journal.
@Suite struct JournalRecorderTests {
    /// Memory as it is lent, and a director that writes down there what it is told.
    final class Bench {
        let memory: UnsafeMutableRawBufferPointer
        let clients = ClientTable()
        var engine: ControlledDirector

        init(_ count: Int) {
            memory = .allocate(byteCount: count, alignment: 64)
            memory.initializeMemory(as: UInt8.self, repeating: 0)
            engine = ControlledDirector(Bench.director())
            let journal = Journal(memory)
            engine.journal = JournalRecorder(journal, RecalledState(journal), clients: clients)
        }

        deinit { memory.deallocate() }

        /// What the memory says now.
        var recalled: RecalledState { withExtendedLifetime(self) { RecalledState(Journal(memory)) } }

        static func director() -> Director {
            var director = Director(connections: 16)
            director.network = FakeHost.network
            return director
        }

        /// The director that a copy of the memory as it is now leads to.
        func next(_ refused: (Command, CommandError) -> Void = { Issue.record("\($0.summary): \($1.sentence)") }) -> Inventory {
            Self.restored(Array(memory), refused)
        }

        static func restored(_ image: [UInt8], _ refused: (Command, CommandError) -> Void) -> Inventory {
            let copy = UnsafeMutableRawBufferPointer.allocate(byteCount: image.count, alignment: 64)
            defer { copy.deallocate() }
            copy.copyBytes(from: image)
            var director = Self.director()
            RecalledState(Journal(copy)).restore(into: &director, refused: refused)
            return director.inventory()
        }
    }

    /// Commands as they come, most of which make sense.
    struct Script {
        var generator: SeededGenerator

        mutating func pick(_ count: Int) -> Int { Int(generator.next() % UInt64(count)) }

        mutating func next() -> Command {
            let key = ServiceKey(proto: IPProtocol.tcp, address: IPAddress(v4: 0xc000_0201), port: UInt16(80 + pick(6)))
            let server = ServerKey(address: IPAddress(v4: 0x0a00_000b + UInt32(pick(8))), port: 80)
            var service = ServiceSettings(scheduler: ["rr", "wlc", "mh", "sh"][pick(4)])
            service.timeoutTCP = UInt32(pick(3))
            if pick(4) == 0 { service.localAddresses = [IPAddress(v4: 0x0a00_0064)...IPAddress(v4: 0x0a00_0064 + UInt32(pick(3)))] }
            let settings = ServerSettings(method: .masquerading, weight: Int32(pick(3)), upperThreshold: UInt32(pick(9)))
            switch pick(40) {
            case 0..<8: return .addService(key, service)
            case 8..<10: return .editService(key, service)
            case 10..<13: return .deleteService(key)
            case 13: return pick(4) == 0 ? .flush : .zero(nil)
            case 14..<28: return .addServer(key, server, settings)
            case 28..<32: return .editServer(key, server, settings)
            case 32..<36: return .deleteServer(key, server)
            case 36: return .setTimeouts(tcp: UInt32(pick(900)), fin: UInt32(pick(2)), udp: 0)
            case 37: return .zero(key)
            case 38: return .startDaemon(SyncDaemon(role: pick(2) == 0 ? .master : .backup, interface: "eth0", syncID: UInt32(pick(9))))
            default: return .stopDaemon(pick(2) == 0 ? .master : .backup)
            }
        }
    }

    /// Whatever was commanded, and however often the journal was written afresh meanwhile: what the next director has is what
    /// this one had when the last command was answered, the order of services and servers included.
    @Test(arguments: [1, 2, 3, 4] as [UInt64])
    func theNextDirectorIsTheSame(_ seed: UInt64) {
        let bench = Bench(24_576)
        var script = Script(generator: SeededGenerator(seed: seed)), carriedOut = 0
        for number in 0..<4000 {
            let command = script.next()
            do throws(CommandError) {
                try bench.engine.apply(command)
                carriedOut += 1
            } catch { #expect(error != .noRoom, "\(number)") }
            guard number % 13 == 0 else { continue }
            #expect(bench.next() == bench.engine.inventory(), "after \(number): \(command)")
        }
        #expect(carriedOut > 1500)
    }

    /// A director that dies before a command is answered leaves what was before it or what is behind it, and nothing else.
    @Test func aCommandCountsWhollyOrNot() {
        let bench = Bench(16_384)
        var script = Script(generator: SeededGenerator(seed: 77))
        for _ in 0..<600 {
            let (before, image) = (bench.engine.inventory(), Array(bench.memory))
            let command = script.next()
            guard (try? bench.engine.apply(command)) != nil else { continue }
            let (after, whole) = (bench.engine.inventory(), Array(bench.memory))
            var torn = image
            // Any of the words that were stored, in whatever order; those of the header come last.
            for word in stride(from: 64, to: torn.count, by: 8) where script.pick(2) == 0 {
                for place in word..<(word + 8) { torn[place] = whole[place] }
            }
            let found = Bench.restored(torn) { Issue.record("\($0.summary): \($1.sentence)") }
            #expect(found == before || found == after)
        }
    }

    /// A drained server remembers its weight, which `mh` builds its table from.
    @Test func aDrainedServerKeepsItsWeight() throws {
        let bench = Bench(8192)
        let key = ServiceKey(proto: IPProtocol.tcp, address: IPAddress(v4: 0xc000_0201), port: 80)
        let server = ServerKey(address: IPAddress(v4: 0x0a00_000b), port: 80)
        try bench.engine.apply(.addService(key, ServiceSettings(scheduler: "mh")))
        try bench.engine.apply(.addServer(key, server, ServerSettings(method: .masquerading, weight: 7)))
        for number in 0..<200 {
            try bench.engine.apply(
                .editServer(key, server, ServerSettings(method: .masquerading, weight: 0, upperThreshold: UInt32(number))))
        }
        var director = Bench.director()
        bench.recalled.restore(into: &director) { Issue.record("\($0): \($1)") }
        #expect(director.snapshot().servers.map(\.lastWeight) == [7])
        #expect(director.inventory() == bench.engine.inventory())
    }

    /// Without room a command is refused before anything happens; those that make room are not, and room is found again.
    @Test func aFullJournalRefuses() throws {
        let bench = Bench(8192)
        let key = ServiceKey(proto: IPProtocol.tcp, address: IPAddress(v4: 0xc000_0201), port: 80)
        func server(_ number: Int) -> ServerKey { ServerKey(address: IPAddress(v4: 0x0a00_000b), port: UInt16(number)) }
        try bench.engine.apply(.addService(key, ServiceSettings(scheduler: "rr")))
        var added = 0, refusal: CommandError?
        while refusal == nil, added < 1000 {
            do throws(CommandError) {
                try bench.engine.apply(.addServer(key, server(added), ServerSettings(method: .masquerading)))
                added += 1
            } catch { refusal = error }
        }
        #expect(refusal == .noRoom && refusal?.errno == 28 && added > 5)
        #expect(bench.engine.inventory().services[0].servers.count == added && bench.next() == bench.engine.inventory())
        let wanted = try #require(bench.engine.journal?.wantedBytes)
        #expect(wanted > 8192)
        for number in 0..<added { try bench.engine.apply(.deleteServer(key, server(number))) }
        try bench.engine.apply(.addServer(key, server(2000), ServerSettings(method: .masquerading)))
        #expect(bench.next() == bench.engine.inventory())
        // More memory, where everything that stands goes on.
        let more = UnsafeMutableRawBufferPointer.allocate(byteCount: wanted, alignment: 64)
        defer { more.deallocate() }
        more.initializeMemory(as: UInt8.self, repeating: 0)
        let hasMoved = bench.engine.journal?.move(to: more, over: bench.engine.director)
        #expect(hasMoved == true)
        for number in 0..<added { try bench.engine.apply(.addServer(key, server(number), ServerSettings(method: .masquerading))) }
        #expect(Bench.restored(Array(more)) { Issue.record("\($0): \($1)") } == bench.engine.inventory())
        bench.engine.journal = nil
    }

    /// Answers that may still be wanted stand in the journal, through fresh texts, until they were sent; those whose client has
    /// left do not.
    @Test func promisesAreKept() throws {
        let bench = Bench(16_384)
        let client = try #require(bench.clients.row(of: 9)), serial = client.serial
        let sent = RequestNumber(client: serial, number: 1), wanted = RequestNumber(client: serial, number: 2)
        let left = RequestNumber(client: serial + 1, number: 1)
        let key = ServiceKey(mark: 5, family: .v4)
        try bench.engine.apply(.addService(key, ServiceSettings(scheduler: "rr")), promising: .init(request: sent, packet: [1]))
        let answer = bench.engine.promised(to: sent)
        #expect(answer == [1])
        bench.engine.settled(sent)
        client.done = 1
        try bench.engine.apply(.zero(nil), promising: .init(request: wanted, packet: [7, 8]))
        try bench.engine.apply(.zero(nil), promising: .init(request: left, packet: [9]))
        for number in 0..<500 {
            try bench.engine.apply(.editService(key, ServiceSettings(scheduler: "rr", timeout: UInt32(number))))
        }
        let recalled = bench.recalled
        #expect(recalled.promises == [wanted: [7, 8]])
        withExtendedLifetime(bench) {
            #expect(JournalRecorder(Journal(bench.memory), recalled, clients: bench.clients).promised(to: wanted) == [7, 8])
            #expect(JournalRecorder(Journal(bench.memory), recalled, clients: ClientTable()).promised(to: wanted) == nil)
        }
    }
}
