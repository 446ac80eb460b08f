/// What a browser or a collector asks: the head of an HTTP/1.1 request (RFC 9112), the only part that is read.
public struct RequestHead: Hashable, Sendable {
    public var method: String
    /// Decoded, without the query.
    public var path: String
    /// Decoded; the first of a name counts.
    public var query: [String: String]
    /// By lower-case name; several of one name are refused where it matters.
    public var fields: [String: String]
    /// The client goes on with this connection.
    public var staysOpen: Bool

    /// Bytes of the longest head, and its fields.
    public static var longest: Int { 8192 }
    public static var mostFields: Int { 64 }

    /// Reads a head, its last empty line included.
    /// - Throws: `Refusal` with the status to answer.
    public init(_ bytes: some Collection<UInt8>) throws(Refusal) {
        var lines = String(decoding: bytes, as: UTF8.self).split(separator: "\r\n", omittingEmptySubsequences: false)[...]
        let words = (lines.popFirst() ?? "").split(separator: " ", omittingEmptySubsequences: false).map(String.init)
        guard words.count == 3, words[2].hasPrefix("HTTP/") else { throw Refusal(.badRequest) }
        guard words[2] == "HTTP/1.1" || words[2] == "HTTP/1.0" else { throw Refusal(.versionNotSupported) }
        method = words[0]
        let target = words[1].split(separator: "?", maxSplits: 1, omittingEmptySubsequences: false)
        guard target.first?.hasPrefix("/") == true, let path = target.first.flatMap({ Self.decoded($0) }) else {
            throw Refusal(.badRequest)
        }
        self.path = path
        query = try Self.query(target.count > 1 ? target[1] : "")
        fields = [:]
        for line in lines where !line.isEmpty {
            guard fields.count < Self.mostFields else { throw Refusal(.headTooLarge) }
            guard let colon = line.firstIndex(of: ":"), colon != line.startIndex,
                line[..<colon].allSatisfy({ $0.isASCII && !$0.isWhitespace })
            else { throw Refusal(.badRequest) }
            let name = line[..<colon].lowercased(), value = Self.trimmed(line[line.index(after: colon)...])
            // Two hosts, or two lengths, are a trick.
            guard fields[name] == nil || !["host", "content-length", "transfer-encoding"].contains(name) else { throw Refusal(.badRequest) }
            fields[name] = value
        }
        let wishes = (fields["connection"] ?? "").lowercased()
        staysOpen = words[2] == "HTTP/1.1" ? !wishes.contains("close") : wishes.contains("keep-alive")
        guard fields["content-length"] ?? "0" == "0", fields["transfer-encoding"] == nil else { throw Refusal(.bodyRefused) }
    }

    private static func query(_ text: Substring) throws(Refusal) -> [String: String] {
        var query: [String: String] = [:]
        for pair in text.split(separator: "&") {
            let parts = pair.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            let values = parts.map { decoded($0.replacing("+", with: " ")) }
            guard let name = values[0], let value = parts.count > 1 ? values[1] : "" else { throw Refusal(.badRequest) }
            if query[name] == nil { query[name] = value }
        }
        return query
    }

    /// `%41` is A; `nil` for what is no such text, or holds a character that steers.
    static func decoded(_ text: some StringProtocol) -> String? {
        var bytes: [UInt8] = []
        var rest = Array(text.utf8)[...]
        while let byte = rest.popFirst() {
            guard byte == UInt8(ascii: "%") else {
                bytes.append(byte)
                continue
            }
            guard rest.count >= 2, let value = UInt8(String(decoding: rest.prefix(2), as: UTF8.self), radix: 16) else { return nil }
            bytes.append(value)
            rest = rest.dropFirst(2)
        }
        guard let decoded = String(validating: bytes, as: UTF8.self), !decoded.unicodeScalars.contains(where: { $0.value < 0x20 }) else {
            return nil
        }
        return decoded
    }

    /// Text as a query carries it.
    static func encoded(_ text: String) -> String {
        text.utf8.map { byte in
            let character = Character(Unicode.Scalar(byte))
            if character.isASCII, character.isLetter || character.isNumber || "-._".contains(character) { return String(character) }
            let digits = String(byte, radix: 16, uppercase: true)
            return "%" + (digits.count < 2 ? "0" : "") + digits
        }.joined()
    }

    private static func trimmed(_ text: Substring) -> String {
        let space: (Character) -> Bool = { $0 == " " || $0 == "\t" }
        return String(text.drop(while: space).reversed().drop(while: space).reversed())
    }

    /// A request that is not answered.
    public struct Refusal: Error, Hashable, Sendable {
        public var status: Response.Status

        public init(_ status: Response.Status) { self.status = status }
    }
}
