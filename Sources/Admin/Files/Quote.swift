/// Text of strangers within the text of an error: it can neither fill a screen nor steer a terminal.
public enum Quote {
    /// Characters of the longest quotation.
    public static let longest = 80

    /// The beginning of a text, with `…` in place of what is left out.
    public static func cut(_ text: some StringProtocol) -> String {
        let start = text.prefix(longest)
        return start.endIndex == text.endIndex ? String(text) : start + "…"
    }

    /// A sentence whose words are no longer than a quotation may be, and which holds no control character.
    public static func shortened(_ sentence: String) -> String {
        let words = escaped(sentence).split(separator: " ", omittingEmptySubsequences: false)
        return words.map(cut).joined(separator: " ")
    }

    /// Control characters, and those that turn the direction of writing, as `\t`, `\x1b` or `\u{202e}`; ends of lines stay.
    public static func escaped(_ text: String) -> String {
        guard text.unicodeScalars.contains(where: { isControl($0) }) else { return text }
        var out = ""
        for scalar in text.unicodeScalars {
            guard isControl(scalar) else {
                out.unicodeScalars.append(scalar)
                continue
            }
            let digits = String(scalar.value, radix: 16)
            switch scalar.value {
            case 0x09: out += "\\t"
            case 0x0d: out += "\\r"
            case ..<256: out += "\\x" + (digits.count < 2 ? "0" : "") + digits
            default: out += "\\u{\(digits)}"
            }
        }
        return out
    }

    private static func isControl(_ scalar: Unicode.Scalar) -> Bool {
        switch scalar.value {
        case 0x0a: false
        case ..<0x20, 0x7f..<0xa0, 0x200e...0x200f, 0x2028...0x202e, 0x2066...0x2069: true
        default: false
        }
    }
}
