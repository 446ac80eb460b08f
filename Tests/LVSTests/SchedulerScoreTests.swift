import LVS
import Testing
import Wire

/// What `svs explain` prints beside each server, in the order of the list, after a script of `ServerFarm`.
@Suite struct SchedulerScoreTests {
    static let scores: [(String, String, [String])] = [
        ("rr", "+A1 +B0 +C1", ["next in the circle", "weight 0", "3 steps after the last served"]),
        ("rr", "+A1 +B1 +C1 CB", ["2 steps after the last served", "last served, asked last", "next in the circle"]),
        ("wrr", "+A1 +B2 +C3 CBAC", ["weight 3, level 3, last served", "weight 2, level 3", "weight 1, level 3"]),
        ("wrr", "+A1 +B1x1 B", ["overloaded", "weight 1, level 1"]),
        ("lc", "+A1 +B1 +C0 BAB ~1", ["weight 0", "overhead 258", "overhead 257"]),
        ("wlc", "+A2 +B1 BAA", ["overhead 257 / weight 1", "overhead 514 / weight 2"]),
        ("sed", "+A2 +B1 AB", ["(active 1 + 1) / weight 1", "(active 1 + 1) / weight 2"]),
        ("nq", "+A2 +B1 B", ["(active 1 + 1) / weight 1", "idle"]),
        (
            "sh", "+A1 +B1 +C0",
            [
                "owns slot 246, 86 of 256 slots, weight 0", "slot 246 is another's, 85 of 256 slots",
                "slot 246 is another's, 85 of 256 slots",
            ]
        ),
        ("dh", "+A1 +B1", ["slot 195 is another's", "owns slot 195"]),
        ("mh", "+A1 +B1", ["owns slot 998, 2047 of 4093 slots", "slot 998 is another's, 2046 of 4093 slots"]),
        ("fo", "+A1 +B2", ["weight 2", "weight 1"]),
        ("ovf", "+A1 +B1 BB", ["2 active > weight 1", "0 active, not more than weight 1"]),
        ("twos", "+A1 +B1", ["overhead 0 / weight 1, drawn twice", "overhead 0 / weight 1, not drawn"]),
        ("lblc", "+A4 +B4 2:B", ["overhead 257 / weight 4, knows the address", "overhead 0 / weight 4"]),
        (
            "lblcr", "+A1 +B1 2222:BBAA =A8",
            [
                "overhead 514 / weight 1, in the address's set but overworked",
                "overhead 514 / weight 8, in the address's set",
            ]
        ),
    ]

    @Test(arguments: scores)
    func saysWhy(scheduler: String, script: String, expected: [String]) throws {
        let farm = try ServerFarm(scheduler)
        #expect(try farm.run(script) == script)
        let request = SchedulingRequest(client: IPAddress(v4: 0xc000_0203), clientPort: 4000, destination: IPAddress(v4: 0x0a32_0002))
        #expect(farm.order.indices.map { farm.scheduler.score(of: $0, for: request, in: farm.servers) } == expected)
        // Asking changes nothing: the next pick is the same as without.
        let twin = try ServerFarm(scheduler)
        _ = try twin.run(script)
        #expect(farm.scheduler.pick(for: request, from: farm.servers) == twin.scheduler.pick(for: request, from: twin.servers))
    }

    /// With `sh-fallback` and `mh-fallback`, at which try a server would come up.
    @Test func theTryOfAFallback() throws {
        let request = SchedulingRequest(client: IPAddress(v4: 0xc000_0203), clientPort: 4000, destination: IPAddress(v4: 1))
        let sources = try ServerFarm("sh", flags: .scheduler1)
        _ = try sources.run("+A1 +B1 +C0")
        // Slot 246 is C's; looked for from 2 · 246 - 256 = 236 on, which is A's.
        #expect(
            (0..<3).map { sources.scheduler.score(of: $0, for: request, in: sources.servers) } == [
                "owns slot 246, 86 of 256 slots, weight 0", "fallback try 3, slot 238, 85 of 256 slots",
                "fallback try 1, slot 236, 85 of 256 slots",
            ])
        let maglev = try ServerFarm("mh", flags: .scheduler1)
        _ = try maglev.run("+A1 +B1 =B0")
        let place = try #require(maglev.scheduler.pick(for: request, from: maglev.servers))
        #expect(maglev.scheduler.score(of: place, for: request, in: maglev.servers).hasPrefix("fallback try "))
    }
}
