import PacketKit
import Testing
import Wire

import enum PacketKit.Packet

@testable import LVS

/// Whatever stands in a state's memory, nothing falls over and nothing that can't be is believed.
@Suite struct StateDamageTests {
    /// Bytes of records in use, of every kind.
    private static func places(_ director: borrowing Director) -> [Range<Int>] {
        let layout = director.memory.layout
        func range<Record>(_ block: StateLayout.Block<Record>, _ count: Int) -> Range<Int> {
            block.offset..<block.offset + count * MemoryLayout<Record>.stride
        }
        let limits = director.memory.limits[0], connections = Int(limits.connections)
        return [
            range(layout.connections, connections), range(layout.connections, connections), range(layout.streams, connections),
            range(layout.templates, connections), range(layout.servers, Int(limits.servers)), range(layout.shown, Int(limits.servers)),
            range(layout.outer, 2 * Int(limits.servers)), range(layout.services, Int(limits.services)),
            range(layout.serviceCounters, Int(limits.services)), range(layout.remembered, Int(limits.remembered)),
            range(layout.ports, Int(limits.ports)), range(layout.learnedMTUs, 4), range(layout.limits, 1), range(layout.progress, 1),
            range(layout.ranges, 4),
        ].filter { !$0.isEmpty }
    }

    @Test(arguments: SchedulerLawTests.names)
    func anythingMayBeDamaged(scheduler: String) throws {
        var dice = SeededGenerator(seed: UInt64(scheduler.utf8.reduce(9) { $0 &* 31 &+ UInt64($1) }))
        var history = DirectorHistory(scheduler: scheduler, seed: dice.next(), outlives: true)
        var dropped = 0
        for round in 0..<150 {
            for _ in 0..<12 { _ = history.step() }
            let bench = history.bench
            guard let region = bench.state else { return }
            let places = Self.places(bench.director), commands = bench.director.standingCommands
            for _ in 0..<1 + dice.next(3) {
                let range = places[Int(dice.next(UInt64(places.count)))]
                let place = range.lowerBound + Int(dice.next(UInt64(range.count)))
                if dice.next(2) == 0 {
                    region[place] = UInt8(truncatingIfNeeded: dice.next())
                } else {
                    region.storeBytes(of: dice.next() >> dice.next(64), toByteOffset: place & ~7, as: UInt64.self)
                }
            }
            dropped += try bench.replaceDirector(told: commands).dropped.values.reduce(0, +)
            if let fault = history.audit() ?? bench.director.impossibility {
                Issue.record("\(scheduler), round \(round): \(fault)")
                return
            }
        }
        #expect(dropped > 0)
    }

    /// A byte of a connection's identity that is not as it was written ends it; another byte changes no identity.
    @Test func noOtherConnectionComesOfADamagedOne() throws {
        for place in 0..<MemoryLayout<Connection>.size {
            let bench = TranslationFixture(outlives: true)
            let client = Endpoint("198.51.100.7").at(4000), virtual = Endpoint("203.0.113.10").at(80)
            try bench.serve(virtual, Endpoint("10.2.0.11").at(80), method: .fullNAT) {
                $0.localAddresses = [TranslationFixture.ip("10.2.0.200")...TranslationFixture.ip("10.2.0.203")]
            }
            bench.send(Packet.tcp(from: client, to: virtual, flags: .syn))
            let before = bench.connections.map { Self.identity($0) }
            #expect(before.count == 1)
            let layout = bench.director.memory.layout, commands = bench.director.standingCommands
            bench.state?[layout.connections.offset + place] ^= UInt8(1 + place % 255)
            try bench.replaceDirector(told: commands)
            let after = bench.connections.map { Self.identity($0) }
            #expect(after.isEmpty || after == before, "byte \(place)")
            #expect(bench.director.imbalance == nil && bench.director.impossibility == nil, "byte \(place)")
            for flags in [TCPFlags.ack, .syn, .rst] { bench.send(Packet.tcp(from: client, to: virtual, flags: flags)) }
            bench.pass(seconds: 1000)
            #expect(bench.director.imbalance == nil, "byte \(place)")
        }
    }

    private static func identity(_ record: ConnectionRecord) -> String {
        "\(record.proto) \(record.client):\(record.clientPort) \(record.virtual):\(record.virtualPort) \(record.server):\(record.serverPort) "
            + "\(record.isTemplate)"
    }

    /// What was begun before the last store of each step is harmless: records are taken back to what they were then.
    @Test func whatWasOnlyBegunIsDropped() throws {
        let client = Endpoint("198.51.100.7").at(4000), virtual = Endpoint("203.0.113.10").at(80)
        let steps: [(AdoptionReport.Fault?, (inout Connection) -> Void)] = [
            (nil, { $0.flags.remove(.used) }),
            (.unfinished, { $0.server = -1 }),
            (
                .onePacket,
                {
                    $0.flags.insert(.onePacket); $0.check = $0.expectedCheck
                }
            ),
        ]
        for (fault, change) in steps {
            let bench = TranslationFixture(outlives: true)
            try bench.serve(virtual, Endpoint("10.2.0.11").at(80))
            bench.send(Packet.tcp(from: client, to: virtual, flags: .syn))
            change(&bench.director.memory.pool[0])
            let report = try bench.replaceDirector()
            #expect(report.connections == 0 && report.dropped == (fault.map { [$0: 1] } ?? [:]))
            #expect(bench.connections.isEmpty && bench.inventory.services[0].servers[0].inactive == 0)
            bench.send(Packet.tcp(from: client, to: virtual, flags: .syn))
            #expect(bench.connections.count == 1)
        }
    }

    /// A connection whose client began anew and whose old record was not yet superseded: the new one, which lives longer, is found.
    @Test func ofTwoOfAKindTheOneThatLivesLongerIsFound() throws {
        let bench = TranslationFixture(outlives: true)
        let client = Endpoint("198.51.100.7").at(4000), virtual = Endpoint("203.0.113.10").at(80)
        try bench.serve(virtual, Endpoint("10.2.0.11").at(80), Endpoint("10.2.0.12").at(80))
        for flags in [TCPFlags.syn, .ack, [.fin, .ack], [.fin, .ack]] { bench.send(Packet.tcp(from: client, to: virtual, flags: flags)) }
        let pool = bench.director.memory.pool
        pool[0].state = TCPState.timeWait.rawValue
        bench.send(Packet.tcp(from: client, to: virtual, flags: .syn))
        #expect(pool[0].flags.contains(.superseded) && bench.connections.count == 2)
        pool[0].flags.remove(.superseded)
        try bench.replaceDirector()
        #expect(pool[0].flags.contains(.superseded) && bench.connections.count == 2 && bench.director.imbalance == nil)
        bench.send(Packet.tcp(from: client, to: virtual, flags: .ack))
        #expect(bench.connections.map(\.state) == ["TIME_WAIT", "ESTABLISHED"])
    }
}

extension Director {
    /// The first thing that no director's table holds.
    var impossibility: String? {
        for id in 0..<connections.table.highWater where connections[id].flags.contains(.used) {
            let record = connections[id]
            guard record.client.family == record.virtual.family else { return "\(id) mixes families" }
            guard record.flags.contains(.template) || Transport.stateName(proto: record.proto, state: record.state) != "ERR!" else {
                return "\(id) is in no state"
            }
            guard record.server >= 0 || record.method == .bypass else { return "\(id) has no server" }
            guard record.server < 0 || servers[record.server].key.address == record.serverAddress else { return "\(id) has another server" }
            guard record.flags.contains(.template) || record.method != .fullNAT || PortPool.ports.contains(record.localPort) else {
                return "\(id) has no local port"
            }
            guard record.flags.contains(.superseded) || record.flags.contains(.template) || isFound(record, id) else {
                return "\(id) is not found"
            }
        }
        return nil
    }

    private func isFound(_ record: Connection, _ id: ConnectionID) -> Bool {
        connections.find(
            Flow(
                source: record.client, sourcePort: record.clientPort, destination: record.virtual, destinationPort: record.virtualPort,
                proto: record.proto)
        ).id == id
    }
}
