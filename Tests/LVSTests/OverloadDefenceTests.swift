import Testing
import Wire

@testable import LVS

/// `drop_entry` and the automatic modes; time is an argument, so that a second passes when the test says so.
@Suite struct OverloadDefenceTests {
    /// A run of the kernel with 3009 half-open connections left 2915, 2828, 2729 and 2634 after 1 to 4 seconds: each second
    /// a 32nd of the table is visited.
    @Test func aThirtySecondOfTheHalfOpenGoesEachSecond() throws {
        let farm = DirectorHarness()
        _ = try farm.run("S:tcp80,rr +A1 +B1 s1-3008:? vs.drop_entry=3")
        var left = farm.bench.director.connectionCount
        #expect(left == 3008)
        for second in 1...4 {
            _ = try farm.run("@1")
            let now = farm.bench.director.connectionCount
            // Places that are empty already are visited in vain.
            #expect((75...94).contains(left - now), "second \(second): \(left - now) went")
            left = now
        }
        let loads = farm.bench.inventory.services[0].servers.map(\.active)
        #expect(Int(loads[0] + loads[1]) == left)
        // Off again, nobody goes until the minute of SYN_RECV is over.
        #expect(try farm.run("vs.drop_entry=0 @50 count=\(left)") == "vs.drop_entry=0 @50 count=\(left)")
    }

    @Test(
        "Who is spared",
        arguments: [
            ("established and alive", "S:tcp80,rr +A1 s1-40:? a1-40:?", 40),
            ("closing", "S:tcp80,rr +A1 s1-40:? f1-40:?", 40),
            ("datagrams of this minute", "S:udp53,rr +A1 u1-40:?", 40),
            ("half-open", "S:tcp80,rr +A1 s1-40:?", 0),
            ("half-open under secure_tcp", "vs.secure_tcp=3 S:tcp80,rr +A1 s1-40:?", 0),
            ("an association that only began", "S:sctp9,rr +A1 i1-40:?", 0),
            ("templates of those that came to life", "S:tcp80,rr,p60 +A1 s1-40:? a1-40:?", 80),
            ("those that did not take their templates along", "S:tcp80,rr,p60 +A1 s1-40:?", 0),
        ])
    func whoIsSpared(_ name: String, script: String, left: Int) throws {
        let farm = DirectorHarness()
        _ = try farm.run(script + " vs.drop_entry=3")
        // An association lasts 4 seconds: go through the table more often instead.
        for _ in 0..<1200 where farm.bench.director.connectionCount > left {
            let before = farm.bench.director.connectionCount
            farm.bench.sweep()
            #expect(farm.bench.director.connectionCount <= before)
        }
        #expect(farm.bench.director.connectionCount == left, "\(name)")
    }

    /// Idle for a minute with i packets, i at most 8: every i-th that is met goes. More packets, and it stays.
    @Test(arguments: [(1, true), (2, true), (8, true), (9, false), (20, false)])
    func idleConnections(packets: Int, goes: Bool) throws {
        let farm = DirectorHarness()
        _ = try farm.run("S:udp53,rr +A1 " + Array(repeating: "u1-40:?", count: packets).joined(separator: " ") + " @59 vs.drop_entry=3")
        for _ in 0..<400 { farm.bench.sweep() }
        #expect(farm.bench.director.connectionCount == 40)
        _ = try farm.run("vs.drop_entry=0 @1 vs.drop_entry=3")
        for _ in 0..<3000 { farm.bench.sweep() }
        #expect((farm.bench.director.connectionCount == 40) != goes)
    }

    @Test func everyIthIsDrawn() {
        var defence = OverloadDefence()
        for packets in UInt32(1)...8 {
            let drawn = (0..<80).filter { _ in defence.drawsOut(packets: packets, idle: 60 * second) }
            #expect(drawn == stride(from: 0, to: 80, by: Int(packets)).map { $0 })
        }
        for (packets, idle) in [(0, 99 * second), (9, 99 * second), (1, 60 * second - 1)] as [(UInt32, Instant)] {
            let isDrawn = defence.drawsOut(packets: packets, idle: idle)
            #expect(!isDrawn)
        }
    }

    /// Modes 1 and 2 act while less than an eighth of the table is free; judged once a second.
    @Test(arguments: ["1", "2"])
    func automaticModes(mode: String) throws {
        let farm = DirectorHarness(connections: 64)
        let tuned = "vs.drop_packet=\(mode) vs.secure_tcp=\(mode) vs.am_droprate=2"
        _ = try farm.run("S:tcp80,rr +A1 \(tuned) s1-56:?")
        #expect(try farm.run("@1 s57:A") == "@1 s57:A")
        #expect(farm.bench.connections.last?.state == "SYN_RECV")
        #expect(try farm.run("s58:A @1 s59-62:-A-A") == "s58:A @1 s59-62:-A-A")
        #expect(farm.bench.connections.suffix(2).map(\.state) == ["SYNACK", "SYNACK"])
        #expect(try farm.run("@61 s63-66:AAAA count=6") == "@61 s63-66:AAAA count=6")
    }

    @Test func aFullTableRefusesAndForgets() throws {
        let script = "vs.svs_early_drop=0 S:tcp80,rr +A1 +B1 s1-16:BABABABABABABABA s17-18:%% a1-2:BA a1:B r1:B @11 s17-18:B% @61 s18:B"
        let happened = try DirectorHarness(connections: 16).run(script)
        #expect(happened == script)
    }
}
