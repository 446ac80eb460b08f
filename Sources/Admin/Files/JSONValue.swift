/// A value of a JSON text (RFC 8259), as `nft -j` prints them. Whole numbers only: others are refused.
enum JSONValue: Hashable, Sendable {
    case null
    case bool(Bool)
    case number(Int64)
    case text(String)
    case list([JSONValue])
    case object([String: JSONValue])

    /// - Throws: `Complaint` naming the byte at which the text stops being JSON.
    init(_ text: String) throws(Complaint) {
        var reader = JSONReader(bytes: Array(text.utf8))
        self = try reader.value(depth: 0)
        reader.skipBlanks()
        if reader.position < reader.bytes.count { throw reader.complaint("nothing more") }
    }

    subscript(key: String) -> JSONValue? {
        guard case .object(let members) = self else { return nil }
        return members[key]
    }

    var text: String? { if case .text(let text) = self { text } else { nil } }
    var number: Int64? { if case .number(let number) = self { number } else { nil } }
    var list: [JSONValue]? { if case .list(let list) = self { list } else { nil } }

    /// Name and value of an object with one member, which is how nft writes expressions and statements.
    var single: (name: String, value: JSONValue)? {
        guard case .object(let members) = self, members.count == 1, let member = members.first else { return nil }
        return (member.key, member.value)
    }
}

private struct JSONReader {
    let bytes: [UInt8]
    var position = 0

    /// Nesting beyond this is no list of rules but an attempt on the stack.
    static let deepest = 100

    func complaint(_ expected: String) -> Complaint { Complaint("JSON: byte \(position): expected \(expected)") }

    mutating func skipBlanks() {
        while position < bytes.count, [0x20, 0x09, 0x0a, 0x0d].contains(bytes[position]) { position += 1 }
    }

    private mutating func take(_ byte: UInt8) -> Bool {
        skipBlanks()
        guard position < bytes.count, bytes[position] == byte else { return false }
        position += 1
        return true
    }

    private mutating func take(word: StaticString) -> Bool {
        let wanted = String(describing: word).utf8
        guard bytes[position...].starts(with: wanted) else { return false }
        position += wanted.count
        return true
    }

    mutating func value(depth: Int) throws(Complaint) -> JSONValue {
        skipBlanks()
        guard depth < Self.deepest, position < bytes.count else { throw complaint("a value") }
        switch bytes[position] {
        case UInt8(ascii: "{"): return try object(depth)
        case UInt8(ascii: "["): return try list(depth)
        case UInt8(ascii: "\""): return .text(try string())
        case UInt8(ascii: "-"), UInt8(ascii: "0")...UInt8(ascii: "9"): return .number(try number())
        case _ where take(word: "null"): return .null
        case _ where take(word: "true"): return .bool(true)
        case _ where take(word: "false"): return .bool(false)
        default: throw complaint("a value")
        }
    }

    private mutating func object(_ depth: Int) throws(Complaint) -> JSONValue {
        position += 1
        var members: [String: JSONValue] = [:]
        if take(UInt8(ascii: "}")) { return .object(members) }
        repeat {
            skipBlanks()
            guard position < bytes.count, bytes[position] == UInt8(ascii: "\"") else { throw complaint("a name") }
            let name = try string()
            guard take(UInt8(ascii: ":")) else { throw complaint(":") }
            members[name] = try value(depth: depth + 1)
        } while take(UInt8(ascii: ","))
        guard take(UInt8(ascii: "}")) else { throw complaint("}") }
        return .object(members)
    }

    private mutating func list(_ depth: Int) throws(Complaint) -> JSONValue {
        position += 1
        var elements: [JSONValue] = []
        if take(UInt8(ascii: "]")) { return .list(elements) }
        repeat { elements.append(try value(depth: depth + 1)) } while take(UInt8(ascii: ","))
        guard take(UInt8(ascii: "]")) else { throw complaint("]") }
        return .list(elements)
    }

    private mutating func number() throws(Complaint) -> Int64 {
        let start = position
        while position < bytes.count, (0x30...0x39).contains(bytes[position]) || bytes[position] == UInt8(ascii: "-") { position += 1 }
        guard let number = Int64(String(decoding: bytes[start..<position], as: UTF8.self)),
            position == bytes.count || ![UInt8(ascii: "."), UInt8(ascii: "e"), UInt8(ascii: "E")].contains(bytes[position])
        else {
            throw complaint("a whole number")
        }
        return number
    }

    private mutating func string() throws(Complaint) -> String {
        position += 1
        var text: [UInt8] = []
        while position < bytes.count {
            let byte = bytes[position]
            position += 1
            if byte == UInt8(ascii: "\"") { return String(decoding: text, as: UTF8.self) }
            guard byte == UInt8(ascii: "\\") else { text.append(byte); continue }
            guard position < bytes.count else { break }
            let escaped = bytes[position]
            position += 1
            switch escaped {
            case UInt8(ascii: "n"): text.append(0x0a)
            case UInt8(ascii: "t"): text.append(0x09)
            case UInt8(ascii: "r"): text.append(0x0d)
            case UInt8(ascii: "b"): text.append(0x08)
            case UInt8(ascii: "f"): text.append(0x0c)
            case UInt8(ascii: "u"): text += Array(String(try scalar()).utf8)
            case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): text.append(escaped)
            default: throw complaint("an escape")
            }
        }
        throw complaint("\"")
    }

    /// The character of `\uXXXX`, of two of them where they are a surrogate pair; U+FFFD for half a pair.
    private mutating func scalar() throws(Complaint) -> Character {
        let first = try hex()
        if (0xd800..<0xdc00).contains(first), take(word: "\\u") {
            let second = try hex()
            guard (0xdc00..<0xe000).contains(second) else { return "\u{fffd}" }
            return Unicode.Scalar(0x10000 + (first - 0xd800) << 10 + (second - 0xdc00)).map { Character($0) } ?? "\u{fffd}"
        }
        return Unicode.Scalar(first).map { Character($0) } ?? "\u{fffd}"
    }

    private mutating func hex() throws(Complaint) -> UInt32 {
        guard position + 4 <= bytes.count,
            let code = UInt16(String(decoding: bytes[position..<position + 4], as: UTF8.self), radix: 16)
        else {
            throw complaint("four hexadecimal digits")
        }
        position += 4
        return UInt32(code)
    }
}
