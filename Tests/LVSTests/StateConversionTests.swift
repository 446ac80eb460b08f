import Testing
import Wire

@testable import LVS

/// What a director of another build, or of a table of another size, left is read by name.
@Suite struct StateConversionTests {
    /// A layout that is this one's in nothing but its names: blocks and fields the other way round, records longer, and
    /// numbers that mean something else.
    private static func stranger(_ own: StateDescription) -> (description: StateDescription, size: Int) {
        var stranger = StateDescription()
        stranger.rosters = own.rosters.mapValues { ["something-else"] + $0.reversed() }
        var end = StateDescription.offset + StateDescription.capacity
        for block in own.blocks.reversed() {
            var place = 8
            let fields = block.fields.reversed().map { field in
                defer { place = (place + field.size + 7) & ~7 }
                return StateField(name: field.name, offset: place, size: field.size, roster: field.roster)
            }
            let count = block.count + (own.rosters[block.name] == nil ? 0 : 1)
            stranger.blocks.append(
                .init(
                    name: block.name, offset: end, stride: place, count: count,
                    fields: fields + [
                        StateField(name: "unheard-of", offset: 0, size: 8)
                    ]))
            end += (place * count + 63) & ~63
        }
        return (stranger, end)
    }

    /// A state as that stranger would have left it.
    private static func abroad(_ region: UnsafeMutableRawBufferPointer, _ connections: Int) -> Slab<UInt8> {
        let own = StateLayout(connections: connections).description
        let (description, size) = stranger(own), memory = Slab<UInt8>(capacity: size)
        var conversion = StateConversion(from: SlabView(region), own, to: description)
        let isWhole = conversion.copy(to: memory.view, nil)
        #expect(isWhole)
        let words = Array(description.text.utf8)
        for (place, byte) in words.enumerated() { memory.view[StateDescription.offset + place] = byte }
        let seed = region.load(fromByteOffset: MemoryLayout<StateHeader>.offset(of: \.seed) ?? 0, as: UInt64.self)
        memory.view.part(from: 0, count: 1).begin(
            StateHeader(
                size: size, connections: connections, seed: seed, place: TranslationFixture.place, words: words.count,
                wordsCheck: StateDescription.check(words), layout: 77))
        return memory
    }

    private static func clear(_ region: UnsafeMutableRawBufferPointer) { region.initializeMemory(as: UInt8.self, repeating: 0) }

    /// Abroad and back between two steps: the next director is like the one before, with each scheduler.
    @Test(arguments: ["rr", "wrr", "lblcr", "mh", "sh", "fo"]) func nothingIsLostOnTheWay(scheduler: String) throws {
        var history = DirectorHistory(scheduler: scheduler, seed: 3, outlives: true)
        let region = try #require(history.bench.state), connections = DirectorHistory.connections
        for step in 0..<240 {
            _ = history.step()
            guard step % 40 == 39 else { continue }
            let before = history.bench.director.image
            let abroad = Self.abroad(region, connections)
            let bytes = abroad.view.memory
            let refusal = StateMemory.refusal(
                of: Array(bytes.prefix(256)), size: bytes.count, connections: connections, place: TranslationFixture.place)
            #expect(refusal == .layout(77, own: StateMemory.layoutNumber) && refusal?.isOtherLayout == true)
            Self.clear(region)
            #expect(try StateMemory.convert(bytes, into: region, connections: connections, place: TranslationFixture.place) == 0)
            let report = try history.bench.replaceDirector()
            #expect(report.dropped.isEmpty && report.untied == 0, "\(scheduler), step \(step): \(report)")
            let after = history.bench.director.image
            let lines = zip(before, after).filter { $0 != $1 }.map { "\($0)\n\($1)" }
            #expect(before.count == after.count && lines.isEmpty, "\(scheduler), step \(step): \(lines.prefix(3).joined(separator: "\n"))")
            #expect(history.audit() == nil)
        }
    }

    /// A table of another size takes what there is, a smaller one those in use as far as they go.
    @Test(arguments: [16, 100, 1000]) func tablesOfOtherSizes(connections: Int) throws {
        var history = DirectorHistory(scheduler: "wlc", seed: 5, outlives: true)
        let region = try #require(history.bench.state)
        for _ in 0..<300 { _ = history.step() }
        let before = history.bench.director.connectionRecords().count
        let other = Slab<UInt8>(capacity: StateMemory.size(connections: connections))
        let lost = try StateMemory.convert(region, into: other.view.memory, connections: connections, place: TranslationFixture.place)
        let report = try history.bench.replaceDirector(in: other.view.memory)
        #expect(report.connections + report.templates + lost == before && (lost == 0) == (before <= connections), "\(report), \(lost) lost")
        #expect(report.dropped.isEmpty)
        #expect(history.audit() == nil)
    }

    /// A description that lies costs the state and nothing else.
    @Test func descriptionsAreNotBelieved() throws {
        let connections = 64, own = StateLayout(connections: connections)
        let text = own.description.text
        #expect(StateDescription(text, size: own.size) == own.description)
        #expect(StateDescription(text, size: own.size / 2) == nil)
        for line in [
            "field x 0 4", "block a -1 8 1", "block a 0 0 1", "block a 0 \(Int.max) 3", "block a 8 8", "block a 0 8 1\nfield f 5 4",
            "block a 0 8 1\nfield f -1 2", "block a 0 8 1\nfield f 0 0", "block a 0 8 1\nfield f \(Int.max) 8", "pool", "what is this",
        ] { #expect(StateDescription(line, size: 4096) == nil, "\(line)") }
        let region = Slab<UInt8>(capacity: own.size), target = Slab<UInt8>(capacity: own.size)
        _ = StateMemory(fresh: region.view.memory, connections: connections, seed: 1, place: TranslationFixture.place)
        region.view[StateDescription.offset + 20] ^= 1
        #expect(throws: StateRefusal.damaged) {
            try StateMemory.convert(region.view.memory, into: target.view.memory, connections: 128, place: TranslationFixture.place)
        }
        #expect(target.view.memory.prefix(4096).allSatisfy { $0 == 0 })
    }

    /// A field that nobody names would be lost on the way to another layout.
    @Test func everyFieldHasAName() {
        func check<Record: StateRecord>(_ record: Record, derived: Set<String> = []) {
            let names = Set(Record.fields.map { $0.name.split(separator: ".")[0] })
            for child in Mirror(reflecting: record).children {
                guard let label = child.label, !derived.contains(label) else { continue }
                #expect(names.contains(label[...]), "\(Record.self).\(label)")
            }
        }
        let address = IPAddress(v4: 1), server = ServerKey(address: address, port: 1)
        let connection = Connection(
            client: address, clientPort: 1, virtual: address, virtualPort: 1, proto: 6, serverAddress: address, serverPort: 1,
            method: .masquerading)
        check(connection, derived: ["reserved", "wheelSlot", "next", "previous", "filed", "children"])
        check(
            RealServer(key: server, settings: ServerSettings(), service: 0), derived: ["active", "total", "persistent", "service", "path"])
        check(ServiceSlot(ServiceKey(proto: 6, address: address, port: 80)))
        check(DoubleBuffer(SchedulerNote()))
        check(SchedulerNote())
        check(StateProgress())
        check(StateLimits())
        check(ShownCounters())
        check(RateEstimator())
        check(Counters())
        check(ServerSettings())
        check(RememberedAddress(.init(address: address, servers: [], times: []), of: 0, at: 0))
        check(LearnedMTU(mtu: 1, address: address, until: 0))
        check(PortRecord(next: 1, proto: 6, local: address, server: server))
        check(ClientStream(option: .none, clientStart: 0))
        if let data = TemplateData("sip", []) { check(data) }
    }

    /// Where memory is had bit by bit, what there is none for is refused, and nothing is written there.
    @Test func memoryThatIsNotThere() throws {
        let connections = 1 << 16, size = StateMemory.size(connections: connections)
        let region = Slab<UInt8>(capacity: size)
        var given: [Range<Int>] = [], room = Int.max, refusals = 0
        let backing = MemoryBacking(size: size) { range in
            guard range.count <= room else { return false }
            room -= range.count
            given.append(range)
            return true
        }
        backing.refused = { refusals += 1 }
        #expect(StateMemory.isBegun(backing, connections: connections))
        var director = Director(
            in: StateMemory(fresh: region.view.memory, connections: connections, seed: 1, place: TranslationFixture.place, backing: backing)
        )
        let key = ServiceKey(proto: 6, address: IPAddress(v4: 0xcb00_710a), port: 80)
        try director.apply(.addService(key, ServiceSettings(scheduler: "rr")))
        try director.apply(.addServer(key, ServerKey(address: IPAddress(v4: 0x0a02_000b), port: 80), ServerSettings()))
        let record = Connection(
            client: IPAddress(v4: 1), clientPort: 1, virtual: key.address, virtualPort: 80, proto: 6, serverAddress: IPAddress(v4: 2),
            serverPort: 80, method: .directRouting)
        room = 2 << 19
        var made = 0
        for number in 0..<20_000 {
            var connection = record
            connection.client = IPAddress(v4: UInt32(number))
            if director.connections.insert(connection) != nil { made += 1 }
        }
        #expect(made >= (1 << 19) / MemoryLayout<Connection>.stride && made < 20_000 && refusals == 1)
        let whole = given.map(\.lowerBound)
        #expect(Set(whole).count == whole.count)
        // What was written lies in what was given.
        for place in 0..<size where region.view[place] != 0 {
            guard given.contains(where: { $0.contains(place) }) else {
                Issue.record("byte \(place) was written and not asked for")
                break
            }
        }
    }
}
