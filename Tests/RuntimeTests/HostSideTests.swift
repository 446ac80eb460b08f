import Glibc
import Host
import LVS
import Synchronization
import Testing
import Wire

@testable import Runtime

/// The host follows in stages, and the engine's thread waits for none of them.
@Suite struct HostSideTests {
    private final class Bench {
        let fake: FakeHost
        let host: HostSide
        var director = Director(connections: 16)
        /// Whom the answer is told to, when the host's own traffic was to be led.
        var told: ((HostError?) -> Void)?
        private let lines: Lines

        private final class Lines: Sendable {
            let said = Mutex<[String]>([])
        }

        init() throws {
            fake = try FakeHost(FakeHost.network)
            let lines = Lines()
            self.lines = lines
            host = try HostSide(fake, fake, interfaces: ["eth0"], log: Log { line in lines.said.withLock { $0.append(line) } })
            _ = try host.update(&director)
            // On an address of the host: what the host itself asks there is led to the director.
            try director.apply(
                .addService(ServiceKey(proto: IPProtocol.tcp, address: ip("192.0.2.254"), port: 80), ServiceSettings(scheduler: "rr")))
            host.begin()
        }

        var said: [String] { lines.said.withLock { $0 } }

        /// - Returns: whether the host has followed.
        func goOn() throws -> Bool {
            try host.goOn(&director, at: second, attach: { _ in }, lead: { _, done throws(HostError) in told = done })
        }

        /// Goes on until somebody is to be told what came of the leading.
        func reachLeading() throws {
            for _ in 0..<100 where told == nil {
                _ = try goOn()
                guard host.isPlanning else { continue }
                var watch = pollfd(fd: host.planDescriptor, events: Int16(POLLIN), revents: 0)
                _ = poll(&watch, 1, 10_000)
            }
            try #require(told != nil)
        }

        func finish() throws {
            for _ in 0..<100 { if try goOn() { return } }
            Issue.record("it does not come to an end")
        }
    }

    @Test func leadingTheHostsOwnTrafficIsNotWaitedFor() throws {
        let bench = try Bench()
        try bench.reachLeading()
        #expect(bench.host.isFollowing && !bench.host.wantsTurn)
        // Whoever asks too early changes nothing.
        #expect(try !bench.goOn() && bench.host.isFollowing && !bench.host.wantsTurn)
        bench.told?(nil)
        #expect(bench.host.wantsTurn)
        try bench.finish()
        #expect(!bench.host.isFollowing && bench.said.isEmpty)
    }

    /// Without it the director is of use to everybody else; it is asked for again the next time, and complained of once.
    @Test func aRefusalToLeadIsSaidOnce() throws {
        let bench = try Bench()
        for _ in 0..<2 {
            try bench.reachLeading()
            bench.told?(HostError("lead", errno: EPERM))
            bench.told = nil
            try bench.finish()
            bench.host.begin()
        }
        #expect(bench.said.count == 1 && bench.said[0].contains("does not reach its services"), "\(bench.said)")
        try bench.reachLeading()
        bench.told?(nil)
        try bench.finish()
        bench.host.begin()
        bench.told = nil
        // What is led already is not led again.
        for _ in 0..<100 where bench.host.isFollowing {
            _ = try bench.goOn()
            guard bench.host.isPlanning else { continue }
            var watch = pollfd(fd: bench.host.planDescriptor, events: Int16(POLLIN), revents: 0)
            _ = poll(&watch, 1, 10_000)
        }
        #expect(!bench.host.isFollowing && bench.told == nil)
    }
}
