import FoundationEssentials

/// A value of a JSON text, as `nft -j` prints them.
public enum JSONValue: Hashable, Sendable, Decodable {
    case null
    case bool(Bool)
    case number(Int64)
    case text(String)
    case list([JSONValue])
    case object([String: JSONValue])

    /// - Throws: `Complaint` when the text is no JSON.
    init(_ text: String) throws(Complaint) {
        do { self = try JSONDecoder().decode(JSONValue.self, from: Data(text.utf8)) } catch {
            throw Complaint("no JSON: \((error as? DecodingError).map(Self.words) ?? "\(error)")")
        }
    }

    public init(from decoder: any Decoder) throws {
        let value = try decoder.singleValueContainer()
        if value.decodeNil() {
            self = .null
        } else if let text = try? value.decode(String.self) {
            self = .text(text)
        } else if let number = try? value.decode(Int64.self) {
            self = .number(number)
        } else if let members = try? value.decode([String: JSONValue].self) {
            self = .object(members)
        } else if let elements = try? value.decode([JSONValue].self) {
            self = .list(elements)
        } else if let bool = try? value.decode(Bool.self) {
            self = .bool(bool)
        } else {
            // No number that a rule compares with has a fraction.
            self = .text(String(try value.decode(Double.self)))
        }
    }

    private static func words(_ error: DecodingError) -> String {
        guard case .dataCorrupted(let context) = error else { return "\(error)" }
        return (context.underlyingError.map { "\($0)" } ?? context.debugDescription).split(separator: "\n").first.map(String.init) ?? ""
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
