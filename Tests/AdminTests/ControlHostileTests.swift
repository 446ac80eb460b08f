import Admin
import CLinux
import Glibc
import LVS
import Testing
import Wire

/// A client that says exactly the bytes it is told.
final class RawClient {
    let descriptor: Int32

    init(_ path: String) throws {
        descriptor = svs_control_connect(path, 5)
        try #require(descriptor >= 0)
    }

    deinit { close(descriptor) }

    @discardableResult
    func send(_ bytes: [UInt8]) -> Int { svs_control_send(descriptor, bytes, bytes.count) }

    /// The next packet; empty when the server hung up or said nothing for five seconds.
    func receive() -> [UInt8] {
        var buffer = [UInt8](repeating: 0xa5, count: 65536)
        var length = svs_control_receive(descriptor, &buffer, buffer.count)
        // Said once when the server left with requests unread; what it sent before is still there.
        if length == -Int(ECONNRESET) { length = svs_control_receive(descriptor, &buffer, buffer.count) }
        return length > 0 ? Array(buffer.prefix(length)) : []
    }

    func ask(
        command: UInt8, flags: UInt16, type: UInt16 = ControlConstants.family,
        _ write: (inout AttributeWriter) -> Void = { _ in }
    ) throws -> [NetlinkMessage] {
        var out = AttributeWriter()
        write(&out)
        let body = GenericMessage(command: command, attributes: out.bytes)
        send(NetlinkMessage(type: type, flags: flags, sequence: 5, port: 77, payload: body.payload).bytes)
        return try #require(NetlinkMessage.messages(in: receive()))
    }
}

@Suite struct ControlHostile {
    @Test func theFamilyIsToldAsTheControllerWould() throws {
        let bench = try ControlBench()
        let raw = try RawClient(bench.path)
        var answers = try raw.ask(command: 3, flags: 5, type: 0x10) { $0.put(2, string: "IPVS") }
        answers += try #require(NetlinkMessage.messages(in: raw.receive()))
        #expect(answers.count == 2 && answers[0].type == 0x10 && answers[0].port == 77 && answers[1].refusal?.errno == 0)
        let family = try #require(GenericMessage(answers[0].payload).flatMap { NetlinkAttributes($0.attributes) })
        #expect(family.u16(1) == ControlConstants.family && family.string(2) == "IPVS" && family.nest(6)?.types == Array(1...17))
        #expect(try raw.ask(command: 3, flags: 1, type: 0x10) { $0.put(2, string: "nlctrl") }.first?.refusal?.errno == ENOENT)
        #expect(try raw.ask(command: 9, flags: 1, type: 0x10).first?.refusal?.errno == EOPNOTSUPP)
        _ = bench.stop()
    }

    struct Odd: Sendable, CustomTestStringConvertible {
        let testDescription: String
        let command: UInt8
        let flags: UInt16
        let errno: Int32?
        init(_ name: String, _ command: UInt8, _ flags: UInt16, _ errno: Int32?) {
            (testDescription, self.command, self.flags, self.errno) = (name, command, flags, errno)
        }
    }

    @Test(arguments: [
        Odd("an unknown command", 18, 5, EOPNOTSUPP),
        Odd("command 0", 0, 5, EOPNOTSUPP),
        Odd("GET_INFO as a dump", 15, 0x301, EOPNOTSUPP),
        Odd("GET_DEST as no dump", 8, 5, EOPNOTSUPP),
        Odd("GET_DAEMON as no dump", 11, 1, EOPNOTSUPP),
        Odd("GET_SERVICE of no service", 4, 1, EINVAL),
        Odd("NEW_SERVICE with nothing", 1, 1, EINVAL),
        Odd("GET_SERVICE as a dump", 4, 0x305, nil),
        Odd("FLUSH", 17, 5, 0),
        Odd("no request at all, but an acknowledgement wanted", 17, 4, 0),
    ])
    func answers(_ odd: Odd) throws {
        let bench = try ControlBench()
        let answers = try RawClient(bench.path).ask(command: odd.command, flags: odd.flags)
        #expect(answers.count == 1 && answers[0].sequence == 5)
        if let errno = odd.errno {
            #expect(answers[0].refusal?.errno == errno)
        } else {
            #expect(answers[0].type == NetlinkMessage.Kind.done && answers[0].flags == 2 && answers[0].payload == [0, 0, 0, 0])
        }
        _ = bench.stop()
    }

    @Test func serversOfAnUnknownServiceAreAnEmptyDump() throws {
        let bench = try ControlBench()
        let answers = try RawClient(bench.path).ask(command: 8, flags: 0x301) {
            $0.nest(1) {
                $0.put(1, u16: 2); $0.put(5, u32: 9)
            }
        }
        #expect(answers.map(\.type) == [NetlinkMessage.Kind.done])
        _ = bench.stop()
    }

    @Test func brokenFramesChangeNothing() throws {
        let bench = try ControlBench()
        let raw = try RawClient(bench.path)
        let flush = NetlinkMessage(type: ControlConstants.family, flags: 5, sequence: 1, port: 0, payload: [17, 1, 0, 0]).bytes
        // A sound message followed by one whose length lies: neither is done.
        raw.send(flush + [0xff, 0xff, 0, 0] + [UInt8](repeating: 0, count: 12))
        #expect(NetlinkMessage.messages(in: raw.receive())?.first?.refusal?.errno == EINVAL)
        raw.send([UInt8](repeating: 0, count: Int(ControlConstants.requestLength) + 1))
        #expect(NetlinkMessage.messages(in: raw.receive())?.first?.refusal?.errno == EMSGSIZE)
        raw.send([1, 2, 3])
        raw.send(flush + flush)
        #expect(NetlinkMessage.messages(in: raw.receive())?.first?.refusal?.errno == 0)
        #expect(NetlinkMessage.messages(in: raw.receive())?.first?.refusal?.errno == 0)
        #expect(bench.stop().seen == [.flush, .flush])
    }

    @Test func aClientThatLeavesAtOnceIsStillObeyed() throws {
        let bench = try ControlBench()
        let flush = NetlinkMessage(type: ControlConstants.family, flags: 5, sequence: 1, port: 0, payload: [17, 1, 0, 0]).bytes
        for _ in 0..<50 {
            let raw = try RawClient(bench.path)
            for _ in 0..<3 { raw.send(flush) }
        }
        _ = try ControlClient(path: bench.path).inventory()
        #expect(bench.waitUntilServed())
        #expect(bench.stop().seen.count == 150)
    }

    @Test func aClientThatDoesNotReadIsSentAwayAndHoldsNobodyUp() throws {
        let rows = (0..<4_000).map { _ in ControlExamples.connections[0] }
        let bench = try ControlBench(MemoryDirector(table: rows), patience: 2)
        let lazy = try RawClient(bench.path)
        let dump = NetlinkMessage(type: ControlConstants.family, flags: 0x301, sequence: 1, port: 0, payload: [65, 1, 0, 0]).bytes
        for _ in 0..<20 { lazy.send(dump) }
        let other = try ControlClient(path: bench.path)
        #expect(try other.connections().count == 4_000)
        // POLLRDHUP, which glibc hides behind _GNU_SOURCE.
        var left = pollfd(fd: lazy.descriptor, events: 0x2000, revents: 0)
        #expect(poll(&left, 1, 20_000) == 1)
        var packets = 0
        while !lazy.receive().isEmpty { packets += 1 }
        #expect(packets > 0 && packets < 400)
        _ = bench.stop()
    }

    @Test func othersThanRootMayOnlyAskForTheFamily() throws {
        guard geteuid() == 0 else {
            print("not root: a client of another user can't be started here, so its refusal is not tested")
            return
        }
        let bench = try ControlBench()
        // The socket's own mode keeps others out; here it is opened to see the second lock.
        #expect(chmod(bench.folder, 0o755) == 0 && chmod(bench.path, 0o666) == 0)
        let info = NetlinkMessage(type: ControlConstants.family, flags: 5, sequence: 1, port: 0, payload: [17, 1, 0, 0]).bytes
        let client = asUser(65534) { try? RawClient(bench.path) }
        let raw = try #require(client)
        raw.send(info)
        #expect(NetlinkMessage.messages(in: raw.receive())?.first?.refusal?.errno == EPERM)
        #expect(try raw.ask(command: 3, flags: 1, type: 0x10) { $0.put(2, string: "IPVS") }.first?.type == 0x10)
        #expect(bench.stop().seen.isEmpty)
    }

    /// Runs `body` on this thread as another user: the system call itself, for the C library would change all threads.
    private func asUser<Result>(_ user: UInt32, _ body: () -> Result) -> Result {
        svs_thread_user(user)
        defer { svs_thread_user(0) }
        return body()
    }
}
