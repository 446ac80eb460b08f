import LVS
import Wire

/// An nftables ruleset as `nft -j list ruleset` prints it (libnftables-json(5)): chains, rules, sets and maps by name.
struct NftRuleset {
    struct Name: Hashable {
        var family: String
        var table: String
        var name: String
    }

    struct Chain {
        var base: Base?
        var rules: [Rule] = []
    }

    /// How a chain hangs on a hook.
    struct Base {
        var hook: MarkRules.Hook
        var priority: Int64
        var dropsAtEnd: Bool
        /// Interfaces of the ingress hook; empty where nft does not name them.
        var devices: [String]
    }

    struct Rule {
        /// `inet filter input handle 4`, with the rule's comment.
        var title: String
        var statements: [JSONValue]
    }

    private var chains: [Name: Chain] = [:]
    /// Names of base chains in the order of the ruleset.
    private var bases: [Name] = []
    /// Elements of sets; of maps, lists of a key and its value.
    private(set) var sets: [Name: [JSONValue]] = [:]
    private var isTracking = false

    /// - Parameter besideIptables: families whose iptables-save tells better what iptables keeps in nftables.
    init(_ json: JSONValue, besideIptables: Set<IPFamily>) throws(Complaint) {
        guard let items = json["nftables"]?.list else { throw Complaint("no output of nft -j list ruleset") }
        var own: Set<String> = []
        for item in items {
            guard let (kind, body) = item.single else { continue }
            let family = body["family"]?.text ?? "", table = body["table"]?.text ?? ""
            let name = Name(family: family, table: table, name: body["name"]?.text ?? "")
            if kind == "table", family == "netdev", Self.isOwn(name.name) { own.insert(name.name) }
            guard !(family == "netdev" && own.contains(table)) else { continue }
            switch kind {
            case "chain": add(body, name)
            case "rule":
                let statements = body["expr"]?.list ?? []
                isTracking = isTracking || statements.contains { Self.tracks($0) }
                let chain = Name(family: family, table: table, name: body["chain"]?.text ?? "")
                var title = "\(family) \(table) \(chain.name) handle \(body["handle"]?.number ?? 0)"
                if let comment = body["comment"]?.text { title += " \"\(comment)\"" }
                chains[chain]?.rules.append(Rule(title: title, statements: statements))
            case "set", "map": sets[name] = body["elem"]?.list ?? []
            default: break
            }
        }
        bases.removeAll { Self.isOfIptables($0, besideIptables) }
    }

    private mutating func add(_ body: JSONValue, _ name: Name) {
        var chain = Chain()
        if body["type"]?.text == "nat" { isTracking = true }
        let hooks: [String: MarkRules.Hook] = ["ingress": .ingress, "prerouting": .prerouting, "input": .input]
        if let word = body["hook"]?.text, let hook = hooks[word], name.family != "bridge", name.family != "arp" {
            let devices = body["dev"]?.text.map { [$0] } ?? body["dev"]?.list?.compactMap(\.text) ?? []
            chain.base = Base(hook: hook, priority: body["prio"]?.number ?? 0, dropsAtEnd: body["policy"]?.text == "drop", devices: devices)
            bases.append(name)
        }
        chains[name] = chain
    }

    /// The table in which a director keeps the host's stack from its packets.
    static func isOwn(_ table: String) -> Bool {
        guard table.hasPrefix("svs_") else { return false }
        return table.dropFirst(4).allSatisfy { $0.isNumber || $0 == "_" }
    }

    /// The built-in chains of iptables-nft stand in capitals in tables of its own.
    private static func isOfIptables(_ name: Name, _ families: Set<IPFamily>) -> Bool {
        guard name.family == "ip" && families.contains(.v4) || name.family == "ip6" && families.contains(.v6) else { return false }
        return ["PREROUTING", "INPUT"].contains(name.name) && ["raw", "mangle", "nat", "filter", "security"].contains(name.table)
    }

    /// Whether a statement makes the kernel track connections.
    private static func tracks(_ value: JSONValue) -> Bool {
        switch value {
        case .object(let members):
            members.contains {
                ["ct", "ct count", "dnat", "snat", "masquerade", "redirect", "notrack"].contains($0.key) || tracks($0.value)
            }
        case .list(let elements): elements.contains { tracks($0) }
        default: false
        }
    }

    /// The rules that packets of one family meet.
    /// - Parameter complaints: gets what makes a base chain's rules impossible to follow.
    func rules(_ family: IPFamily, _ complaints: inout [Complaint]) -> MarkRules {
        var parts: [MarkRules] = []
        // Of equal priorities the chain that was made last comes first.
        for name in bases.reversed() where isMet(name, by: family) {
            guard let base = chains[name]?.base else { continue }
            do throws(Complaint) { parts.append(try rules(name, base, family)) } catch { complaints.append(error) }
        }
        return MarkRules(joining: parts, family: family)
    }

    private func isMet(_ name: Name, by family: IPFamily) -> Bool {
        switch name.family {
        case "ip": family == .v4
        case "ip6": family == .v6
        default: true
        }
    }

    private func rules(_ name: Name, _ base: Base, _ family: IPFamily) throws(Complaint) -> MarkRules {
        let names = reached(from: name)
        let places = Dictionary(names.enumerated().map { ($0.element.name, $0.offset) }) { first, _ in first }
        var lists: [MarkRules.Chain] = []
        for name in names {
            var list = MarkRules.Chain(name: name.name, table: "\(name.family) \(name.table)")
            if lists.isEmpty, !base.devices.isEmpty {
                // The other interfaces' packets do not come here, whatever the policy.
                list.rules.append(MarkRule(matches: [MarkMatch(.ingress(base.devices), isNegated: true)], target: .accept))
            }
            for rule in chains[name]?.rules ?? [] {
                var reader = NftRule(family: family, table: name, sets: sets, chains: places)
                guard let statements = reader.read(rule.statements) else { continue }
                list.rules.append(MarkRule(statements, text: rule.title))
            }
            lists.append(list)
        }
        let root = MarkRules.Base(chain: 0, hook: base.hook, priority: base.priority, dropsAtEnd: base.dropsAtEnd)
        do throws(MarkLoop) {
            return try MarkRules(family: family, chains: lists, bases: [root], isTracking: isTracking)
        } catch {
            let reason = error.reason == .circle ? "the chains call each other in a circle" : "chains are nested too deeply"
            throw Complaint("\(error.rule?.text ?? "\(name.family) \(name.table) \(name.name)"): \(reason)")
        }
    }

    /// The chain and those its rules lead to, each once, in the order in which they are met.
    private func reached(from base: Name) -> [Name] {
        var names = [base]
        var known: Set<Name> = [base]
        var place = 0
        while place < names.count {
            for rule in chains[names[place]]?.rules ?? [] {
                for target in rule.statements.flatMap({ targets($0, base) }) {
                    let name = Name(family: base.family, table: base.table, name: target)
                    if chains[name] != nil, known.insert(name).inserted { names.append(name) }
                }
            }
            place += 1
        }
        return names
    }

    /// Names of chains that a statement leads to.
    private func targets(_ statement: JSONValue, _ base: Name) -> [String] {
        guard let (kind, body) = statement.single else { return [] }
        switch kind {
        case "jump", "goto": return body["target"]?.text.map { [$0] } ?? []
        case "vmap":
            let data = body["data"]
            let elements =
                data?.text.flatMap { sets[Name(family: base.family, table: base.table, name: String($0.dropFirst()))] } ?? data?["set"]?
                .list ?? []
            return elements.flatMap { $0.list?.last.map { targets($0, base) } ?? [] }
        default: return []
        }
    }
}
