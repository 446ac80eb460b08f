import LVS
import Testing
import Wire

@testable import Keeper

struct RestartPolicyTests {
    /// A director that has done some work is followed by the next at once, however often.
    @Test func whatWorkedIsStartedAtOnce() {
        var policy = RestartPolicy()
        for _ in 0..<100 {
            #expect(policy.ended(after: second, hadFrames: true) == .init(pause: 0, setsStateAside: false))
        }
    }

    /// The fifth short life in a row is the first that is waited for, longer and longer, and never for ever.
    @Test func shortLivesAreWaitedFor() {
        var policy = RestartPolicy()
        let pauses = (0..<14).map { _ in policy.ended(after: second / 2 - 1, hadFrames: true).pause / millisecond }
        #expect(pauses == [0, 0, 0, 0, 100, 200, 400, 800, 1600, 3200, 5000, 5000, 5000, 5000])
        #expect(policy.ended(after: second / 2, hadFrames: true).pause == 0)
        #expect(policy.ended(after: 0, hadFrames: true).pause == 0)
    }

    /// Three that end early and before their first frame cast doubt on what they began with; then it is counted anew.
    @Test func whatKeepsFailingIsSetAside() {
        var policy = RestartPolicy()
        let suspected = (0..<7).map { _ in policy.ended(after: 0, hadFrames: false).setsStateAside }
        #expect(suspected == [false, false, true, false, false, true, false])
        _ = policy.ended(after: second, hadFrames: true)
        #expect((0..<3).map { _ in policy.ended(after: 0, hadFrames: false).setsStateAside } == [false, false, true])
        #expect((0..<9).allSatisfy { _ in !policy.ended(after: second, hadFrames: false).setsStateAside })
    }
}
