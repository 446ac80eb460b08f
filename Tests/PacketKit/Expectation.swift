public import Testing

/// Records an issue for every field of a frame or packet that is not as the layers say, got and wanted side by side.
///
/// Layers are read from the outside in: `expect(frame, .ethernet(.destination("02:00:00:00:00:02")),
/// .ipv4(.ttl(63)), .tcp(.flags(.syn)))`. Bytes that begin with 4x or 6x are read as an IP packet, others as an Ethernet
/// frame, whose own layer may be left out. Fields that nobody names are free, but lengths and checksums must be right.
public func expect(_ bytes: [UInt8], _ layers: Layer..., sourceLocation: SourceLocation = #_sourceLocation) {
    let found = mismatches(bytes, layers)
    guard !found.isEmpty else { return }
    Issue.record("\(found.joined(separator: "\n"))\n\(hexDump(bytes))", sourceLocation: sourceLocation)
}

/// What `expect` would complain about, a line for each field.
public func mismatches(_ bytes: [UInt8], _ layers: [Layer]) -> [String] {
    var layers = layers
    let isIP = bytes.first.map { $0 >> 4 == 4 || $0 >> 4 == 6 } ?? false
    if !isIP, let first = layers.first, first.name != "ethernet" { layers.insert(.ethernet(), at: 0) }
    var rest = Rest(bytes: bytes)
    return read(layers, &rest)
}

func read(_ layers: [Layer], _ rest: inout Rest) -> [String] {
    var found: [String] = []
    for layer in layers {
        guard layer.read(&rest, &found) else { break }
    }
    return found
}

/// One header of a packet with what is wanted of its fields.
public struct Layer: Sendable {
    let name: String
    /// Takes its header off the front; false when it is not there, which ends the reading.
    let read: @Sendable (inout Rest, inout [String]) -> Bool

    init(_ name: String, _ read: @escaping @Sendable (inout Rest, inout [String]) -> Bool) {
        self.name = name
        self.read = read
    }

    /// A layer whose header is taken off by `take`, or an explanation why it cannot be.
    init<Header>(
        _ name: String, _ checks: [Check<Header>],
        take: @escaping @Sendable (inout Rest) -> Taken<Header>
    ) {
        self.init(name) { rest, found in
            switch take(&rest) {
            case .missing(let why):
                found.append("\(name): \(why)")
                return false
            case .header(let header, let complaints):
                found += complaints.map { "\(name): \($0)" }
                for check in checks {
                    let got = check.got(header)
                    if got != check.want { found.append("\(name) \(check.name): got \(got), want \(check.want)") }
                }
                return true
            }
        }
    }
}

enum Taken<Header> {
    case header(Header, complaints: [String])
    case missing(String)
}

/// What is wanted of one field.
public struct Check<Header>: Sendable {
    let name: String
    let want: String
    let got: @Sendable (Header) -> String

    init<Value: Sendable>(_ name: String, _ want: Value, _ got: @escaping @Sendable (Header) -> Value?) {
        self.name = name
        self.want = text(want)
        self.got = { got($0).map(text) ?? "none" }
    }
}

private func text(_ value: some Any) -> String {
    if let bytes = value as? [UInt8] { return bytes.isEmpty ? "no bytes" : hexText(bytes) }
    return "\(value)"
}

/// What is left of a packet, and what the headers already read say about it.
struct Rest: Sendable {
    var bytes: [UInt8]
    /// Addresses for the pseudo-header, in wire form.
    var addresses: [UInt8] = []
    /// Number of the protocol that stands next; `nil` behind Ethernet and transport headers.
    var proto: UInt8?
    /// Whether checksums can be right: not behind a fragment or in a quote.
    var isWhole = true
    var isQuote = false

    mutating func take(_ count: Int) -> [UInt8]? {
        guard bytes.count >= count else { return nil }
        defer { bytes.removeFirst(count) }
        return Array(bytes[..<count])
    }

    /// Whether the checksum over what is left, with the pseudo-header for `proto`, is right.
    func isSummed(_ proto: UInt8) -> Bool {
        let length = bytes.count
        let tail: [UInt8] = addresses.count == 8 ? [0, proto] + big(UInt16(length)) : big(UInt32(length)) + [0, 0, 0, proto]
        return SlowChecksum.internet(addresses + tail + bytes) == 0
    }

    func expects(_ proto: UInt8) -> String? {
        guard let next = self.proto, next != proto else { return nil }
        return "protocol is \(next)"
    }
}
