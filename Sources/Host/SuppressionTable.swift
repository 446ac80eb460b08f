/// The whole of a muting's nftables table, and how to get from one to another in one transaction.
struct SuppressionTable: Equatable {
    var rules: SuppressionRules
    /// Interface index → name. A chain is named after the index: an interface that was made anew needs a new hook.
    var interfaces: [UInt32: String]

    /// Before everything that the host does with a frame, conntrack and other ingress chains included; packet sockets
    /// have had their copy by then.
    static let priority = -500

    /// Commands that make the table. `owner` binds it to the netlink socket that sends them: it vanishes with the process.
    func creation(_ table: String) -> String {
        // nft 1.0.6 wants `flags owner` and the closing brace on lines of their own.
        var text = "create table netdev \(table) {\nflags owner\n}\n"
        for chain in SuppressionRules.Chain.allCases { text += "add chain netdev \(table) \(chain.rawValue)\n" }
        let nothing = SuppressionTable(rules: SuppressionRules(SuppressedTraffic()), interfaces: [:])
        return text + change(from: nothing, table)
    }

    /// Commands that make the table anew.
    func replacement(_ table: String) -> String {
        "delete table netdev \(table)\n" + creation(table)
    }

    /// Commands that change the table from `old`; empty when nothing differs.
    func change(from old: SuppressionTable, _ table: String) -> String {
        var text = ""
        for (name, set) in rules.sets.sorted(by: { $0.key < $1.key }) {
            var known = old.rules.sets[name]
            // A set that is made now takes the name of one that is still there only if it is the same kind of set, and
            // names tell the kind.
            if known == nil {
                text += "add set netdev \(table) \(name) { \(set.type); \(set.isInterval ? "flags interval; " : "")}\n"
                known = SuppressionRules.NamedSet(type: set.type, isInterval: set.isInterval)
            }
            text += Self.elements("delete", known?.elements.subtracting(set.elements) ?? [], table, name)
            text += Self.elements("add", set.elements.subtracting(known?.elements ?? []), table, name)
        }
        for chain in SuppressionRules.Chain.allCases where rules.rules[chain] != old.rules.rules[chain] {
            if old.rules.rules[chain] != nil { text += "flush chain netdev \(table) \(chain.rawValue)\n" }
            for rule in rules.rules[chain] ?? [] { text += "add rule netdev \(table) \(chain.rawValue) \(rule)\n" }
        }
        for name in old.rules.sets.keys.sorted() where rules.sets[name] == nil { text += "delete set netdev \(table) \(name)\n" }
        for index in old.interfaces.keys.sorted() where interfaces[index] != old.interfaces[index] {
            text += "delete chain netdev \(table) on\(index)\n"
        }
        for (index, device) in interfaces.sorted(by: { $0.key < $1.key }) where device != old.interfaces[index] {
            text += "add chain netdev \(table) on\(index) { type filter hook ingress device \"\(device)\" priority \(Self.priority); }\n"
            // A frame to another station is nothing to the host stack, but a bridge may carry it on.
            text += "add rule netdev \(table) on\(index) meta pkttype other accept\n"
            let jumps = SuppressionRules.Chain.allCases.map { "\($0.etherType) : jump \($0.rawValue)" }
            text += "add rule netdev \(table) on\(index) meta protocol vmap { \(jumps.joined(separator: ", ")) }\n"
        }
        return text
    }

    private static func elements(_ verb: String, _ elements: Set<String>, _ table: String, _ set: String) -> String {
        elements.isEmpty ? "" : "\(verb) element netdev \(table) \(set) { \(elements.sorted().joined(separator: ", ")) }\n"
    }
}
