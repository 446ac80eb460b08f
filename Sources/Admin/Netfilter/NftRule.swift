import LVS
import Wire

/// Reads one nftables rule for packets of one family.
struct NftRule {
    let family: IPFamily
    /// The chain that the rule stands in, for the names of its table.
    let table: NftRuleset.Name
    let sets: [NftRuleset.Name: [JSONValue]]
    /// Places of the chains that a verdict can lead to.
    let chains: [String: Int]
    private(set) var statements: [MarkRule.Statement] = []

    init(family: IPFamily, table: NftRuleset.Name, sets: [NftRuleset.Name: [JSONValue]], chains: [String: Int]) {
        self.family = family
        self.table = table
        self.sets = sets
        self.chains = chains
    }

    /// Statements that change nothing by which a packet could be marked, dropped or forwarded otherwise.
    private static let harmless: Set<String> = [
        "counter", "log", "comment", "continue", "ct helper", "ct timeout", "ct expectation", "secmark", "dup", "masquerade", "snat",
        "flow", "last",
    ]
    /// Statements that hold for some packets and not for others, by what they count.
    private static let counting: Set<String> = ["limit", "quota", "ct count", "connlimit", "meter"]

    /// What the rule does, in order; `nil` when no packet of the family can meet it. What is not understood stands in it as
    /// such.
    mutating func read(_ rule: [JSONValue]) -> [MarkRule.Statement]? {
        reading: for statement in rule {
            guard let (kind, body) = statement.single else {
                match(.unclear("a statement that is none"))
                continue
            }
            do throws(Complaint) {
                // What the rule did before that, it has done.
                guard try read(kind, body) else { break reading }
            } catch {
                if kind == "match" { match(.unclear(error.text)) } else { statements.append(.act(.unclear(error.text))) }
            }
        }
        // A rule that only counts is none.
        return statements.contains { if case .act(let target) = $0 { target != .none } else { false } } ? statements : nil
    }

    private mutating func match(_ condition: MarkMatch.Condition, isNegated: Bool = false) {
        statements.append(.match(MarkMatch(condition, isNegated: isNegated)))
    }

    /// - Returns: whether a packet can come by this statement.
    private mutating func read(_ kind: String, _ body: JSONValue) throws(Complaint) -> Bool {
        switch kind {
        case "match": return try readMatch(body)
        case "mangle": return try readMangle(body)
        case "vmap": return try readVerdictMap(body)
        case "accept", "drop", "return", "jump", "goto": statements.append(.act(try verdict(kind, body)))
        case "reject":
            let (rejection, proto) = try rejection(body)
            if let proto { match(.proto([proto])) }
            statements.append(.act(.drop(rejection)))
        case "notrack": statements.append(.act(.untrack))
        case "set":
            // Adding to a set passes by, unless a condition hangs on the element.
            if body["stmt"] != nil { match(.unclear("set with a condition: not understood")) }
        case "xt":
            let name = body["name"]?.text ?? ""
            let words = "xt \(name): written by iptables-nft, and nft cannot say what it does"
            if body["type"]?.text == "match" { match(.unclear(words)) } else { throw Complaint(words) }
        case _ where Self.counting.contains(kind): match(.unclear("\(kind): not understood"))
        case _ where Self.harmless.contains(kind): break
        default: throw Complaint("\(kind): not understood")
        }
        return true
    }

    private mutating func readMatch(_ body: JSONValue) throws(Complaint) -> Bool {
        guard let op = body["op"]?.text, let left = body["left"], let right = body["right"] else {
            throw Complaint("match: not understood")
        }
        guard let key = try key(left) else { return false }
        let (condition, isNegated) = try condition(key, op, right)
        require(key)
        match(condition, isNegated: isNegated)
        return true
    }

    /// Adds what has to hold for fields to be there.
    private mutating func require(_ key: [NftTerm]) {
        for need in key.flatMap(\.needs) where !statements.contains(.match(need)) { statements.append(.match(need)) }
    }

    private mutating func readMangle(_ body: JSONValue) throws(Complaint) -> Bool {
        guard let (kind, key) = body["key"]?.single, let value = body["value"] else { throw Complaint("mangle: not understood") }
        let name = key["key"]?.text ?? ""
        switch (kind, name) {
        case ("meta", "mark"):
            if let map = value["map"] {
                guard let key = try self.key(map["key"]) else { return false }
                let (lookup, marks) = try table(key, map["data"]) { value throws(Complaint) in try Self.word(value) }
                require(key)
                statements.append(.act(.markMap(lookup, marks)))
            } else {
                let term = try markTerm(value)
                let isOwn = term.field == .mark || term.field == .constant
                statements.append(
                    .act(
                        isOwn
                            ? .mark(clearing: ~UInt32(truncatingIfNeeded: term.mask), toggling: UInt32(truncatingIfNeeded: term.toggle))
                            : .markFrom(term, keeping: 0)))
            }
        case ("ct", "mark"): statements.append(.act(.connectionMark(try markTerm(value), keeping: 0)))
        case ("ct", _), ("meta", "priority"), ("meta", "nftrace"): break
        default: throw Complaint("\(kind) \(name) set: not understood")
        }
        return true
    }

    private mutating func readVerdictMap(_ body: JSONValue) throws(Complaint) -> Bool {
        guard let key = try key(body["key"]) else { return false }
        let (lookup, targets) = try table(key, body["data"]) { value throws(Complaint) in
            guard let (kind, body) = value.single else { throw Complaint("vmap: not understood") }
            return try verdict(kind, body)
        }
        require(key)
        statements.append(.act(.verdictMap(lookup, targets)))
        return true
    }

    private func verdict(_ kind: String, _ body: JSONValue) throws(Complaint) -> MarkTarget {
        switch kind {
        case "accept": return .accept
        case "drop": return .drop(.silent)
        case "return": return .return
        case "continue": return .none
        case "jump", "goto":
            guard let name = body["target"]?.text, let place = chains[name] else { throw Complaint("\(kind): no such chain") }
            return kind == "jump" ? .jump(place) : .goto(place)
        default: return .unclear("\(kind): not understood")
        }
    }

    /// Keys and values of a map.
    private func table<Value>(
        _ key: [NftTerm], _ data: JSONValue?,
        _ read: (JSONValue) throws(Complaint) -> Value
    ) throws(Complaint) -> (MarkLookup, [Value]) {
        var keys: [[ClosedRange<UInt128>]] = [], values: [Value] = []
        for element in try elements(data ?? .null) {
            guard let pair = element.list, pair.count == 2 else { throw Complaint("map: not understood") }
            keys.append(try ranges(pair[0]["elem"]?["val"] ?? pair[0], key))
            values.append(try read(pair[1]))
        }
        return (MarkLookup(key.map(\.term), in: MarkSet(width: key.count, keys)), values)
    }

    /// The elements of a set that stands there or is named.
    func elements(_ value: JSONValue) throws(Complaint) -> [JSONValue] {
        if let text = value.text, text.hasPrefix("@") {
            let name = NftRuleset.Name(family: table.family, table: table.table, name: String(text.dropFirst()))
            guard let elements = sets[name] else { throw Complaint("\(text): no such set") }
            return elements.map { $0["elem"]?["val"] ?? $0 }
        }
        guard let elements = value["set"]?.list else { return [value] }
        return elements.map { $0["elem"]?["val"] ?? $0 }
    }
}
