internal import Decap

/// What was done with the packets, in words for people.
public struct DecapCounters {
    var unwrapped: UInt64 = 0
    var passed: UInt64 = 0
    var refused: [Decapsulator.Refusal: UInt64] = [:]
    /// Fragments that came to nothing, and packets that the host stack did not take.
    var lostFragments: UInt64 = 0
    var untaken: UInt64 = 0

    public var line: String {
        var words = ["unwrapped \(unwrapped)"]
        if passed > 0 { words.append("passed \(passed)") }
        for refusal in Decapsulator.Refusal.allCases where refused[refusal, default: 0] > 0 {
            words.append("\(refusal.rawValue) \(refused[refusal, default: 0])")
        }
        if lostFragments > 0 { words.append("lost-fragment \(lostFragments)") }
        if untaken > 0 { words.append("host-refused \(untaken)") }
        return words.joined(separator: ", ")
    }
}
