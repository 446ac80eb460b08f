/// The director's dice: a seeded generator (SplitMix64), so that the same seed makes the same choices.
struct SeededGenerator {
    private var state: UInt64
    /// Where they stand; whoever knows it makes the same choices.
    var position: UInt64 {
        get { state }
        set { state = newValue }
    }

    init(seed: UInt64) { state = seed ^ 0x5356_5364_6963_6531 }

    /// The next 64 bits.
    mutating func next() -> UInt64 {
        state &+= 0x9e37_79b9_7f4a_7c15
        var z = state
        z = (z ^ (z >> 30)) &* 0xbf58_476d_1ce4_e5b9
        z = (z ^ (z >> 27)) &* 0x94d0_49bb_1331_11eb
        return z ^ (z >> 31)
    }

    /// A number below `limit`.
    mutating func below(_ limit: Int) -> Int { limit <= 0 ? 0 : Int(next() % UInt64(limit)) }
}
