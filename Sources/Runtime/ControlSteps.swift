import Glibc

/// Processor time of the engine's thread that control work takes, step by step: so long frames may have waited for one.
struct ControlSteps {
    /// Nanoseconds of the thread's processor time.
    static var clock: UInt64 {
        var time = timespec()
        clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time)
        return UInt64(time.tv_sec) * 1_000_000_000 + UInt64(time.tv_nsec)
    }

    /// Upper bounds of the counts, in nanoseconds; what is longer is counted last.
    private static let bounds: [UInt64] = [100_000, 500_000, 1_000_000, 2_000_000]
    private var counts = [Int](repeating: 0, count: 5)
    private var longest: (nanoseconds: UInt64, name: String) = (0, "")

    /// A step that began at that reading of the clock has ended.
    mutating func note(_ name: String, since began: UInt64) {
        let taken = Self.clock &- began
        counts[Self.bounds.firstIndex { taken <= $0 } ?? Self.bounds.count] += 1
        if taken > longest.nanoseconds { longest = (taken, name) }
    }

    /// `control steps: <=0.1ms 12, … more 0, longest 0.09 ms (network)`.
    var line: String {
        let words = zip(["<=0.1ms", "<=0.5ms", "<=1ms", "<=2ms", "more"], counts).map { "\($0) \($1)" }
        let hundredths = longest.nanoseconds / 10_000
        let longest = "\(hundredths / 100).\(hundredths % 100 < 10 ? "0" : "")\(hundredths % 100)"
        return "control steps: \(words.joined(separator: ", ")), longest \(longest) ms"
            + (self.longest.name.isEmpty ? "" : " (\(self.longest.name))")
    }
}
