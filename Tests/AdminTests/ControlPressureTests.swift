import CLinux
import Glibc
import LVS
import Testing
import Wire

@testable import Admin

/// More clients than there is room for, and directors that answer without end.
@Suite struct ControlPressure {
    /// All places are taken by clients that say nothing: whoever has done so longest goes, and root's newest is answered.
    @Test func silentClientsMakeRoom() throws {
        let bench = try ControlBench()
        // One that asks is not the one that goes, though it came first.
        let busy = try ControlClient(path: bench.path)
        var silent: [RawClient] = []
        for _ in 1..<ControlServer.maximumPeers { silent.append(try RawClient(bench.path)) }
        _ = try busy.inventory()
        for _ in 0..<20 { _ = try ControlClient(path: bench.path).inventory() }
        _ = try busy.inventory()
        var left = pollfd(fd: silent[0].descriptor, events: 0x2000, revents: 0)
        #expect(poll(&left, 1, 20_000) == 1)
        var stays = pollfd(fd: silent[200].descriptor, events: 0x2000, revents: 0)
        #expect(poll(&stays, 1, 0) == 0)
        _ = bench.stop()
    }

    /// What no director says is not believed: an answer that never comes to its end costs neither memory nor patience.
    @Test(arguments: [false, true])
    func endlessAnswersAreGivenUp(isStrange: Bool) throws {
        let path = "/tmp/svs-endless-\(getpid())-\(UInt32.random(in: 0 ... .max))"
        let listener = try ControlListener(path: path)
        let flood = try Flood(listener, isStrange: isStrange)
        let client = try ControlClient(path: path)
        let error = #expect(throws: ControlFailure.self) { try client.inventory() }
        #expect(error?.errno == EPROTO)
        flood.stop()
    }

    /// Answers a client with services without end, or with messages that nobody asked for.
    private final class Flood: @unchecked Sendable {
        private let listener: ControlListener
        private var thread = pthread_t()
        private let isStrange: Bool

        init(_ listener: ControlListener, isStrange: Bool) throws {
            self.listener = listener
            self.isStrange = isStrange
            let context = Unmanaged.passRetained(self)
            let failure = pthread_create(
                &thread, nil,
                { context in
                    if let context { Unmanaged<Flood>.fromOpaque(context).takeRetainedValue().run() }
                    return nil
                }, context.toOpaque())
            try #require(failure == 0)
        }

        func stop() {
            pthread_join(thread, nil)
            listener.close()
        }

        private func run() {
            var ready = pollfd(fd: listener.descriptor, events: Int16(POLLIN), revents: 0)
            guard poll(&ready, 1, 10_000) == 1 else { return }
            var user: UInt32 = 0
            let client = svs_control_accept(listener.descriptor, &user)
            defer { close(client) }
            let service = ServiceRecord(key: ControlExamples.v4, settings: ServiceSettings(scheduler: "rr"))
            let message = NetlinkMessage(
                type: ControlConstants.family, flags: NetlinkMessage.Flags.multi, sequence: isStrange ? 99 : 1, port: 0,
                payload: NetlinkCodec.message(for: service).payload)
            for _ in 0..<200_000 {
                var room = pollfd(fd: client, events: Int16(POLLOUT), revents: 0)
                guard poll(&room, 1, 10_000) == 1, svs_control_send(client, message.bytes, message.bytes.count) >= 0 else { return }
            }
        }
    }
}
