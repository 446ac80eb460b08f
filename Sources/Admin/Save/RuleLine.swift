/// A line of rules as `-R` reads it.
enum RuleLine {
    /// Longest word, in bytes; what is longer falls into several.
    private static let longestWord = 4096

    /// The words between blanks, tabs and carriage returns, without any quoting. The word `ipvsadm` is dropped.
    static func words(of line: some StringProtocol) -> [String] {
        let bytes = Array(line.utf8)
        var words: [String] = [], begin = 0
        for place in 0...bytes.count {
            let isEnd = place == bytes.count || bytes[place] == 0x20 || bytes[place] == 0x09 || bytes[place] == 0x0d || bytes[place] == 0x0a
            guard isEnd || place - begin == longestWord else { continue }
            if place > begin { words.append(String(decoding: bytes[begin..<place], as: UTF8.self)) }
            begin = isEnd ? place + 1 : place
        }
        return words.filter { $0 != "ipvsadm" }
    }
}
