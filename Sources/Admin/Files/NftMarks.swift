public import LVS
import Wire

/// Firewall marks of an nftables ruleset, as `nft -j list ruleset` prints it: what base chains at the prerouting hook do to
/// `meta mark`, in order of their priority. Base chains from which nothing sets a mark are passed over; in the others a
/// rule that acts and is not understood is an error.
public struct NftMarks: Hashable, Sendable {
    public var rules4: MarkRules
    public var rules6: MarkRules

    /// - Parameters:
    ///   - file: what errors name as their place.
    ///   - besideIptables: leaves out the tables that iptables-nft keeps, which iptables-save tells better.
    /// - Throws: `FileError` naming the table, chain and handle of the rule.
    public init(_ text: String, file: String, besideIptables: Bool = true) throws(FileError) {
        do throws(Complaint) {
            let ruleset = try NftRuleset(try JSONValue(text), besideIptables: besideIptables)
            rules4 = MarkRules(joining: try ruleset.parts(.v4).map { $0.rules }, family: .v4)
            rules6 = MarkRules(joining: try ruleset.parts(.v6).map { $0.rules }, family: .v6)
        } catch {
            throw FileError(file: file, text: error.text)
        }
    }
}

/// Chains, rules and sets by name.
struct NftRuleset {
    struct Name: Hashable {
        var family: String
        var table: String
        var name: String
    }

    struct Chain {
        var isPrerouting = false
        var priority: Int64 = 0
        var policy = "accept"
        var rules: [Rule] = []
    }

    struct Rule {
        /// `inet filter prerouting handle 4`, with the rule's comment.
        var title: String
        var statements: [JSONValue]
    }

    private var chains: [Name: Chain] = [:]
    /// Names of base chains in the order of the ruleset.
    private var bases: [Name] = []
    private(set) var sets: [Name: [JSONValue]] = [:]

    init(_ json: JSONValue, besideIptables: Bool) throws(Complaint) {
        guard let items = json["nftables"]?.list else { throw Complaint("no output of nft -j list ruleset") }
        for item in items {
            guard let (kind, body) = item.single, let family = body["family"]?.text, let table = body["table"]?.text else { continue }
            switch kind {
            case "chain":
                let name = Name(family: family, table: table, name: body["name"]?.text ?? "")
                var chain = Chain()
                if let hook = body["hook"]?.text {
                    chain.isPrerouting = hook == "prerouting"
                    chain.priority = body["prio"]?.number ?? 0
                    chain.policy = body["policy"]?.text ?? "accept"
                    bases.append(name)
                }
                chains[name] = chain
            case "rule":
                let name = Name(family: family, table: table, name: body["chain"]?.text ?? "")
                var title = "\(family) \(table) \(name.name) handle \(body["handle"]?.number ?? 0)"
                if let comment = body["comment"]?.text { title += " \"\(comment)\"" }
                chains[name]?.rules.append(Rule(title: title, statements: body["expr"]?.list ?? []))
            case "set":
                sets[Name(family: family, table: table, name: body["name"]?.text ?? "")] = body["elem"]?.list ?? []
            default: break
            }
        }
        if besideIptables { bases.removeAll { Self.isOfIptables($0) } }
    }

    /// The built-in chains of iptables-nft stand in capitals in tables of its own.
    private static func isOfIptables(_ name: Name) -> Bool {
        (name.family == "ip" || name.family == "ip6") && name.name == "PREROUTING" && ["raw", "mangle", "nat"].contains(name.table)
    }

    /// The rules of each base chain for packets of one family, lowest priority first.
    func parts(_ family: IPFamily) throws(Complaint) -> [(priority: Int64, rules: MarkRules)] {
        var parts: [(priority: Int64, rules: MarkRules)] = []
        for base in bases where base.family == "inet" || base.family == (family == .v4 ? "ip" : "ip6") {
            guard let chain = chains[base], chain.isPrerouting else { continue }
            let reached = reached(from: base)
            guard reached.contains(where: { setsMark($0) }) else { continue }
            guard chain.policy == "accept" else {
                throw Complaint("\(base.family) \(base.table) \(base.name): policy \(chain.policy): not understood")
            }
            let place = parts.firstIndex { $0.priority > chain.priority } ?? parts.count
            parts.insert((chain.priority, try rules(reached, family)), at: place)
        }
        return parts
    }

    /// The chain and those its rules lead to, each once, in the order in which they are met.
    private func reached(from base: Name) -> [Name] {
        var names = [base]
        var known: Set<Name> = [base]
        var place = 0
        while place < names.count {
            for rule in chains[names[place]]?.rules ?? [] {
                for statement in rule.statements {
                    guard let (kind, body) = statement.single, kind == "jump" || kind == "goto", let target = body["target"]?.text else {
                        continue
                    }
                    let name = Name(family: base.family, table: base.table, name: target)
                    if chains[name] != nil, known.insert(name).inserted { names.append(name) }
                }
            }
            place += 1
        }
        return names
    }

    private func setsMark(_ name: Name) -> Bool {
        chains[name]?.rules.contains { rule in
            rule.statements.contains { statement in
                statement["mangle"]?["key"]?["meta"]?["key"]?.text == "mark"
                    || statement["xt"]?["type"]?.text == "target" && statement["xt"]?["name"]?.text == "MARK"
            }
        } ?? false
    }

    private func rules(_ names: [Name], _ family: IPFamily) throws(Complaint) -> MarkRules {
        var places: [String: Int] = [:]
        for (place, name) in names.enumerated() { places[name.name] = place }
        var lists = names.map { MarkRules.Chain(name: $0.name) }
        for (place, name) in names.enumerated() {
            for rule in chains[name]?.rules ?? [] {
                do throws(Complaint) {
                    let reader = NftRuleReader(rule: rule, family: family, table: name, sets: sets, chains: places)
                    guard let understood = try reader.understood() else { continue }
                    if understood.targets.count == 1 {
                        lists[place].rules.append(MarkRule(matches: understood.matches, target: understood.targets[0], text: rule.title))
                        continue
                    }
                    // A rule that marks and then leads elsewhere becomes a chain of its own. `return` from there has to
                    // leave this chain, so such a chain is gone to, not jumped to, and its end is the return.
                    let own = lists.count
                    let isLast = understood.targets.contains { if case .goto = $0 { true } else { $0 == .return } }
                    lists.append(
                        MarkRules.Chain(name: rule.title, rules: understood.targets.map { MarkRule(target: $0, text: rule.title) }))
                    lists[place].rules.append(
                        MarkRule(matches: understood.matches, target: isLast ? .goto(own) : .jump(own), text: rule.title))
                } catch {
                    throw Complaint("\(rule.title): \(error.text)")
                }
            }
        }
        do throws(MarkLoop) {
            return try MarkRules(family: family, chains: lists)
        } catch {
            throw Complaint(
                "\(error.rule?.text ?? names[0].name): \(error.reason == .circle ? "the chains call each other in a circle" : "chains are nested too deeply")"
            )
        }
    }
}
