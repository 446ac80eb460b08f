import PacketKit
import Testing
import Wire

@testable import LVS

/// A table that fills (`svs_early_drop`): who gives way, in which order, and that nothing else changes.
@Suite struct EarlyDropTests {
    @Test(
        "Who gives way in a table of 64, of which 48 is three quarters and 60 fifteen sixteenths",
        arguments: [
            ("below three quarters nothing", "S:udp53,rr +A1 u1-47:? state1=UDP/300 state47=UDP/300"),
            (
                "the timeouts of new ones shrink",
                "S:udp53,rr +A1 u1-47:? u48:A state48=UDP/300 u49:A u50:A state50=UDP/262 u51-56:? state56=UDP/150"
            ),
            ("those of half-open ones too", "S:tcp80,rr +A1 s1-55:? state40=SYN_RECV/60 state55=SYN_RECV/33"),
            ("again with a SYN sent again", "S:tcp80,rr +A1 s1-56:? @5 s1:A state1=SYN_RECV/30"),
            ("an answer gives the whole time", "S:tcp80,rr +A1 s1-56:? a56:A state56=ESTABLISHED/900"),
            ("a second datagram too", "S:udp53,rr +A1 u1-56:? u56:A state56=UDP/300"),
            (
                "the oldest go",
                "S:udp53,rr +A1 u1-30:? @10 u31-60:? count=60 @1 u61-64:? count=60 state1= state4= state5=UDP/289 state31=UDP/299"
            ),
            ("established ones never", "S:tcp80,rr +A1 s1-59:? a1-59:? s60:A @10 s61:A state60= state1=ESTABLISHED/890 count=60"),
            ("nor those that sent twice", "S:udp53,rr +A1 u1-59:? u1-59:? u60:A @10 u61:A state60= state1=UDP/290 count=60"),
            ("a table of established ones refuses", "S:tcp80,rr +A1 s1-64:? a1-64:? @20 s65:% count=64"),
            ("a handshake of now has its time", "S:tcp80,rr +A1 s1-56:? a1-56:? s57-63:? @1 s64:A a57:A state57=ESTABLISHED/900 count=64"),
            (
                "but not the last place",
                "S:tcp80,rr +A1 s1-60:? a1-60:? s61-65:AAAAA state61= state62= state63= state64=SYN_RECV/3 count=62"
            ),
            ("switched off, everything as ever", "vs.svs_early_drop=0 S:udp53,rr +A1 u1-65:? u66:% state60=UDP/300 count=64"),
            ("what comes after the flood has its time", "S:udp53,rr +A1 u1-70:? @301 u71:A state71=UDP/300 count=1"),
        ])
    func whoGivesWay(_ name: String, script: String) throws {
        let happened = try DirectorHarness(connections: 64).run(script)
        let words = zip(script.split(separator: " "), happened.split(separator: " ")).filter { !$0.0.hasSuffix("?") }
        #expect(words.map(\.1) == words.map(\.0), "\(name)")
    }

    /// One service is flooded; half-open connections of another one, older than all of that, stay.
    @Test func theNoisiestServiceGivesWayFirst() throws {
        let farm = DirectorHarness(connections: 64)
        #expect(try farm.run("S:tcp80,rr +A1 s1-8:AAAAAAAA count=8") == "S:tcp80,rr +A1 s1-8:AAAAAAAA count=8")
        _ = try farm.run("@5 S:udp53,rr +A1 u1-52:? @5 u53-200:? count=60")
        let left = farm.bench.connections
        #expect(left.count { $0.proto == IPProtocol.tcp } == 8)
        #expect(farm.bench.director.earlyDrop.counts.oneWay == 148)
        #expect(farm.bench.director.earlyDrop.counts.halfOpen == 0)
        #expect(farm.bench.frames(.tableFull) == 0)
    }

    /// A flood on a persistent service makes templates as well.
    @Test func templatesOfNobodyGoAlong() throws {
        let farm = DirectorHarness(connections: 64)
        _ = try farm.run("S:tcp80,rr,p600 +A1 s1-10:? a1-10:? @5 s11-30:? @5 s31-200:?")
        #expect(farm.bench.frames(.tableFull) == 0)
        let established = farm.bench.connections.filter { $0.state == "ESTABLISHED" || $0.state == "ASSURED" }
        #expect(established.count == 20)
        // Connections that ended by themselves leave templates behind, which nothing takes along.
        let other = DirectorHarness(connections: 64)
        _ = try other.run("S:tcp80,rr,p6000 +A1 s1-30:? @61 s31-200:?")
        #expect(other.bench.frames(.tableFull) == 0)
        #expect(other.bench.director.earlyDrop.counts.templates > 0)
    }

    /// Replies through the director count as answers.
    @Test func whatIsAnsweredStays() throws {
        let farm = DirectorHarness(method: .masquerading, connections: 64)
        let script = "S:udp53,rr +A1 u1:A U1:< u2-60:? @10 u61-70:? state1=UDP/290 state2="
        #expect(try farm.run(script).hasSuffix("state1=UDP/290 state2="))
    }

    /// Three times the table from random sources: nobody who finishes a handshake is refused, and each entry is made room for
    /// in bounded steps.
    @Test(arguments: [256, 4096])
    func aFlood(capacity: Int) throws {
        let farm = DirectorHarness(connections: capacity)
        _ = try farm.run("S:udp53,rr +A1 S:tcp80,rr +A1 s1-50:? a1-50:?")
        let virtual = TranslationFixture.ip("203.0.113.10")
        for i in 0..<3 * capacity {
            farm.bench.send(Packet.udp(from: Endpoint(IPAddress(v4: 0x0b00_0000 + UInt32(i)), 7), to: Endpoint(virtual, 53), payload: [1]))
            if i % 64 == 0 {
                let client = 100 + i / 64 % 100
                #expect(try farm.run("s\(client).\(i / 64):A a\(client).\(i / 64):A") == "s\(client).\(i / 64):A a\(client).\(i / 64):A")
            }
            if i % (capacity / 256) == 0 { farm.bench.pass(seconds: 0, milliseconds: 4) }
        }
        #expect(farm.bench.frames(.tableFull) == 0)
        #expect(farm.bench.connections.count { $0.state == "ESTABLISHED" } == 50 + (3 * capacity + 63) / 64)
    }

    /// Each list by itself, against a plain array.
    @Test func theOldestIsFound() {
        var entries = UnansweredEntries(capacity: 1000)
        var twin: [(id: ConnectionID, service: Int32, second: Int64)] = []
        var generator = SeededGenerator(seed: 7)
        var now: Instant = 1000 * second
        for step in 0..<20_000 {
            now += Instant(generator.below(200)) * 1_000_000
            let id = ConnectionID(generator.below(1000))
            if let place = twin.firstIndex(where: { $0.id == id }) {
                let isThere = entries.contains(id)
                #expect(isThere)
                entries.remove(id)
                twin.remove(at: place)
            } else {
                let service = Int32(generator.below(5)) - 1, since = max(now - Instant(generator.below(300)) * second, 0)
                entries.add(id, service: service, since: since, now: now)
                twin.append((id, service, since / second))
            }
            guard step % 50 == 0 else { continue }
            let sizes = (-1..<4).map { service in twin.count { $0.service == service } }
            let noisiest = Int32(sizes.firstIndex(of: sizes.max() ?? 0) ?? 0) - 1
            let expected = twin.filter { $0.service == noisiest }.min { $0.second < $1.second }
            let found = entries.oldestOfNoisiest(at: now)
            #expect(found?.id == expected?.id)
            let count = entries.count
            #expect(count == twin.count)
        }
    }
}
