import Wire

/// Where everything lies in a state's memory, in words that stand in it themselves: a director of another layout reads them.
///
///     roster NAME WORD...              what the numbers of that roster mean
///     block NAME OFFSET STRIDE COUNT   equal records
///     field NAME OFFSET SIZE [ROSTER]  of the block above
struct StateDescription: Equatable {
    struct Block: Equatable {
        var name: String
        var offset: Int
        var stride: Int
        var count: Int
        var fields: [StateField]
    }

    var blocks: [Block] = []
    var rosters: [String: [String]] = [:]

    /// Bytes that the text may have, and where it begins: behind the header's page.
    static let capacity = 16_384, offset = 4096

    init() {}

    subscript(name: String) -> Block? { blocks.first { $0.name == name } }

    var text: String {
        var lines = rosters.sorted { $0.key < $1.key }.map { (["roster", $0.key] + $0.value).joined(separator: " ") }
        for block in blocks {
            lines.append("block \(block.name) \(block.offset) \(block.stride) \(block.count)")
            lines += block.fields.map { "field \($0.name) \($0.offset) \($0.size)" + ($0.roster.map { " " + $0 } ?? "") }
        }
        return lines.map { $0 + "\n" }.joined()
    }

    /// `nil` for a text that is none, or that tells of what lies beyond `size` bytes.
    init?(_ text: String, size: Int) {
        for line in text.split(separator: "\n") {
            let words = line.split(separator: " ").map(String.init)
            guard words.count >= 2 else { return nil }
            let numbers = words.dropFirst(2).prefix(3).compactMap(Int.init)
            switch words[0] {
            case "roster": rosters[words[1]] = Array(words.dropFirst(2))
            case "block":
                guard words.count == 5, numbers.count == 3 else { return nil }
                blocks.append(Block(name: words[1], offset: numbers[0], stride: numbers[1], count: numbers[2], fields: []))
            case "field":
                guard (4...5).contains(words.count), numbers.count >= 2, !blocks.isEmpty else { return nil }
                let roster = words.count == 5 ? words[4] : nil
                blocks[blocks.count - 1].fields.append(StateField(name: words[1], offset: numbers[0], size: numbers[1], roster: roster))
            default: return nil
            }
        }
        guard blocks.allSatisfy({ $0.isWithin(size) }) else { return nil }
    }

    /// A sum over the text.
    var check: UInt64 { Self.check(Array(text.utf8)) }
    static func check(_ bytes: [UInt8]) -> UInt64 { StateCheck.of(bytes.map(UInt64.init)) }
}

extension StateDescription.Block {
    /// Whether all of it lies within so many bytes, and its fields within its records.
    fileprivate func isWithin(_ size: Int) -> Bool {
        let (length, isTooLong) = stride.multipliedReportingOverflow(by: count)
        guard offset >= 0, stride > 0, count >= 0, !isTooLong, length <= size, offset <= size - length else { return false }
        return fields.allSatisfy { $0.offset >= 0 && $0.size > 0 && $0.size <= stride && $0.offset <= stride - $0.size }
    }
}
