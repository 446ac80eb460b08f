/// The words of a packet's description, taken one after the other, and where the last one stood.
struct WordCursor {
    /// The description of a quoted packet: what stands in square brackets and holds a blank.
    let quote: Substring?
    private var words: ArraySlice<Substring>
    private let text: Substring
    /// Where the last word stands in the whole description, from 1; behind it when there was no more. 0 says nowhere.
    var column = 0

    /// - Throws: `WordsProblem` when a quoted packet's bracket is not closed.
    init(_ text: Substring) throws(PacketWords.WordsProblem) {
        self.text = text
        guard let open = Self.quoteStart(text) else {
            quote = nil
            words = text.split(whereSeparator: \.isWhitespace)[...]
            return
        }
        guard let close = text.lastIndex(of: "]"), open < close else {
            throw PacketWords.WordsProblem(text: "a quoted packet stands in [ ]", column: Self.column(of: open, in: text))
        }
        quote = text[text.index(after: open)..<close]
        let outside = [text[..<open], text[text.index(after: close)...]]
        words = outside.flatMap { $0.split(whereSeparator: \.isWhitespace) }[...]
    }

    /// The next word; `nil` when there is no more.
    mutating func next() -> String? {
        guard let word = words.popFirst() else {
            column = Self.column(of: text.endIndex, in: text)
            return nil
        }
        column = Self.column(of: word.startIndex, in: text)
        return String(word)
    }

    private static func column(of index: String.Index, in text: Substring) -> Int {
        text.base.distance(from: text.base.startIndex, to: index) + 1
    }

    /// The first opening bracket whose contents hold a blank; others are flags or an IPv6 address.
    private static func quoteStart(_ text: Substring) -> String.Index? {
        var place = text.firstIndex(of: "[")
        while let open = place {
            let rest = text[text.index(after: open)...]
            if rest.prefix(while: { $0 != "]" }).contains(where: \.isWhitespace) { return open }
            place = rest.firstIndex(of: "[")
        }
        return nil
    }
}
