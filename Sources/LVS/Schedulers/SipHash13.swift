/// SipHash-1-3 of one 32-bit number, its four bytes in little-endian order.
struct SipHash13 {
    let low: UInt64
    let high: UInt64

    /// A key whose two halves are the same number.
    init(both half: UInt64) {
        low = half
        high = half
    }

    /// The low half of the 64-bit hash.
    func hash(_ value: UInt32) -> UInt32 {
        var a = 0x736f_6d65_7073_6575 ^ low
        var b = 0x646f_7261_6e64_6f6d ^ high
        var c = 0x6c79_6765_6e65_7261 ^ low
        var d = 0x7465_6462_7974_6573 ^ high
        func round() {
            a &+= b; b = rotated(b, 13); b ^= a; a = rotated(a, 32)
            c &+= d; d = rotated(d, 16); d ^= c
            a &+= d; d = rotated(d, 21); d ^= a
            c &+= b; b = rotated(b, 17); b ^= c; c = rotated(c, 32)
        }
        // The only block: the length of the input on top, the input below.
        let block = 4 << 56 | UInt64(value)
        d ^= block
        round()
        a ^= block
        c ^= 0xff
        round()
        round()
        round()
        return UInt32(truncatingIfNeeded: a ^ b ^ c ^ d)
    }
}

@inline(__always)
private func rotated(_ word: UInt64, _ bits: UInt64) -> UInt64 { word &<< bits | word &>> (64 &- bits) }
