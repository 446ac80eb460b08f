import Admin
import Glibc

/// Processor time of the engine's thread that control work takes, step by step: so long frames may have waited for one.
struct ControlSteps {
    /// Nanoseconds of the thread's processor time.
    static var clock: UInt64 {
        var time = timespec()
        clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time)
        return UInt64(time.tv_sec) * 1_000_000_000 + UInt64(time.tv_nsec)
    }

    /// What is told of them while they go on.
    private(set) var status = DirectorStatus.ControlSteps()
    /// Which one was the longest.
    private var longest = ""

    /// A step that began at that reading of the clock has ended.
    mutating func note(_ name: String, since began: UInt64) {
        let taken = Self.clock &- began
        let bounds = DirectorStatus.ControlSteps.bounds
        status.counts[bounds.firstIndex { taken <= $0 } ?? bounds.count] += 1
        status.total &+= taken
        if taken > status.longest { (status.longest, longest) = (taken, name) }
    }

    /// `control steps: <=0.1ms 12, … more 0, longest 0.09 ms (network)`.
    var line: String {
        let words = zip(["<=0.1ms", "<=0.5ms", "<=1ms", "<=2ms", "more"], status.counts).map { "\($0) \($1)" }
        let hundredths = status.longest / 10_000
        let time = "\(hundredths / 100).\(hundredths % 100 < 10 ? "0" : "")\(hundredths % 100)"
        return "control steps: \(words.joined(separator: ", ")), longest \(time) ms" + (longest.isEmpty ? "" : " (\(longest))")
    }
}
