/// The kernel's 32-bit hash: the top bits of a product with the golden ratio.
enum MultiplicativeHash {
    /// A number below 2^bits; `bits` is in 1...32.
    @inline(__always)
    static func slot(_ value: UInt32, bits: UInt32) -> Int {
        Int((value &* 0x61c8_8647) >> (32 - bits))
    }
}
