/// Writes the fields of a value one after the other: numbers little-endian, texts and bytes behind their length (32 bits),
/// lists behind their count. Nothing says what a field is; both ends know the order.
public struct FieldWriter: Sendable {
    public private(set) var bytes: [UInt8] = []

    public init() {}

    public mutating func put<Number: FixedWidthInteger>(_ number: Number) {
        for shift in stride(from: 0, to: Number.bitWidth, by: 8) { bytes.append(UInt8(truncatingIfNeeded: number >> Number(shift))) }
    }

    /// A number that is small more often than not: seven bits a byte, the lowest first, the eighth says that more follow.
    public mutating func put(small number: UInt64) {
        var rest = number
        while rest > 0x7f {
            bytes.append(UInt8(truncatingIfNeeded: rest) | 0x80)
            rest >>= 7
        }
        bytes.append(UInt8(truncatingIfNeeded: rest))
    }

    public mutating func put(_ value: Bool) { bytes.append(value ? 1 : 0) }
    public mutating func put(_ text: String) { put(Array(text.utf8)) }

    /// Bytes of a length that both ends know.
    public mutating func put(raw value: some Collection<UInt8>) { bytes += value }

    public mutating func put(_ value: [UInt8]) {
        put(UInt32(value.count))
        bytes += value
    }

    public mutating func put<Element>(_ list: [Element], _ each: (inout FieldWriter, Element) -> Void) {
        put(UInt32(list.count))
        for element in list { each(&self, element) }
    }

    /// Hands over what was written, and begins anew.
    public mutating func take() -> [UInt8] {
        defer { bytes = [] }
        return bytes
    }
}

/// Reads such fields; `nil` where fewer bytes are left than a field needs.
public struct FieldReader {
    private var rest: ArraySlice<UInt8>

    public init(_ bytes: some Sequence<UInt8>) { rest = ArraySlice(bytes) }

    public var isAtEnd: Bool { rest.isEmpty }

    public mutating func number<Number: FixedWidthInteger>(_: Number.Type = Number.self) -> Number? {
        let width = Number.bitWidth / 8
        guard rest.count >= width else { return nil }
        var number: Number = 0
        for byte in rest.prefix(width).reversed() {
            number = Number.bitWidth > 8 ? number << 8 | Number(byte) : Number(truncatingIfNeeded: byte)
        }
        rest = rest.dropFirst(width)
        return number
    }

    /// What `put(small:)` wrote.
    public mutating func small() -> UInt64? {
        var number: UInt64 = 0
        for shift in stride(from: UInt64(0), to: 64, by: 7) {
            guard let byte = rest.popFirst() else { return nil }
            number |= UInt64(byte & 0x7f) << shift
            if byte < 0x80 { return shift == 63 && byte > 1 ? nil : number }
        }
        return nil
    }

    public mutating func flag() -> Bool? {
        guard let byte = number(UInt8.self), byte < 2 else { return nil }
        return byte == 1
    }

    /// Bytes of a length that both ends know.
    public mutating func raw(_ count: Int) -> [UInt8]? {
        guard count >= 0, rest.count >= count else { return nil }
        defer { rest = rest.dropFirst(count) }
        return Array(rest.prefix(count))
    }

    public mutating func bytes() -> [UInt8]? { number(UInt32.self).flatMap { raw(Int($0)) } }

    public mutating func text() -> String? { bytes().map { String(decoding: $0, as: UTF8.self) } }

    public mutating func list<Element>(_ each: (inout FieldReader) -> Element?) -> [Element]? {
        guard let count = number(UInt32.self) else { return nil }
        var list: [Element] = []
        for _ in 0..<count {
            guard let element = each(&self) else { return nil }
            list.append(element)
        }
        return list
    }
}
