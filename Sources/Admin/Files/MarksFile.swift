public import LVS
public import Wire

/// A file in the form of iptables-save or ip6tables-save, of which the table mangle from PREROUTING on gives packets
/// their marks. Other tables and chains are passed over; a word in a chain that packets reach and that SVS does not
/// understand is an error. A line before the first `*table` belongs to mangle.
public struct MarksFile: Hashable, Sendable {
    public var rules: MarkRules

    /// - Parameter family: of the addresses in the file, as `iptables` and `ip6tables` are two commands.
    /// - Throws: `FileError` naming the first word that is not understood.
    public init(_ text: String, file: String, family: IPFamily) throws(FileError) {
        var table = MarksTable()
        var line = 0
        do throws(Complaint) {
            for (index, text) in TextFile.lines(of: text).enumerated() {
                line = index + 1
                try table.read(text.trimmed, line: line)
            }
            try table.end()
            rules = try table.rules(family, at: &line)
        } catch {
            throw FileError(file: file, line: line, text: error.text)
        }
    }
}

/// The table mangle while its lines are read.
struct MarksTable {
    /// A rule as it stands in the file, to be understood when its chain turns out to be reached.
    private struct Line {
        var number: Int
        var text: String
        var words: [String]
    }

    private static let builtIn = ["PREROUTING", "INPUT", "FORWARD", "OUTPUT", "POSTROUTING"]
    private var table = "mangle"
    /// Whether a `*table` line waits for its COMMIT.
    private var isOpen = false
    private var lines: [String: [Line]] = Dictionary(uniqueKeysWithValues: builtIn.map { ($0, []) })

    mutating func read(_ line: Substring, line number: Int) throws(Complaint) {
        guard let first = line.first, first != "#" else { return }
        if first == "*" {
            guard !isOpen else { throw Complaint("\(line): COMMIT is missing before it") }
            table = String(line.dropFirst().trimmed)
            isOpen = true
            // Loading a table replaces what an earlier part of the file put there.
            if table == "mangle" { lines = Dictionary(uniqueKeysWithValues: Self.builtIn.map { ($0, []) }) }
            return
        }
        if line == "COMMIT" {
            guard isOpen else { throw Complaint("COMMIT: no table is open") }
            isOpen = false
            return
        }
        guard table == "mangle" else { return }
        if first == ":" { try declare(line.dropFirst()) } else { try add(line, number) }
    }

    func end() throws(Complaint) {
        if isOpen { throw Complaint("COMMIT is missing") }
    }

    /// `:CHAIN POLICY [PACKETS:BYTES]`.
    private mutating func declare(_ line: Substring) throws(Complaint) {
        let words = line.split { $0 == " " || $0 == "\t" }.map(String.init)
        guard let chain = words.first, words.count == 2 || words.count == 3 && Self.isCounter(words[2]) else {
            throw Complaint(":\(line): expected :CHAIN POLICY [PACKETS:BYTES]")
        }
        try setPolicy(of: chain, to: words[1])
        if !Self.builtIn.contains(chain) { lines[chain] = [] }
    }

    private func setPolicy(of chain: String, to policy: String) throws(Complaint) {
        let isBuiltIn = Self.builtIn.contains(chain)
        guard policy == "-" && !isBuiltIn || policy == "ACCEPT" && isBuiltIn || chain != "PREROUTING" && policy == "DROP" && isBuiltIn
        else {
            throw Complaint("\(policy): not supported as the policy of \(chain)")
        }
    }

    private mutating func add(_ line: Substring, _ number: Int) throws(Complaint) {
        var text = line
        if text.first == "[" {
            let counter = text.prefix { $0 != " " && $0 != "\t" }
            guard Self.isCounter(String(counter)) else { throw Complaint("\(counter): expected [PACKETS:BYTES]") }
            text = text.dropFirst(counter.count).trimmed
        }
        var words = WordReader(try Self.split(text))
        let command = words.next() ?? ""
        switch command {
        case "-A", "--append", "-I", "--insert":
            let chain = try words.argument(of: command)
            guard let known = lines[chain] else { throw Complaint("\(chain): no chain of that name") }
            var place = known.count
            if command == "-I" || command == "--insert" {
                place = 0
                if let word = words.peek, let rule = UInt32(numeral: word) {
                    _ = words.next()
                    guard rule >= 1, Int(rule) <= known.count + 1 else { throw Complaint("\(word): index of insertion too big") }
                    place = Int(rule) - 1
                }
            }
            var rest: [String] = []
            while let word = words.next() { rest.append(word) }
            lines[chain]?.insert(Line(number: number, text: String(text), words: rest), at: place)
        case "-N", "--new-chain":
            let chain = try words.argument(of: command)
            guard lines[chain] == nil else { throw Complaint("\(chain): Chain already exists.") }
            lines[chain] = []
        case "-P", "--policy":
            let chain = try words.argument(of: command)
            try setPolicy(of: chain, to: try words.argument(of: command))
        default:
            throw Complaint("\(command): not understood")
        }
    }

    private static func isCounter(_ word: String) -> Bool {
        guard word.first == "[", word.last == "]", word.utf8.count > 2 else { return false }
        let parts = word.dropFirst().dropLast().split(separator: ":", omittingEmptySubsequences: false)
        return parts.count == 2 && parts.allSatisfy { !$0.isEmpty && $0.utf8.allSatisfy { $0 >= 0x30 && $0 <= 0x39 } }
    }

    /// Words as iptables-save quotes them: double quotes keep blanks, a backslash inside them keeps the next character.
    static func split(_ line: Substring) throws(Complaint) -> [String] {
        var words: [String] = []
        var word: String?
        var isQuoted = false
        var isEscaped = false
        for character in line {
            switch character {
            case _ where isEscaped:
                word = (word ?? "") + String(character)
                isEscaped = false
            case "\\" where isQuoted: isEscaped = true
            case "\"":
                isQuoted.toggle()
                word = word ?? ""
            case " " where !isQuoted, "\t" where !isQuoted, "\r" where !isQuoted:
                if let word { words.append(word) }
                word = nil
            default: word = (word ?? "") + String(character)
            }
        }
        if isQuoted { throw Complaint("\(word ?? ""): the closing quote is missing") }
        if let word { words.append(word) }
        return words
    }

    /// The rules of every chain that PREROUTING leads to.
    /// - Parameter line: set to the line that is being understood, for the place of an error.
    func rules(_ family: IPFamily, at line: inout Int) throws(Complaint) -> MarkRules {
        var names = ["PREROUTING"]
        var places = ["PREROUTING": 0]
        var chains: [MarkRules.Chain] = []
        let known = Set(lines.keys).subtracting(Self.builtIn)
        while chains.count < names.count {
            var chain = MarkRules.Chain(name: names[chains.count])
            for written in lines[chain.name] ?? [] {
                line = written.number
                let parsed = try MarkRuleWords(written.words, family, chains: known).rule()
                var rule = MarkRule(matches: parsed.matches, target: .none, line: written.number, text: written.text)
                switch parsed.target {
                case .none: break
                case .known(let target): rule.target = target
                case .chain(let name, let isGoto):
                    let place = places[name] ?? names.count
                    if place == names.count {
                        names.append(name)
                        places[name] = place
                    }
                    rule.target = isGoto ? .goto(place) : .jump(place)
                }
                chain.rules.append(rule)
            }
            chains.append(chain)
        }
        do throws(MarkLoop) {
            return try MarkRules(family: family, chains: chains)
        } catch {
            line = error.rule?.line ?? line
            throw Complaint(
                error.reason == .circle
                    ? "\(error.chain): the chains call each other in a circle"
                    : "\(error.chain): chains are nested deeper than \(MarkRules.deepestNesting)")
        }
    }
}
