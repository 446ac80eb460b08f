/// A linear congruential generator: the same commands every time.
struct CommandGenerator {
    var state: UInt64

    mutating func roll(_ sides: Int) -> Int {
        state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
        return Int(state >> 33) % sides
    }

    mutating func pick(_ words: [String]) -> String { words[roll(words.count)] }
}
