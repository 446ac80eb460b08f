/// Numbers that look like chance and come again with the same seed (SplitMix64; Steele, Lea, Flood 2014).
@frozen public struct SeededGenerator: RandomNumberGenerator, Sendable {
    /// Where it stands; whoever knows it makes the same choices.
    public var position: UInt64

    @inlinable
    public init(seed: UInt64) { position = seed }

    /// The next 64 bits.
    @inlinable
    public mutating func next() -> UInt64 {
        position &+= 0x9e37_79b9_7f4a_7c15
        var mixed = position
        mixed = (mixed ^ mixed >> 30) &* 0xbf58_476d_1ce4_e5b9
        mixed = (mixed ^ mixed >> 27) &* 0x94d0_49bb_1331_11eb
        return mixed ^ mixed >> 31
    }

    /// A number below `limit`; 0 when there is none.
    @inlinable
    public mutating func below(_ limit: Int) -> Int { limit <= 0 ? 0 : Int(next() % UInt64(limit)) }
}
