import Wire

/// How many frames met each verdict since the start.
public struct VerdictCounters: ~Copyable {
    private let counts: SlabView<UInt64>

    init(in memory: StateMemory) { counts = memory.verdicts }

    @inline(__always)
    mutating func count(_ verdict: Verdict) { counts[Int(verdict.rawValue)] &+= 1 }

    /// Counts frames that met a verdict where nobody saw them one by one.
    mutating func count(_ verdict: Verdict, times frames: UInt64) { counts[Int(verdict.rawValue)] &+= frames }

    public subscript(verdict: Verdict) -> UInt64 { counts[Int(verdict.rawValue)] }

    /// Every verdict that was met, with its number.
    public var all: [(verdict: Verdict, frames: UInt64)] {
        Verdict.allCases.compactMap { self[$0] > 0 ? ($0, self[$0]) : nil }
    }
}
