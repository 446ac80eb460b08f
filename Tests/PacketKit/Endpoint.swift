public import Wire

/// An address and a port as tests write them: `"192.0.2.1:4000"`, `"[2001:db8::1]:80"`, `"10.0.0.1"` (port 0).
///
/// A text that is neither stops the test run: it is a mistake in the test itself.
public struct Endpoint: Hashable, Sendable, ExpressibleByStringInterpolation, CustomStringConvertible {
    public var address: IPAddress
    public var port: UInt16

    public init(_ address: IPAddress, _ port: UInt16 = 0) {
        self.address = address
        self.port = port
    }

    public init(stringLiteral text: String) {
        let host: Substring, number: Substring
        if text.first == "[", let end = text.lastIndex(of: "]") {
            host = text[text.index(after: text.startIndex)..<end]
            number = text[end...].dropFirst()
        } else if text.contains("."), let colon = text.lastIndex(of: ":"), !text[..<colon].contains(":") {
            host = text[..<colon]
            number = text[colon...]
        } else {
            host = text[...]
            number = ""
        }
        guard let address = IPAddress(host), number.isEmpty || number.first == ":",
            let port = number.isEmpty ? 0 : UInt16(number.dropFirst())
        else {
            preconditionFailure("\"\(text)\" is no endpoint")
        }
        self.init(address, port)
    }

    public var description: String { address.isV4 ? "\(address):\(port)" : "[\(address)]:\(port)" }
}

/// Big-endian bytes of a number.
func big(_ value: some FixedWidthInteger) -> [UInt8] {
    stride(from: value.bitWidth - 8, through: 0, by: -8).map { UInt8(truncatingIfNeeded: value >> $0) }
}

/// The number that stands big-endian in `bytes`.
func number(_ bytes: some Sequence<UInt8>) -> Int { bytes.reduce(0) { $0 << 8 | Int($1) } }

/// 4 or 16 bytes in network order.
func octets(_ address: IPAddress) -> [UInt8] {
    address.isV4 ? big(address.v4) : big(address.high) + big(address.low)
}

/// 6 bytes in network order.
func octets(_ address: MACAddress) -> [UInt8] { Array(big(address.bits).suffix(6)) }

/// A MAC address from a text of the test's own.
func mac(_ text: String) -> MACAddress {
    guard let address = MACAddress(text) else { preconditionFailure("\"\(text)\" is no MAC address") }
    return address
}
