import PacketKit
import Testing
import Wire

import enum PacketKit.Packet

@testable import LVS

/// A director that takes over another one's state goes on as that would have. What the words of scripts mean stands at
/// `DirectorHarness`.
@Suite struct StateAdoptionTests {
    /// Rules of the kernel that tests elsewhere hold a director to; here another one takes over between all words, or in the
    /// middle.
    @Test(arguments: PersistenceTests.templates + ConnectionRuleTests.rules, [IPFamily.v4, .v6])
    func itMakesNoDifferenceWhen(_ rule: (name: String, script: String), family: IPFamily) throws {
        let words = rule.script.split(separator: " ").map(String.init), middle = words.count / 2
        for script in [words.joined(separator: " * "), (words[..<middle] + ["*"] + words[middle...]).joined(separator: " ")] {
            #expect(try DirectorHarness(family, outlives: true).run(script) == script, "\(rule.name)")
        }
    }

    /// Whatever happens to directors with each scheduler: the next one is like the one before, and its books balance.
    @Test(arguments: SchedulerLawTests.names)
    func theNextOneIsLikeTheOneBefore(scheduler: String) throws {
        let seed = UInt64(scheduler.utf8.reduce(7) { $0 &* 31 &+ UInt64($1) })
        var history = DirectorHistory(scheduler: scheduler, seed: seed, outlives: true)
        for step in 0..<600 {
            _ = history.step()
            guard step % 12 == 0 else { continue }
            let before = history.bench.director.image
            let report = try history.bench.replaceDirector()
            #expect(report.dropped.isEmpty && report.untied == 0, "\(scheduler), step \(step): \(report)")
            let after = history.bench.director.image
            if before != after {
                let lines = zip(before, after).filter { $0 != $1 }.map { "\($0)\n\($1)" }
                Issue.record("\(scheduler), step \(step): \(lines.prefix(4).joined(separator: "\n"))")
                return
            }
            if let fault = history.audit() {
                Issue.record("\(scheduler), step \(step): \(fault)")
                return
            }
        }
        #expect(history.sent > 50, "only \(history.sent) packets were sent")
    }

    /// Two that share everything but their end: the same packets go the same ways.
    @Test(arguments: SchedulerLawTests.names)
    func itChoosesAsTheOtherWouldHave(scheduler: String) throws {
        var whole = DirectorHistory(scheduler: scheduler, seed: 21, outlives: true)
        var parts = DirectorHistory(scheduler: scheduler, seed: 21, outlives: true)
        for step in 0..<400 {
            for history in [whole, parts] {
                // Which entries and packets these drop depends on more than a state keeps.
                history.bench.tune { ($0.dropEntry, $0.dropPacket) = (0, 0) }
            }
            let sent = whole.sent
            _ = (whole.step(), parts.step())
            #expect(parts.bench.verdict == whole.bench.verdict, "\(scheduler), step \(step)")
            if whole.sent > sent {
                #expect(parts.bench.director.server(of: 0) == whole.bench.director.server(of: 0), "\(scheduler), step \(step)")
            }
            if step % 3 == 0 { try parts.bench.replaceDirector() }
        }
        let ends = [whole, parts].map { $0.bench.director.connectionRecords().map { "\($0)" }.sorted() }
        #expect(ends[0] == ends[1])
    }

    /// A Call-ID keeps its server, also with another director.
    @Test func sessionsOfAPersistenceEngineGoOn() throws {
        let bench = TranslationFixture(outlives: true)
        let virtual = Endpoint("203.0.113.10").at(5060), servers = [Endpoint("10.2.0.11").at(5060), Endpoint("10.2.0.12").at(5060)]
        try bench.serve(virtual, servers[0], servers[1], proto: IPProtocol.udp) {
            $0.flags.insert(.persistent)
            $0.timeout = 300
            $0.persistenceEngine = "sip"
        }
        func call(_ id: String, from port: UInt16) -> IPAddress? {
            let message = Array("INVITE sip:a SIP/2.0\r\nCall-ID: \(id)\r\n\r\n".utf8)
            let out = bench.send(Packet.udp(from: Endpoint("198.51.100.7").at(port), to: virtual, payload: message))
            return out.first.map { ends($0).destination.address }
        }
        let first = call("one@a", from: 4000), second = call("two@a", from: 4001)
        #expect(first != second && first != nil)
        try bench.replaceDirector()
        for port in 4002...4009 as ClosedRange<UInt16> {
            #expect(call("one@a", from: port) == first)
            #expect(call("two@a", from: port + 10) == second)
        }
        let templates = bench.connections.filter { $0.isTemplate }
        #expect(templates.map { String(decoding: $0.persistenceData, as: UTF8.self) }.sorted() == ["one@a", "two@a"])
    }

    /// Path MTUs and identifications of outer headers go on.
    @Test func whatTunnelsLearnedGoesOn() throws {
        let bench = TranslationFixture(outlives: true)
        let client = Endpoint("198.51.100.7").at(4000), virtual = Endpoint("203.0.113.10").at(80)
        try bench.tunnel(virtual, to: Endpoint("10.2.0.11").at(80), ServerSettings(method: .tunneling))
        func identification() -> UInt16 {
            let out = bench.send(Packet.tcp(from: client, to: virtual, flags: .ack)).first.map { packet($0) } ?? []
            return out.count > 6 ? UInt16(out[4]) << 8 | UInt16(out[5]) : 0
        }
        bench.tune { $0.pathMTUDiscovery = 0 }
        bench.send(Packet.tcp(from: client, to: virtual, flags: .syn))
        let first = identification()
        bench.rewire { $0.learnMTU(TranslationFixture.ip("10.2.0.11"), 1300, until: bench.now + 60_000_000_000) }
        bench.pass(seconds: 1)
        try bench.replaceDirector()
        #expect(bench.learnedMTU("10.2.0.11") == 1300)
        #expect(identification() == first + 1)
    }
}
