import Testing
import Wire

@testable import LVS

/// How many ICMP errors the host sends: to one receiver and in all. The kernel's own answers for single receivers, by the width of
/// the route to them, are in the case icmp-rate-limits; what it lets through in all is random with the mean that is asked for here.
@Suite struct ICMPLimitsTests {
    private func sent(_ budget: inout ICMPBudget, _ count: Int, _ tunables: Tunables, at now: Instant) -> Int {
        (0..<count).count { budget.takes(0, for: IPAddress(v4: UInt32($0)), tunables, at: now) }
    }

    @Test func allReceiversShareABudget() {
        var tunables = Tunables(), budget = ICMPBudget()
        tunables.icmpMessagesPerSecond = 1000
        tunables.icmpMessagesBurst = 50
        #expect(sent(&budget, 200, tunables, at: 0) == 50)
        // Nothing is added within a fiftieth of a second.
        #expect(sent(&budget, 200, tunables, at: 19 * millisecond) == 0)
        #expect(sent(&budget, 200, tunables, at: 20 * millisecond) == 20)
        #expect(sent(&budget, 10, tunables, at: 55 * millisecond) == 10)
        #expect(sent(&budget, 200, tunables, at: 56 * millisecond) == 25)
        // Never more than a burst is saved.
        #expect(sent(&budget, 200, tunables, at: 9 * second) == 50)
        tunables.icmpMessagesPerSecond = 0
        #expect(sent(&budget, 200, tunables, at: 9 * second) == 200)
    }

    /// What a receiver may not hear costs the others nothing.
    @Test func whatIsNotSentCostsNothing() {
        var tunables = Tunables(), budget = ICMPBudget()
        tunables.icmpMessagesPerSecond = 1000
        tunables.icmpMessagesBurst = 50
        let one = IPAddress(v4: 0x0a00_0001)
        #expect((0..<100).count { _ in budget.takes(second, for: one, tunables, at: 0) } == 6)
        #expect(sent(&budget, 200, tunables, at: 0) == 44)
    }
}
