/// Numbers as people read them at a glance.
enum Amount {
    /// `1,234`, and from 100,000 on three digits and a prefix: `1.23 M`.
    static func count(_ number: UInt64) -> String {
        guard number >= 100_000 else { return grouped(number) }
        return scaled(number, ["k", "M", "G", "T", "P", "E"])
    }

    static func bytes(_ number: UInt64) -> String {
        number < 1000 ? "\(number) B" : scaled(number, ["kB", "MB", "GB", "TB", "PB", "EB"])
    }

    /// Seconds in their two largest units.
    static func period(_ seconds: UInt64) -> String {
        switch seconds {
        case ..<60: "\(seconds) s"
        case ..<3600: "\(seconds / 60) min \(seconds % 60) s"
        case ..<86_400: "\(seconds / 3600) h \(seconds % 3600 / 60) min"
        default: "\(seconds / 86_400) d \(seconds % 86_400 / 3600) h"
        }
    }

    /// Tenths of a percent.
    static func share(_ part: UInt64, of whole: UInt64) -> String {
        guard whole > 0 else { return "0 %" }
        let tenths = UInt64((Double(part) * 1000 / Double(whole)).rounded())
        return "\(tenths / 10).\(tenths % 10) %"
    }

    static func grouped(_ number: UInt64) -> String {
        var digits = Array("\(number)"), out = ""
        while digits.count > 3 {
            out = "," + String(digits.suffix(3)) + out
            digits.removeLast(3)
        }
        return String(digits) + out
    }

    /// Three digits that matter.
    private static func scaled(_ number: UInt64, _ units: [String]) -> String {
        var value = Double(number), unit = -1
        while value >= 999.5, unit + 1 < units.count {
            value /= 1000
            unit += 1
        }
        let decimals = value < 9.995 ? 100.0 : value < 99.95 ? 10.0 : 1.0, digits = decimals == 100 ? 2 : decimals == 10 ? 1 : 0
        let whole = UInt64((value * decimals).rounded()), divisor = UInt64(decimals)
        let rest = "\(whole % divisor)"
        let fraction = digits == 0 ? "" : "." + String(repeating: "0", count: digits - rest.count) + rest
        return "\(whole / divisor)\(fraction) \(units[max(unit, 0)])"
    }
}
