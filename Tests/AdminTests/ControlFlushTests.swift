import CLinux
import Glibc
import LVS
import Testing
import Wire

@testable import Admin

/// A director that removes one service at a time before a flush, and counts how often it was asked to.
private struct SlowDirector: ControlTarget {
    var engine = MemoryDirector()
    var asked = 0

    mutating func apply(_ command: Command) throws(CommandError) { try engine.apply(command) }

    mutating func shorten(_ command: Command) -> Bool {
        asked += 1
        if !engine.state.services.isEmpty { engine.state.services.removeLast() }
        return engine.state.services.isEmpty
    }

    func inventory() -> Inventory { engine.inventory() }
    func connections() -> [ConnectionRecord] { [] }
    mutating func answer(_ question: ControlQuestion, from client: Int32) throws(AskError) -> ControlReply { .text("") }
}

/// A request that takes long is carried out in steps, between which frames and other clients have their turn.
@Suite struct ControlFlush {
    private static func key(_ number: Int) -> ServiceKey { ServiceKey(mark: UInt32(number), family: .v4) }

    private static func director(_ services: Int) -> SlowDirector {
        var director = SlowDirector()
        director.engine.state.services = (1...services).map { ServiceRecord(key: key($0), settings: ControlExamples.full) }
        return director
    }

    @Test func theAnswerComesBehindTheLastStep() throws {
        let server = try ControlServer(owner: geteuid()), client = HandoverClient(), other = HandoverClient()
        var director = Self.director(5)
        server.adopt(client: dup(client.kept), number: 1)
        server.adopt(client: dup(other.kept), number: 2)
        try client.send([(.flush, 7), (.setTimeouts(tcp: 60, fin: 0, udp: 0), 8)])
        server.serve(&director)
        #expect(client.isQuiet && director.asked == 1 && director.engine.state.services.count == 4)
        // Others are answered meanwhile, and what the client asked behind it is not done before it.
        try other.send([(.setTimeouts(tcp: 0, fin: 30, udp: 0), 9)])
        server.serve(&director)
        #expect(other.answer() == [9, 0] && client.isQuiet)
        for _ in 0..<20 where client.isQuiet { server.serve(&director) }
        #expect(client.answer() == [7, 0] && director.engine.state.services.isEmpty)
        for _ in 0..<20 where client.isQuiet { server.serve(&director) }
        #expect(client.answer() == [8, 0])
        #expect(director.asked == 5)
        #expect(director.engine.seen.filter { $0 == .flush }.count == 1)
    }

    /// Steps of one try count as one, and a request that ended three directors in its steps ends no fourth.
    @Test func eachDirectorTriesOnce() throws {
        let memory = HandoverMemory(), client = HandoverClient()
        try client.send([(.flush, 7)])
        for _ in 0..<3 {
            let server = try ControlServer(owner: geteuid(), clients: ClientTable(memory.table))
            var director = Self.director(100)
            server.adopt(client: dup(client.kept), number: 1)
            for _ in 0..<10 { server.serve(&director) }
            #expect(client.isQuiet && director.engine.state.services.count == 90)
        }
        let server = try ControlServer(owner: geteuid(), clients: ClientTable(memory.table))
        var director = Self.director(100)
        server.adopt(client: dup(client.kept), number: 1)
        for _ in 0..<20 where client.isQuiet { server.serve(&director) }
        #expect(client.answer() == [7, UInt32(EIO)] && director.engine.state.services.count == 100)
    }

    /// What is no request to flush takes nothing away.
    @Test func aStubOfAMessageFlushesNothing() throws {
        let server = try ControlServer(owner: geteuid()), client = HandoverClient()
        var director = Self.director(3)
        server.adopt(client: dup(client.kept), number: 1)
        for payload in [[ControlConstants.Verb.flush], [ControlConstants.Verb.flush, 1, 0]] {
            let bytes = NetlinkMessage(type: ControlConstants.family, flags: 5, sequence: 3, port: 9, payload: payload).bytes
            _ = svs_control_send(client.own, bytes, bytes.count)
            for _ in 0..<5 where client.isQuiet { server.serve(&director) }
            #expect(client.answer() == [3, UInt32(EINVAL)])
        }
        // Not marked as a request, it is answered and not looked at.
        let bytes = NetlinkMessage(
            type: ControlConstants.family, flags: 4, sequence: 4, port: 9,
            payload: GenericMessage(command: ControlConstants.Verb.flush).payload
        ).bytes
        _ = svs_control_send(client.own, bytes, bytes.count)
        for _ in 0..<5 where client.isQuiet { server.serve(&director) }
        #expect(client.answer() == [4, 0] && director.asked == 0 && director.engine.state.services.count == 3)
    }
}
