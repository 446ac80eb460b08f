import Wire

/// Lends bytes to `body` as a window.
func reading<Result>(_ bytes: [UInt8], _ body: (Bytes) throws -> Result) rethrows -> Result {
    var bytes = bytes
    return try bytes.withBytes(body)
}

/// What `body` makes of `bytes`.
func changing(_ bytes: [UInt8], _ body: (Bytes) -> Void) -> [UInt8] {
    var bytes = bytes
    bytes.withBytes(body)
    return bytes
}

/// What `body` writes into `count` bytes that hold 0xa5; fails loudly by its value when a byte behind them was touched.
func written(_ count: Int, _ body: (Bytes) -> Void) -> [UInt8] {
    let guarded = changing([UInt8](repeating: 0xa5, count: count + 8)) { body($0) }
    return guarded.suffix(8).allSatisfy { $0 == 0xa5 } ? Array(guarded.prefix(count)) : guarded
}

/// A small generator with a seed, so that every run sees the same bytes (SplitMix64).
struct SeededGenerator: RandomNumberGenerator {
    var state: UInt64
    init(seed: UInt64) { state = seed }

    mutating func next() -> UInt64 {
        state &+= 0x9e37_79b9_7f4a_7c15
        var z = state
        z = (z ^ z >> 30) &* 0xbf58_476d_1ce4_e5b9
        z = (z ^ z >> 27) &* 0x94d0_49bb_1331_11eb
        return z ^ z >> 31
    }

    mutating func bytes(_ count: Int) -> [UInt8] { (0..<count).map { _ in UInt8(truncatingIfNeeded: next()) } }
}

/// An address from a text of the test's own.
func ipAddress(_ text: String) -> IPAddress {
    guard let address = IPAddress(text) else { preconditionFailure("\(text) is no address") }
    return address
}

func macAddress(_ text: String) -> MACAddress {
    guard let address = MACAddress(text) else { preconditionFailure("\(text) is no address") }
    return address
}

extension TCPOptions {
    /// The options of the segment that begins in `bytes`.
    init?(segment bytes: Bytes) {
        guard let header = TCPHeader(bytes) else { return nil }
        self.init(header)
    }
}
