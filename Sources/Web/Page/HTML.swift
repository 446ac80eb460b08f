/// Text of a page. What comes from elsewhere is put in by `text`, and cannot be anything but text then.
struct HTML: ExpressibleByStringInterpolation, CustomStringConvertible {
    private(set) var description: String

    /// Words of this program.
    init(stringLiteral value: String) { description = value }
    init(_ parts: [HTML]) { description = parts.map(\.description).joined() }
    init(stringInterpolation: StringInterpolation) { description = stringInterpolation.text }

    static func + (a: HTML, b: HTML) -> HTML { HTML([a, b]) }

    var isEmpty: Bool { description.isEmpty }

    struct StringInterpolation: StringInterpolationProtocol {
        fileprivate var text = ""

        init(literalCapacity: Int, interpolationCount: Int) { text.reserveCapacity(literalCapacity + interpolationCount * 16) }

        mutating func appendLiteral(_ literal: String) { text += literal }
        mutating func appendInterpolation(_ html: HTML) { text += html.description }
        mutating func appendInterpolation(_ parts: [HTML]) { for part in parts { text += part.description } }
        mutating func appendInterpolation(_ number: some BinaryInteger) { text += "\(number)" }
        /// Anybody's words.
        mutating func appendInterpolation(_ words: String) { text += HTML.escaped(words) }
    }

    /// Text that means itself between tags and between quotation marks.
    static func escaped(_ text: String) -> String {
        var out = ""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "&": out += "&amp;"
            case "<": out += "&lt;"
            case ">": out += "&gt;"
            case "\"": out += "&quot;"
            case "'": out += "&#39;"
            default: out.unicodeScalars.append(scalar)
            }
        }
        return out
    }
}
