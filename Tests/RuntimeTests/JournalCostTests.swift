import Admin
import Glibc
import LVS
import Testing
import Wire

@testable import Runtime

/// What the journal costs: processor time of the thread, so that other work on the machine does not count.
@Suite(.serialized) struct JournalCostTests {
    /// Services with servers, told one by one: milliseconds for all and for the longest single command, and for the next director
    /// to be told the same.
    struct Cost {
        var told = 0.0, longest = 0.0, recalled = 0.0
    }

    private static var now: Double {
        var time = timespec()
        clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time)
        return Double(time.tv_sec) * 1e3 + Double(time.tv_nsec) / 1e6
    }

    private static func cost(services: Int, servers: Int) throws -> Cost {
        let bench = JournalRecorderTests.Bench(Journal.size(services: services, servers: services * servers, files: 0))
        var cost = Cost()
        func tell(_ command: Command) throws {
            let start = now
            try bench.engine.apply(command)
            let spent = now - start
            cost.told += spent
            cost.longest = max(cost.longest, spent)
        }
        func key(_ service: Int) -> ServiceKey {
            ServiceKey(
                proto: IPProtocol.tcp, address: IPAddress(v4: 0xc612_0000 + UInt32(service >> 8)), port: UInt16(1000 + service & 255))
        }
        func server(_ number: Int) -> ServerKey { ServerKey(address: IPAddress(v4: 0x0a01_0000 + UInt32(number)), port: 80) }
        for service in 0..<services {
            try tell(.addService(key(service), ServiceSettings(scheduler: "wlc")))
            for number in 0..<servers {
                try tell(.addServer(key(service), server(service * servers + number), ServerSettings(method: .masquerading)))
            }
        }
        // Enough changes for a fresh text or two.
        for number in 0..<(services * servers * 2) {
            let settings = ServerSettings(method: .masquerading, weight: Int32(number % 7))
            try tell(.editServer(key(number / servers % services), server(number % (services * servers)), settings))
        }
        let start = now
        var director = JournalRecorderTests.Bench.director()
        bench.recalled.restore(into: &director) { Issue.record("\($0.summary): \($1.sentence)") }
        cost.recalled = now - start
        let (told, recalled) = (bench.engine.inventory(), director.inventory())
        #expect(told == recalled)
        return cost
    }

    /// Four times as many cost four times as much, not sixteen times.
    @Test func costGrowsWithTheNumber() throws {
        let few = try Self.cost(services: 300, servers: 4), many = try Self.cost(services: 1200, servers: 4)
        #expect(many.told < few.told * 9 && many.recalled < few.recalled * 9, "\(few), \(many)")
    }

    /// Measured when it is asked for: 8,000 services with 37,000 servers.
    @Test(.enabled(if: getenv("SVS_MEASURE") != nil)) func measure() throws {
        print("journal: \(try Self.cost(services: 7400, servers: 5))")
    }
}
