/// One table while the lines of iptables-save are read.
struct IptablesTable {
    /// A rule as it stands in the text, to be understood when its chain turns out to be reached.
    struct Line {
        var number: Int
        var text: String
        var words: [String]
    }

    private static let builtIn = ["PREROUTING", "INPUT", "FORWARD", "OUTPUT", "POSTROUTING"]
    private(set) var lines: [String: [Line]] = Dictionary(uniqueKeysWithValues: builtIn.map { ($0, []) })
    private var dropping: Set<String> = []

    var userChains: Set<String> { Set(lines.keys).subtracting(Self.builtIn) }
    func drops(_ chain: String) -> Bool { dropping.contains(chain) }
    /// Whether a chain can do anything to a packet.
    func decides(_ chain: String) -> Bool { drops(chain) || lines[chain]?.isEmpty == false }

    /// Whether a rule makes the kernel track connections.
    var tracksConnections: Bool {
        lines.values.joined().contains { line in
            zip(line.words, line.words.dropFirst()).contains { option, word in
                switch option {
                case "-m", "--match": ["state", "conntrack", "connmark", "connlimit", "connbytes", "connlabel", "helper"].contains(word)
                case "-j", "--jump": ["CT", "CONNMARK", "CONNSECMARK", "MASQUERADE", "SNAT", "DNAT", "REDIRECT", "NETMAP"].contains(word)
                default: false
                }
            }
        }
    }

    /// - Parameter isKnown: the table has chains before IPVS; of others the lines are passed over.
    mutating func read(_ line: Substring, _ number: Int, isKnown: Bool) throws(Complaint) {
        guard isKnown else { return }
        if line.first == ":" { try declare(line.dropFirst()) } else { try add(line, number) }
    }

    /// `:CHAIN POLICY [PACKETS:BYTES]`.
    private mutating func declare(_ line: Substring) throws(Complaint) {
        let words = line.split { $0 == " " || $0 == "\t" }.map(String.init)
        // The chain is there for its rules, whatever is wrong with the line.
        if let chain = words.first, !Self.builtIn.contains(chain) { lines[chain] = [] }
        guard let chain = words.first, words.count == 2 || words.count == 3 && Self.isCounter(words[2]) else {
            throw Complaint(":\(line): expected :CHAIN POLICY [PACKETS:BYTES]")
        }
        try setPolicy(of: chain, to: words[1])
    }

    private mutating func setPolicy(of chain: String, to policy: String) throws(Complaint) {
        let isBuiltIn = Self.builtIn.contains(chain)
        guard policy == "-" && !isBuiltIn || (policy == "ACCEPT" || policy == "DROP") && isBuiltIn else {
            throw Complaint("\(policy): not supported as the policy of \(chain)")
        }
        if policy == "DROP" { dropping.insert(chain) } else { dropping.remove(chain) }
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
            // Not the lines themselves: a copy of them would be made for each rule.
            guard let count = lines[chain]?.count else { throw Complaint("\(chain): no chain of that name") }
            var place = count
            if command == "-I" || command == "--insert" {
                place = 0
                if let word = words.peek, let rule = UInt32(numeral: word) {
                    _ = words.next()
                    guard rule >= 1, Int(rule) <= count + 1 else { throw Complaint("\(word): index of insertion too big") }
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
        func append(_ character: Character) {
            if word == nil { word = "" }
            word?.append(character)
        }
        for character in line {
            switch character {
            case _ where isEscaped:
                append(character)
                isEscaped = false
            case "\\" where isQuoted: isEscaped = true
            case "\"":
                isQuoted.toggle()
                word = word ?? ""
            case " " where !isQuoted, "\t" where !isQuoted, "\r" where !isQuoted:
                if let word { words.append(word) }
                word = nil
            default: append(character)
            }
        }
        if isQuoted { throw Complaint("\(word ?? ""): the closing quote is missing") }
        if let word { words.append(word) }
        return words
    }
}
