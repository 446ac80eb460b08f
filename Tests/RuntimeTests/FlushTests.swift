import Admin
import LVS
import Testing
import Wire

@testable import Runtime

/// A flush of many services goes in steps, each of them short.
@Suite struct FlushTests {
    private static func bench(services: Int, servers: Int) throws -> JournalRecorderTests.Bench {
        let bench = JournalRecorderTests.Bench(Journal.size(services: services, servers: services * servers, files: 0))
        for place in 0..<services {
            let key = ServiceKey(proto: IPProtocol.tcp, address: IPAddress(v4: 0xc612_0001), port: UInt16(1000 + place))
            try bench.engine.apply(.addService(key, ServiceSettings(scheduler: "wlc")))
            for number in 0..<servers {
                let server = ServerKey(address: IPAddress(v4: 0x0a01_0000 + UInt32(place * servers + number)), port: 80)
                try bench.engine.apply(.addServer(key, server, ServerSettings(method: .masquerading)))
            }
        }
        return bench
    }

    private static func lines(_ inventory: Inventory) -> Set<String> {
        Set(inventory.services.map { "\($0.key) \($0.servers.map { "\($0.key)" }.joined(separator: " "))" })
    }

    @Test func itTakesSteps() throws {
        let bench = try Self.bench(services: 3000, servers: 2)
        #expect(bench.engine.shorten(.zero(nil)) && bench.engine.director.serviceCount == 3000)
        var steps = 1, longest: UInt64 = 0
        while true {
            let began = ControlSteps.clock, before = bench.engine.director.serviceCount
            let isShort = bench.engine.shorten(.flush)
            longest = max(longest, ControlSteps.clock - began)
            if isShort { break }
            #expect(bench.engine.director.serviceCount < before)
            steps += 1
            // Whoever comes after a director that dies here knows what is left.
            if steps == 2 {
                let (next, now) = (Self.lines(bench.next()), Self.lines(bench.engine.inventory()))
                #expect(next == now)
            }
        }
        #expect(steps > 3 && bench.engine.director.serviceCount == 0 && bench.engine.director.serverCount == 0)
        try bench.engine.apply(.flush)
        #expect(bench.next().services.isEmpty)
        // Half a millisecond and the removal of one service; ten times that for a debug build on a machine that is busy.
        #expect(longest < 20_000_000, "\(longest) ns")
    }
}
