/// Writes the fields of a value one after the other: numbers little-endian, texts and bytes behind their length (32 bits),
/// lists behind their count. Nothing says what a field is; both ends know the order.
public struct FieldWriter: Sendable {
    @usableFromInline var out: [UInt8] = []
    public var bytes: [UInt8] { out }

    public init() {}

    @inlinable
    public mutating func put<Number: FixedWidthInteger>(_ number: Number) { out.append(little: number) }

    /// A number that is small more often than not: seven bits a byte, the lowest first, the eighth says that more follow.
    public mutating func put(small number: UInt64) {
        var rest = number
        while rest > 0x7f {
            out.append(UInt8(truncatingIfNeeded: rest) | 0x80)
            rest >>= 7
        }
        out.append(UInt8(truncatingIfNeeded: rest))
    }

    public mutating func put(_ value: Bool) { out.append(value ? 1 : 0) }
    public mutating func put(_ text: String) { put(Array(text.utf8)) }

    /// Bytes of a length that both ends know.
    public mutating func put(raw value: some Collection<UInt8>) { out += value }

    public mutating func put(_ value: [UInt8]) {
        put(UInt32(value.count))
        out += value
    }

    public mutating func put<Element>(_ list: [Element], _ each: (inout FieldWriter, Element) -> Void) {
        put(UInt32(list.count))
        for element in list { each(&self, element) }
    }

    /// Hands over what was written, and begins anew.
    public mutating func take() -> [UInt8] {
        defer { out = [] }
        return out
    }
}

/// Reads such fields; `nil` where fewer bytes are left than a field needs.
public struct FieldReader {
    @usableFromInline let whole: [UInt8]
    @usableFromInline var place = 0

    public init(_ bytes: some Sequence<UInt8>) { whole = Array(bytes) }

    public var isAtEnd: Bool { place == whole.count }

    @inlinable
    public mutating func number<Number: FixedWidthInteger>(_: Number.Type = Number.self) -> Number? {
        let width = Number.bitWidth / 8
        guard whole.count - place >= width else { return nil }
        defer { place += width }
        return whole.little(at: place)
    }

    /// What `put(small:)` wrote.
    public mutating func small() -> UInt64? {
        var number: UInt64 = 0
        for shift in stride(from: UInt64(0), to: 64, by: 7) {
            guard let byte = self.number(UInt8.self) else { return nil }
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
        guard count >= 0, whole.count - place >= count else { return nil }
        defer { place += count }
        return Array(whole[place..<place + count])
    }

    public mutating func bytes() -> [UInt8]? { number(UInt32.self).flatMap { raw(Int($0)) } }

    public mutating func text() -> String? { bytes().map { String(decoding: $0, as: UTF8.self) } }

    public mutating func list<Element>(_ each: (inout FieldReader) -> Element?) -> [Element]? {
        guard let count = number(UInt32.self) else { return nil }
        var list: [Element] = []
        // A count is believed as far as there are bytes for it.
        list.reserveCapacity(min(Int(count), whole.count - place))
        for _ in 0..<count {
            guard let element = each(&self) else { return nil }
            list.append(element)
        }
        return list
    }
}

extension Array<UInt8> {
    /// Appends a number, its lowest byte first.
    @inlinable
    mutating func append<Number: FixedWidthInteger>(little number: Number) {
        Swift.withUnsafeBytes(of: number.littleEndian) { append(contentsOf: $0) }
    }

    /// The number that begins there; its bytes are there.
    @inlinable
    func little<Number: FixedWidthInteger>(at place: Int) -> Number {
        var number: Number = 0
        withUnsafeBytes { bytes in
            Swift.withUnsafeMutableBytes(of: &number) {
                $0.copyMemory(from: UnsafeRawBufferPointer(rebasing: bytes[place..<place + $0.count]))
            }
        }
        return Number(littleEndian: number)
    }
}
