import Admin
import LVS
import Synchronization
import Testing
import Wire

@testable import Web

/// A director that is a few values.
final class MadeUpDirector: StatusSource, Sendable {
    struct Values: Sendable {
        var status = DirectorStatus()
        var services: [ServiceLoad] = []
        var servers: [ServerLoad] = []
        var isSilent = false
        var questions = 0
        var loadQuestions = 0
    }
    let values: Mutex<Values>

    init(_ values: Values = Values()) { self.values = Mutex(values) }

    struct Silence: Error, CustomStringConvertible { var description: String { "/run/svs/monitor.sock: nobody listens there" } }

    func status() throws -> DirectorStatus {
        try values.withLock {
            $0.questions += 1
            if $0.isSilent { throw Silence() }
            return $0.status
        }
    }

    func loads() throws -> (services: [ServiceLoad], servers: [ServerLoad]) {
        values.withLock {
            $0.loadQuestions += 1
            return ($0.services, $0.servers)
        }
    }

    static func service(_ number: UInt64, _ address: UInt32, port: UInt16 = 80, connections: UInt64 = 0) -> ServiceLoad {
        var statistics = Statistics()
        (statistics.counters.connections, statistics.rates.connections) = (connections * 10, connections)
        return ServiceLoad(
            number: number, key: ServiceKey(proto: IPProtocol.tcp, address: IPAddress(v4: address), port: port), scheduler: "wlc",
            isPersistent: false, statistics: statistics)
    }

    static func server(_ service: UInt64, _ address: UInt32, weight: Int32 = 1, active: UInt32 = 0, inactive: UInt32 = 0) -> ServerLoad {
        ServerLoad(
            service: service, key: ServerKey(address: IPAddress(v4: address), port: 80), method: .directRouting, weight: weight,
            active: active,
            inactive: inactive)
    }
}

@Suite struct ObservedDirectorTests {
    private static func seen(_ times: Int, _ servers: (Int) -> [ServerLoad]) -> ObservedDirector {
        var observation = ObservedDirector()
        for time in 1...times {
            var status = DirectorStatus()
            status.rates.connections = UInt64(time)
            observation = observation.followed(
                by: status, ([MadeUpDirector.service(7, 2, connections: UInt64(time)), MadeUpDirector.service(3, 1)], servers(time)),
                at: Instant(time) * second)
        }
        return observation
    }

    @Test func chartsGrowUntilTheyAreLong() {
        let observation = Self.seen(70) { _ in [] }
        #expect(observation.history.map(\.connections) == (11...70).map(UInt64.init))
        #expect(observation.services.map(\.load.number) == [3, 7] && observation.services[1].chart == (11...70).map(UInt32.init))
    }

    /// The progress of a drain is measured from the most connections since the weight is 0.
    @Test func aDrainIsFollowed() {
        func server(_ time: Int) -> ServerLoad {
            MadeUpDirector.server(7, 9, weight: time < 3 ? 1 : 0, active: UInt32(100 - time * 10), inactive: 5)
        }
        #expect(Self.seen(2) { [server($0)] }.services[1].servers[0].drainsFrom == 0)
        let later = Self.seen(9) { [server($0)] }.services[1].servers[0]
        #expect((later.drainsFrom, later.connections, later.isDraining) == (75, 15, true))
    }

    /// A server whose service is gone is not shown with another one.
    @Test func whatBelongsToNobodyIsLeftOut() {
        let observation = Self.seen(1) { _ in [MadeUpDirector.server(99, 1), MadeUpDirector.server(3, 2), MadeUpDirector.server(3, 1)] }
        #expect(
            observation.services[0].servers.map { "\($0.load.key)" } == ["0.0.0.1:80", "0.0.0.2:80"]
                && observation.services[1].servers.isEmpty)
    }

    @Test func aHundredWhoLookCostOneQuestion() async throws {
        // No second passes.
        let director = MadeUpDirector(), observer = try Observer(director, clock: { 100 * second })
        defer { observer.end() }
        await withTaskGroup(of: Bool.self) { group in
            for _ in 0..<100 { group.addTask { await observer.view().observation != nil } }
            for await isSeen in group { #expect(isSeen) }
        }
        #expect(director.values.withLock { $0.questions } == 1)
    }

    /// What is known stays, and why there is nothing newer is said.
    @Test func aSilentDirectorIsSaid() async throws {
        let director = MadeUpDirector(), observer = try Observer(director)
        defer { observer.end() }
        director.values.withLock { $0.status.version = "9.9" }
        #expect(await observer.view().failure == nil)
        director.values.withLock { $0.isSilent = true }
        var view = await observer.view()
        for _ in 0..<1200 where view.failure == nil {
            try await Task.sleep(for: .milliseconds(100))
            view = await observer.view()
        }
        #expect(view.failure == "/run/svs/monitor.sock: nobody listens there" && view.observation?.status.version == "9.9")
    }
}
