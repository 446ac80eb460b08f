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
