import Wire

/// The words of one line, taken one after the other.
struct WordReader {
    private let words: [String]
    private var position = 0

    init(_ words: [String]) { self.words = words }

    var isEmpty: Bool { position >= words.count }
    var peek: String? { isEmpty ? nil : words[position] }

    mutating func next() -> String? {
        guard !isEmpty else { return nil }
        defer { position += 1 }
        return words[position]
    }

    /// The word that an option needs.
    mutating func argument(of option: String) throws(Complaint) -> String {
        guard let word = next() else { throw Complaint("\(option): an argument is missing") }
        return word
    }

    /// The number that an option needs, decimal or with `0x`.
    mutating func number(of option: String, in range: ClosedRange<UInt32> = 0...UInt32.max) throws(Complaint) -> UInt32 {
        let word = try argument(of: option)
        guard let number = UInt32(numeral: word), range.contains(number) else {
            throw Complaint("\(option): \(word): invalid number")
        }
        return number
    }
}

extension UInt32 {
    /// Decimal, or hexadecimal behind `0x`, without sign.
    init?(numeral word: some StringProtocol) {
        let isHex = word.hasPrefix("0x") || word.hasPrefix("0X")
        let digits = isHex ? word.dropFirst(2) : word[...]
        guard let first = digits.first, first != "+", first != "-", let value = UInt32(digits, radix: isHex ? 16 : 10) else {
            return nil
        }
        self = value
    }
}

extension IPAddress {
    /// `ADDRESS/LENGTH` or `ADDRESS`, whose length is then `nil`; the whole is `nil` where the text is neither.
    static func prefix(_ text: some StringProtocol) -> (address: IPAddress, length: Int?)? {
        guard let slash = text.firstIndex(of: "/") else {
            guard let address = IPAddress(text) else { return nil }
            return (address, nil)
        }
        guard let address = IPAddress(text[..<slash]),
            let length = UInt32(numeral: text[text.index(after: slash)...]), length <= address.family.width
        else { return nil }
        return (address, Int(length))
    }

    /// The same with the short forms of `ip`, in which missing octets are 0: `10/8`, `192.0.2/24`.
    static func shortPrefix(_ text: String) -> (address: IPAddress, length: Int?)? {
        let slash = text.firstIndex(of: "/") ?? text.endIndex
        let dots = text[..<slash].count { $0 == "." }
        guard dots < 3, !text.contains(":") else { return prefix(text) }
        return prefix(text[..<slash] + String(repeating: ".0", count: 3 - dots) + text[slash...])
    }
}
