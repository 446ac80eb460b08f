import LVS
import Wire

/// A kind of value: how it is written by people and carried over the control interface.
struct OptionValue<Value: Equatable & Sendable>: Sendable {
    /// What help calls it.
    let placeholder: String
    /// Words that stand for values, not for the standard one.
    let examples: [String]
    /// `nil` for a word that is no such value.
    let parse: @Sendable (String) -> Value?
    let text: @Sendable (Value) -> String
    let write: @Sendable (Value, UInt16, inout AttributeWriter) -> Void
    /// `nil` for an attribute that holds no such value.
    let read: @Sendable (NetlinkAttributes, UInt16) -> Value?
    /// What is said of a wrong word of an option.
    var refusal: @Sendable (_ option: String, _ word: String) -> String = { option, _ in "illegal \(option) specified" }
    /// Makes one value of two for an option that may be said again; `nil` for one that may not.
    var joined: (@Sendable (Value, Value) -> Value)?
    /// Whether an attribute holds the value.
    var fits: @Sendable (Value) -> Bool = { _ in true }
}

extension OptionValue<UInt32> {
    /// A number within a range; u32.
    static func number(_ range: ClosedRange<UInt32>, _ placeholder: String = "N") -> OptionValue {
        OptionValue(placeholder: placeholder, examples: Set([max(range.lowerBound, 1), range.upperBound]).sorted().map(String.init)) {
            Number.within(Int64(range.lowerBound)...Int64(range.upperBound), $0).map { UInt32($0) }
        } text: {
            String($0)
        } write: {
            $2.put($1, u32: $0)
        } read: {
            $0.u32($1)
        }
    }

    /// A period in seconds, as long as the kernel takes one.
    static var seconds: OptionValue {
        var value = number(0...UInt32(Number.longestTimeout), "SECONDS")
        value.refusal = { _, word in UsageError.timeout(word).text }
        return value
    }
}

extension OptionValue<MSSClamp> {
    /// `auto`, `off` or a number of bytes; u32: 0 off, 1 auto, else 0x10000 + bytes.
    static var segmentSize: OptionValue {
        OptionValue(placeholder: "auto|off|BYTES", examples: ["auto", "1", "1400", "65535"]) { word in
            switch word {
            case "auto": .auto
            case "off": .off
            default: Number.within(1...65535, word).map { .value(UInt16($0)) }
            }
        } text: { clamp in
            switch clamp {
            case .off: "off"
            case .auto: "auto"
            case .value(let size): String(size)
            }
        } write: { clamp, number, out in
            switch clamp {
            case .off: out.put(number, u32: 0)
            case .auto: out.put(number, u32: 1)
            case .value(let size): out.put(number, u32: 0x10000 + UInt32(size))
            }
        } read: { attributes, number in
            switch attributes.u32(number) {
            case 0: .off
            case 1: .auto
            case let carried?: 0x10000...0x1ffff ~= carried ? .value(UInt16(carried - 0x10000)) : nil
            case nil: nil
            }
        }
    }
}

extension OptionValue<[ClosedRange<IPAddress>]> {
    /// Addresses and ranges of addresses, with commas; {16 bytes first, 16 bytes last} each, IPv4 as ::ffff:a.b.c.d.
    static var addresses: OptionValue {
        OptionValue(placeholder: "ADDR[-ADDR],...", examples: ["10.1.0.5", "10.1.0.5-10.1.0.9,10.1.1.1"]) {
            Endpoint.localAddresses($0)
        } text: { ranges in
            ranges.map { $0.lowerBound == $0.upperBound ? "\($0.lowerBound)" : "\($0.lowerBound)-\($0.upperBound)" }.joined(separator: ",")
        } write: { ranges, number, out in
            out.put(
                number,
                bytes: ranges.prefix(ControlConstants.maximumRanges).flatMap {
                    NetlinkCodec.mappedBytes(of: $0.lowerBound) + NetlinkCodec.mappedBytes(of: $0.upperBound)
                })
        } read: { attributes, number in
            attributes.bytes(number).flatMap { ranges($0) }
        } refusal: { _, word in
            "illegal local address `\(word)' specified"
        } joined: {
            $0 + $1
        } fits: {
            $0.count <= ControlConstants.maximumRanges
        }
    }

    private static func ranges(_ bytes: ArraySlice<UInt8>) -> [ClosedRange<IPAddress>]? {
        let count = bytes.count / 32
        guard bytes.count % 32 == 0, count <= ControlConstants.maximumRanges else { return nil }
        var ranges: [ClosedRange<IPAddress>] = []
        for i in 0..<count {
            let first = NetlinkCodec.mappedAddress(bytes, at: 32 * i), last = NetlinkCodec.mappedAddress(bytes, at: 32 * i + 16)
            guard first.isV4 == last.isV4, first <= last else { return nil }
            ranges.append(first...last)
        }
        return ranges
    }
}
