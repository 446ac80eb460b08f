public import Wire

/// Where a ring's reader stands, in memory that may outlive it: the slot that it looks at next, and how many before that are
/// in its hands. One word, so that no moment shows half of a change.
public struct RingPosition {
    private let word: SlabView<UInt64>

    /// - Parameter word: one element; 0 is a ring that nobody has read.
    public init(_ word: SlabView<UInt64>) { self.word = word }

    /// The next slot to look at.
    var next: Int { Int(word[0] >> 32) }
    /// Slots before `next` that were begun and not given back.
    var taken: Int { Int(word[0] & 0xffff_ffff) }

    @inline(__always)
    func note(next: Int, taken: Int) { word[0] = UInt64(next) << 32 | UInt64(taken) }
}
