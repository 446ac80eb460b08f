import Testing
import Wire

@testable import LVS

/// `lblc` and `lblcr`: sequences of 6.1.176 runs, and the ageing of what they remember as 6.1.192 has it.
extension SchedulerTests {
    static let localities: [(String, String)] = [
        ("lblc", "+A4 +B4 +C4 11122331:CCCBBAAC 1111111111111111111111:CCCCCCCCCCCCCCCCCCCCCC"),
        ("lblc", "+A4 +B4 +C4 11111111111111111111:CCCCCBBBBBAAAAAAAAAA"),
        ("lblcr", "+A4 +B4 +C4 1111111111111111111111:CCCCCBBBBBAAAAAABCABCA 2222:CCCC 111111:BABABA"),
        // From 6.1.192: who knows an address keeps it at its threshold, but not at weight 0 or when removed; back again it
        // is remembered.
        ("lblc", "+A4 +B4x1 1111:BBBB =B0 1:A =B4 11:AA"),
        ("lblc", "+A4 +B4 11:BB -B 2:A +B4 1:B"),
        ("lblcr", "+A4 +B4x1 1111:BAAA =A0 1:! -A 1:!"),
    ]

    @Test(arguments: localities)
    func remembersLikeTheKernel(scheduler: String, script: String) throws {
        #expect(try ServerFarm(scheduler).run(script) == script)
    }

    private func request(_ destination: UInt32, at now: Instant) -> SchedulingRequest {
        SchedulingRequest(client: IPAddress(v4: 1), clientPort: 1, destination: IPAddress(v4: destination), now: now)
    }

    /// Whether the scheduler still sends address 1 to the server that got it, when that server is loaded meanwhile.
    private func remembers(_ farm: ServerFarm) -> Bool {
        farm.scheduler.score(of: 0, for: request(1, at: farm.now), in: farm.servers).contains("address")
    }

    @Test(arguments: ["lblc", "lblcr"])
    func everyHalfHourTheUnusedIsForgotten(scheduler: String) throws {
        let farm = try ServerFarm(scheduler)
        _ = try farm.run("+A4")
        var tunables = Tunables()
        tunables.lblcExpiration = 3600
        tunables.lblcrExpiration = 3600
        farm.scheduler.tunablesChanged(tunables)
        farm.connect(request(1, at: 0))
        // Looks are at 1800, 3600...; used at 1, so idle for an hour from 3601 on.
        farm.advance(to: 1_000_000_000)
        farm.connect(request(1, at: farm.now))
        for second in stride(from: 60, through: 5340, by: 60) {
            farm.advance(to: Int64(second) * 1_000_000_000)
            #expect(remembers(farm), "after \(second) s")
        }
        farm.advance(to: 5400 * 1_000_000_000)
        #expect(!remembers(farm))
    }

    /// A clock that jumps ends where one that walks does.
    @Test func lateTicksAreMadeUpFor() throws {
        for (jump, remembered) in [(86_399, true), (86_401, true), (88_199, true), (88_201, false), (4_000_000_000, false)]
            as [(Int64, Bool)]
        {
            let farm = try ServerFarm("lblc")
            _ = try farm.run("+A4")
            farm.connect(request(1, at: 1_000_000_000))
            farm.advance(to: jump * 1_000_000_000)
            #expect(remembers(farm) == remembered, "\(jump) s")
            #expect(farm.scheduler.nextTick.map { $0 > farm.now && $0 <= farm.now + 60_000_000_000 } == true)
        }
    }

    /// Above 16384 entries those idle for six minutes go, (entries - 16384) · 4/3 or so in a minute; 24576 is the end.
    @Test func aFullCacheIsCollected() {
        var cache = LocalityCache<UInt32>()
        cache.tick(at: 0, expiration: 86_400_000_000_000)
        for number in UInt32(0)..<30_000 where cache.find(IPAddress(v4: number)) == nil {
            cache.insert(IPAddress(v4: number), number, at: 0)
        }
        #expect(cache.count == 24_576)
        #expect(cache.find(IPAddress(v4: 24_575)) != nil && cache.find(IPAddress(v4: 24_576)) == nil)
        let minute: Instant = 60_000_000_000
        cache.tick(at: 5 * minute, expiration: 86_400_000_000_000)
        #expect(cache.count == 24_576)
        // Goal min(8192 · 4/3, 8192): buckets of 24 go until 8192 or more are gone.
        cache.tick(at: 6 * minute, expiration: 86_400_000_000_000)
        #expect((16_300...16_384).contains(cache.count))
        let left = cache.count
        cache.tick(at: 7 * minute, expiration: 86_400_000_000_000)
        #expect(cache.count == left)
    }

    /// After `lblcr_expiration` without change a set of two gives up the member with the greater load.
    @Test func aSetShrinksAfterADay() throws {
        let farm = try ServerFarm("lblcr")
        // All inactive: A carries 2/1, B 5/4 and a quarter more with each of the later ones.
        let script = "+A1 +B4 1111111:BBBBBAA ~1,2,3,4,5,6,7 @43200 1:B ~8 @43200 1:B ~9"
        #expect(try farm.run(script) == script)
        #expect(members(farm) == "BA")
        #expect(try farm.run("@1 1:B") == "@1 1:B")
        #expect(members(farm) == "B")
    }

    /// A removed server stays in its sets and counts as loaded as its connections are.
    @Test func aSetGivesUpWhoHasLeft() throws {
        let farm = try ServerFarm("lblcr")
        let script = "+A1 +B4 1111111:BBBBBAA ~1,2,3,4,5,6,7 -A @43200 1:B ~8 @43201 1:B +A1 2:A"
        #expect(try farm.run(script) == script)
        #expect(members(farm) == "B")
    }

    /// Who is in the set of 10.50.0.1, in the order of the list.
    private func members(_ farm: ServerFarm) -> String {
        String(
            farm.order.indices.filter {
                farm.scheduler.score(of: $0, for: request(0x0a32_0001, at: farm.now), in: farm.servers).contains("set")
            }.map { farm.letter($0) })
    }
}
