import LVS
import Wire

/// One nftables rule, understood for packets of one family.
struct NftRuleReader {
    let rule: NftRuleset.Rule
    let family: IPFamily
    /// The chain the rule stands in, for the names of its table.
    let table: NftRuleset.Name
    let sets: [NftRuleset.Name: [JSONValue]]
    /// Places of the chains that a verdict can lead to.
    let chains: [String: Int]

    private static let harmless: Set<String> = ["counter", "log", "notrack", "comment"]

    /// - Returns: conditions and what follows from them, one after the other; `nil` for a rule that does nothing here.
    func understood() throws(Complaint) -> (matches: [MarkMatch], targets: [MarkTarget])? {
        guard rule.statements.contains(where: { acts($0) }) else { return nil }
        var matches: [MarkMatch] = []
        var targets: [MarkTarget] = []
        for statement in rule.statements {
            guard let (kind, body) = statement.single else { throw Complaint("a statement that is none") }
            switch kind {
            case "match":
                guard targets.isEmpty else { throw Complaint("match: stands behind an action") }
                guard let condition = try conditions(body) else { return nil }
                matches += condition
            case "mangle":
                guard body["key"]?["meta"]?["key"]?.text == "mark" else { throw Complaint("mangle: only meta mark is understood") }
                guard let value = body["value"] else { throw Complaint("mangle: the value is missing") }
                let (kept, toggled) = try change(value)
                targets.append(.mark(clearing: ~kept, toggling: toggled))
            case "accept": targets.append(.accept)
            case "return": targets.append(.return)
            case "continue": break
            case "jump", "goto":
                guard let name = body["target"]?.text, let place = chains[name] else { throw Complaint("\(kind): no such chain") }
                targets.append(kind == "jump" ? .jump(place) : .goto(place))
            case "xt":
                throw Complaint("xt \(body["name"]?.text ?? ""): written by iptables-nft, and nft cannot say what it does")
            case _ where Self.harmless.contains(kind): break
            default: throw Complaint("\(kind): not understood")
            }
        }
        return targets.isEmpty ? nil : (matches, targets)
    }

    /// Whether a statement changes the mark or the way through the chains.
    private func acts(_ statement: JSONValue) -> Bool {
        guard let (kind, body) = statement.single else { return true }
        switch kind {
        case "match", "continue": return false
        case _ where Self.harmless.contains(kind): return false
        case "mangle": return body["key"]?["meta"]?["key"]?.text == "mark"
        case "limit", "quota", "set", "tproxy", "ct helper", "ct count": return false
        default: return true
        }
    }

    /// The new mark as a function of the old one: `old & kept ^ toggled`.
    private func change(_ value: JSONValue) throws(Complaint) -> (kept: UInt32, toggled: UInt32) {
        if let number = value.number {
            guard let mark = UInt32(exactly: number) else { throw Complaint("\(number): invalid mark") }
            return (0, mark)
        }
        guard let (kind, body) = value.single else { throw Complaint("mangle: the value is not understood") }
        if kind == "meta", body["key"]?.text == "mark" { return (UInt32.max, 0) }
        guard ["&", "|", "^"].contains(kind), let sides = body.list, sides.count == 2 else {
            throw Complaint("\(kind): not understood in a mark")
        }
        let left = try change(sides[0])
        let right = try change(sides[1])
        guard left.kept == 0 || right.kept == 0 else { throw Complaint("\(kind): the mark stands on both sides") }
        let (old, bits) = left.kept == 0 ? (right, left.toggled) : (left, right.toggled)
        switch kind {
        case "&": return (old.kept & bits, old.toggled & bits)
        case "|": return (old.kept & ~bits, old.toggled | bits)
        default: return (old.kept, old.toggled ^ bits)
        }
    }

    /// The elements that the right side of a match names, sets and named sets opened.
    func elements(_ right: JSONValue) throws(Complaint) -> [JSONValue] {
        if let text = right.text, text.hasPrefix("@") {
            let name = NftRuleset.Name(family: table.family, table: table.table, name: String(text.dropFirst()))
            guard let elements = sets[name] else { throw Complaint("\(text): no such set") }
            return elements.map { $0["elem"]?["val"] ?? $0 }
        }
        guard let elements = right["set"]?.list else { return [right] }
        return elements.map { $0["elem"]?["val"] ?? $0 }
    }
}
