/// Bytes from hexadecimal digits; blanks, line ends and colons between them do not count, `#` begins a comment that
/// ends with the line.
public func hex(_ text: String) -> [UInt8] {
    var digits: [UInt8] = []
    for line in text.split(separator: "\n") {
        for character in line {
            if character == "#" { break }
            if character.isWhitespace || character == ":" { continue }
            guard let digit = character.hexDigitValue else { preconditionFailure("\"\(character)\" is no hexadecimal digit") }
            digits.append(UInt8(digit))
        }
    }
    precondition(digits.count.isMultiple(of: 2), "an odd number of hexadecimal digits in \"\(text)\"")
    return stride(from: 0, to: digits.count, by: 2).map { digits[$0] << 4 | digits[$0 + 1] }
}

/// The bytes as `hex` reads them, 16 a line.
public func hexDump(_ bytes: [UInt8]) -> String {
    stride(from: 0, to: bytes.count, by: 16).map { start in
        hexText(Array(bytes[start..<min(start + 16, bytes.count)]))
    }.joined(separator: "\n")
}

/// The bytes on one line.
public func hexText(_ bytes: [UInt8]) -> String {
    bytes.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined(separator: " ")
}
