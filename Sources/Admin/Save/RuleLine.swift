/// A line of rules as `-R` reads it.
enum RuleLine {
    /// Longest word, in bytes; what is longer falls into several.
    private static let longestWord = 4096

    /// The words between blanks, tabs and carriage returns, without any quoting. The word `ipvsadm` is dropped.
    static func words(of line: some StringProtocol) -> [String] {
        line.utf8.split { $0 == 0x20 || $0 == 0x09 || $0 == 0x0d || $0 == 0x0a }.flatMap { word in
            stride(from: 0, to: word.count, by: longestWord).map {
                String(decoding: word.dropFirst($0).prefix(longestWord), as: UTF8.self)
            }
        }.filter { $0 != "ipvsadm" }
    }
}
