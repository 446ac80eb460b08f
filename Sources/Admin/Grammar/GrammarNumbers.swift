/// Numbers as the C library reads them.
enum Number {
    static func isBlank(_ byte: UInt8) -> Bool { byte == 0x20 || (0x09...0x0d).contains(byte) }

    /// What `strtol` reads at the head of the text in base 10: leading blanks, a sign, digits. `rest` is what it leaves;
    /// `nil` without a digit. A number too big for 64 bits stays at the limit.
    static func leading(_ text: String) -> (value: Int64, rest: Substring.UTF8View)? {
        var bytes = Substring(text).utf8.drop { isBlank($0) }
        let negative = bytes.first == UInt8(ascii: "-")
        if negative || bytes.first == UInt8(ascii: "+") { bytes = bytes.dropFirst() }
        var value: Int64 = 0
        var digits = 0
        while let byte = bytes.first, byte >= 0x30, byte <= 0x39 {
            let digit = Int64(byte - 0x30)
            let (tens, tooBig) = value.multipliedReportingOverflow(by: 10)
            let (sum, tooBigToo) = tooBig ? (value, true) : tens.addingReportingOverflow(negative ? -digit : digit)
            value = tooBig || tooBigToo ? (negative ? .min : .max) : sum
            digits += 1
            bytes = bytes.dropFirst()
        }
        return digits == 0 ? nil : (value, bytes)
    }

    /// A whole word that is a number within the range; blanks before it and a sign are allowed, nothing behind it.
    static func within(_ range: ClosedRange<Int64>, _ text: String) -> Int64? {
        guard let (value, rest) = leading(text), rest.isEmpty, value != .max, value != .min, range.contains(value) else {
            return nil
        }
        return value
    }

    /// `atoi`: whatever number the text begins with, else 0.
    static func atoi(_ text: String) -> Int64 { leading(text)?.value ?? 0 }

    /// Longest period the kernel takes, in seconds: 31 days.
    static let longestTimeout: Int64 = 2_678_400
}
