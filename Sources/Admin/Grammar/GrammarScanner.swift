/// Takes the words of a command line apart as popt 1.19 does: options in any order, short ones bundled, `--long=value`,
/// words that are no options kept apart, and everything behind `--` a plain word.
struct OptionScanner {
    enum Step {
        case option(Spelling, value: String?)
        /// popt's text for what is wrong with `lastWord`.
        case failure(String)
        case end
    }

    private let words: [String]
    private var next = 0
    /// Short options of the current word that are still to be read.
    private var bundle: ArraySlice<UInt8> = []
    private var optionsEnded = false
    /// Words that are no options, in order.
    private(set) var arguments: [String] = []

    init(_ words: [String]) { self.words = words }

    /// The word read last; popt's complaints quote it whole.
    var lastWord: String { next > 0 ? words[next - 1] : "" }

    mutating func step() -> Step {
        while bundle.isEmpty {
            guard next < words.count else { return .end }
            let word = words[next]
            next += 1
            let bytes = Array(word.utf8)
            guard !optionsEnded, bytes.first == UInt8(ascii: "-"), bytes.count > 1 else {
                arguments.append(word)
                continue
            }
            guard bytes[1] == UInt8(ascii: "-") else {
                bundle = bytes[1...]
                break
            }
            guard bytes.count > 2 else {
                optionsEnded = true
                continue
            }
            let name = bytes[2...].prefix { $0 != UInt8(ascii: "=") }
            guard let spelling = Spelling.long(name) else { return .failure("unknown option") }
            return take(spelling, inline: name.endIndex < bytes.endIndex ? bytes[(name.endIndex + 1)...] : nil)
        }
        guard let letter = bundle.popFirst(), let spelling = Spelling.short(letter) else { return .failure("unknown option") }
        return take(spelling, inline: nil)
    }

    private mutating func take(_ spelling: Spelling, inline: ArraySlice<UInt8>?) -> Step {
        guard spelling.value != .none else {
            if inline != nil || bundle.first == UInt8(ascii: "=") { return .failure("option does not take an argument") }
            return .option(spelling, value: nil)
        }
        if let inline { return .option(spelling, value: String(decoding: inline, as: UTF8.self)) }
        if !bundle.isEmpty {
            if bundle.first == UInt8(ascii: "=") { bundle.removeFirst() }
            defer { bundle = [] }
            return .option(spelling, value: String(decoding: bundle, as: UTF8.self))
        }
        guard next < words.count else {
            return spelling.value == .optional ? .option(spelling, value: nil) : .failure("missing argument")
        }
        if spelling.value == .optional, words[next].utf8.first == UInt8(ascii: "-") { return .option(spelling, value: nil) }
        next += 1
        return .option(spelling, value: words[next - 1])
    }
}
