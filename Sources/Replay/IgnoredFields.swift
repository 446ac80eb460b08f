public import Admin
public import Wire

/// Header fields whose differences do not count, from an `ignore` file: one name a line, with `#` comments.
///
/// A name is `[PLACE.][HEADER.]FIELD` as differences show it, in lower case, blanks as dashes: `ttl`, `ip.id`,
/// `tcp.window`, `inner.ip.ttl`, `quoted.udp.source-port`. Without a header it means the field of every header;
/// `outer` is the place of the first IP packet; without a place it means all of them. `ip` is IPv4 and IPv6.
public struct IgnoredFields: Sendable, Hashable {
    private struct Name: Sendable, Hashable {
        var place: String?
        var header: String?
        var field: String
    }
    private var names: [Name] = []

    /// Nothing is ignored.
    public init() {}

    /// - Throws: `FileError` for every word that is no field name.
    public init(_ text: String, file: String) throws(FileError) {
        var errors = FileErrors()
        for (index, line) in text.split(omittingEmptySubsequences: false, whereSeparator: \.isNewline).enumerated() {
            for word in line.prefix(while: { $0 != "#" }).split(whereSeparator: \.isWhitespace) {
                guard let name = Self.name(word) else {
                    let last = word.lowercased().split(separator: ".").last.map(String.init) ?? ""
                    let isField = Self.fields.contains(last)
                    let hint = isField ? nil : Resemblance.nearest(to: last, among: Self.fields.sorted()).map { "did you mean \($0)?" }
                    let text = "\(word): no header field; \(hint ?? "such as ttl, ip.id or inner.tcp.window")"
                    errors.add(FileError(file: file, line: index + 1, text: text))
                    continue
                }
                names.append(name)
            }
        }
        try errors.check()
    }

    public var isEmpty: Bool { names.isEmpty }

    /// The names of both.
    public mutating func add(_ other: IgnoredFields) { names += other.names }

    private static let places: Set<Substring> = ["outer", "inner", "quoted"]
    private static let headers: Set<Substring> = [
        "ethernet", "vlan", "arp", "ip", "ipv4", "ipv6", "ipv6-fragment", "tcp", "udp", "sctp",
        "icmp", "icmpv6", "gre", "gue",
    ]

    /// Every field that differences can name.
    private static let fields = Set(PacketDescription.fieldNames.map(dashed))

    private static func name(_ word: Substring) -> Name? {
        var parts = word.lowercased().split(separator: ".", omittingEmptySubsequences: false)[...]
        guard
            !parts.contains(where: { part in
                part.isEmpty || !part.utf8.allSatisfy { $0 == 0x2d || (0x30...0x39).contains($0) || (0x61...0x7a).contains($0) }
            })
        else { return nil }
        var name = Name(field: "")
        if let first = parts.first, places.contains(first) { name.place = String(parts.removeFirst()) }
        if parts.count == 2, headers.contains(parts[parts.startIndex]) { name.header = String(parts.removeFirst()) }
        guard parts.count == 1, let field = parts.first, !headers.contains(field) else { return nil }
        let unnumbered =
            field.split(separator: "-").last.map { $0.allSatisfy(\.isNumber) } == true
            ? field.split(separator: "-").dropLast().joined(separator: "-") : String(field)
        guard fields.contains(unnumbered) else { return nil }
        name.field = String(field)
        return name
    }

    /// Whether differences in a field do not count.
    public func contains(_ field: PacketDescription.Field) -> Bool {
        guard !names.isEmpty else { return false }
        let (place, header) = Self.split(field.header)
        let title = Self.dashed(field.name)
        return names.contains { name in
            // A second VLAN tag's `id 2` is an `id` too.
            guard name.field == title || title.hasPrefix(name.field + "-") && title.dropFirst(name.field.count + 1).allSatisfy(\.isNumber)
            else { return false }
            if let wanted = name.header, wanted != header, !(wanted == "ip" && (header == "ipv4" || header == "ipv6")) { return false }
            switch name.place {
            case nil: return true
            case "outer": return place.isEmpty
            case let wanted?: return place.last.map(String.init) == wanted
            }
        }
    }

    /// `inner quoted IPv6 fragment` as places and header.
    private static func split(_ header: String) -> (places: [Substring], header: String) {
        let words = header.split(separator: " ")
        let depth = words.prefix { $0 == "inner" || $0 == "quoted" }.count
        return (Array(words.prefix(depth)), dashed(words.dropFirst(depth).joined(separator: " ")))
    }

    private static func dashed(_ words: String) -> String { words.lowercased().split(separator: " ").joined(separator: "-") }
}
