/// The attributes of one level of a netlink message: {u16 length, u16 type, value, padding to four}. Reading is checked
/// against the bytes that are there; nothing here trusts a length.
public struct NetlinkAttributes: Sendable {
    private var values: [UInt16: ArraySlice<UInt8>] = [:]
    /// Types in the order they came.
    public private(set) var types: [UInt16] = []

    /// The attributes in `bytes`, or `nil` when a length does not fit. Of a repeated type the last one counts, as in the
    /// kernel. The two top bits of a type are flags (nested, network order) and not part of it.
    public init?(_ bytes: ArraySlice<UInt8>) {
        var rest = bytes
        while rest.count >= 4 {
            let length = Int(rest.native16(at: 0))
            guard length >= 4, length <= rest.count else { return nil }
            let type = rest.native16(at: 2) & 0x3fff
            values[type] = rest[(rest.startIndex + 4)..<(rest.startIndex + length)]
            types.append(type)
            rest = rest.dropFirst((length + 3) & ~3)
        }
    }

    public init?(_ bytes: [UInt8]) { self.init(bytes[...]) }

    public func contains(_ type: UInt16) -> Bool { values[type] != nil }
    public func bytes(_ type: UInt16) -> ArraySlice<UInt8>? { values[type] }

    // A shorter value than the type needs counts as absent here; `CommandError` comes from `need` and `optional`.
    public func u8(_ type: UInt16) -> UInt8? { values[type]?.first }
    public func u16(_ type: UInt16) -> UInt16? {
        guard let value = values[type], value.count >= 2 else { return nil }
        return value.native16(at: 0)
    }
    public func u32(_ type: UInt16) -> UInt32? {
        guard let value = values[type], value.count >= 4 else { return nil }
        return value.native32(at: 0)
    }
    public func u64(_ type: UInt16) -> UInt64? {
        guard let value = values[type], value.count >= 8 else { return nil }
        return value.native64(at: 0)
    }
    public func big16(_ type: UInt16) -> UInt16? { u16(type).map { UInt16(bigEndian: $0) } }
    public func big32(_ type: UInt16) -> UInt32? { u32(type).map { UInt32(bigEndian: $0) } }

    /// The text up to a zero byte or the end.
    public func string(_ type: UInt16) -> String? {
        values[type].map { String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) }
    }

    /// The attributes inside an attribute.
    public func nest(_ type: UInt16) -> NetlinkAttributes? { values[type].flatMap { NetlinkAttributes($0) } }
}

/// Writes attributes one after the other.
public struct AttributeWriter: Sendable {
    public private(set) var bytes: [UInt8] = []

    public init() {}

    /// Most bytes that one attribute's value can have.
    public static var maximumLength: Int { 0xfffc - 4 }

    /// A value; what is beyond `maximumLength` is cut off.
    public mutating func put(_ type: UInt16, bytes whole: some Collection<UInt8>) {
        let value = whole.prefix(Self.maximumLength)
        bytes.appendNative(UInt16(truncatingIfNeeded: 4 + value.count))
        bytes.appendNative(type)
        bytes += value
        bytes.pad4()
    }

    public mutating func put(_ type: UInt16, u8 value: UInt8) { put(type, bytes: CollectionOfOne(value)) }
    public mutating func put(_ type: UInt16, u16 value: UInt16) { put(type, number: value) }
    public mutating func put(_ type: UInt16, u32 value: UInt32) { put(type, number: value) }
    public mutating func put(_ type: UInt16, u64 value: UInt64) { put(type, number: value) }
    public mutating func put(_ type: UInt16, big16 value: UInt16) { put(type, number: value.bigEndian) }
    public mutating func put(_ type: UInt16, big32 value: UInt32) { put(type, number: value.bigEndian) }

    /// The text and a zero byte.
    public mutating func put(_ type: UInt16, string value: String) { put(type, bytes: Array(value.utf8) + [0]) }

    /// An attribute made of attributes; without NLA_F_NESTED, as IPVS writes it.
    public mutating func nest(_ type: UInt16, _ body: (inout AttributeWriter) -> Void) {
        var inner = AttributeWriter()
        body(&inner)
        put(type, bytes: inner.bytes)
    }

    private mutating func put(_ type: UInt16, number: some FixedWidthInteger & UnsignedInteger) {
        bytes.appendNative(UInt16(4 + number.bitWidth / 8))
        bytes.appendNative(type)
        bytes.appendNative(number)
        bytes.pad4()
    }
}

extension Array<UInt8> {
    /// Appends a number in the machine's byte order.
    mutating func appendNative<Number: FixedWidthInteger & UnsignedInteger>(_ number: Number) {
        Swift.withUnsafeBytes(of: number) { append(contentsOf: $0) }
    }

    /// Appends a number in network order.
    mutating func appendBig<Number: FixedWidthInteger & UnsignedInteger>(_ number: Number) { appendNative(number.bigEndian) }

    mutating func pad4() {
        while count % 4 != 0 { append(0) }
    }
}

// Offsets count from the slice's start; callers have checked the length.
extension ArraySlice<UInt8> {
    func native16(at offset: Int) -> UInt16 { native(at: offset) }
    func native32(at offset: Int) -> UInt32 { native(at: offset) }
    func native64(at offset: Int) -> UInt64 { native(at: offset) }
    func big16(at offset: Int) -> UInt16 { UInt16(bigEndian: native(at: offset)) }
    func big32(at offset: Int) -> UInt32 { UInt32(bigEndian: native(at: offset)) }
    func big64(at offset: Int) -> UInt64 { UInt64(bigEndian: native(at: offset)) }

    private func native<Number: FixedWidthInteger & UnsignedInteger>(at offset: Int) -> Number {
        var number: Number = 0
        let place = startIndex + offset
        self[place..<place + Number.bitWidth / 8].withUnsafeBytes { bytes in
            Swift.withUnsafeMutableBytes(of: &number) { $0.copyMemory(from: bytes) }
        }
        return number
    }
}
