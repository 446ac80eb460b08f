import LVS
import Wire

extension NetworkBuilder {
    /// What a `rule` line says, before it is made a rule.
    private struct Wish {
        var rule = PolicyRule(.v4, priority: 0, .nop)
        var priority: UInt32?
        var table: UInt32?
        var action: PolicyRule.Action?
    }

    /// `rule add | del SELECTOR ACTION`, `rule flush`.
    mutating func rule(_ words: inout WordReader) throws(Complaint) {
        switch try Self.verb(&words, ["add", "delete", "flush"]) {
        case "add": try add(try wish(&words))
        case "delete": try delete(try wish(&words))
        default:
            guard words.isEmpty else { throw Complaint("rule flush: \(words.peek ?? ""): not understood") }
            // The rule of priority 0 stays, as `ip rule flush` has it.
            let flushed = self.family ?? .v4
            touch(flushed)
            rules.removeAll { $0.family == flushed && $0.priority != 0 }
        }
    }

    private func wish(_ words: inout WordReader) throws(Complaint) -> Wish {
        var wish = Wish()
        while let word = words.next() {
            switch word {
            case "not": wish.rule.isInverted = true
            case "from": wish.rule.source = try prefix(&words, word)
            case "to": wish.rule.destination = try prefix(&words, word)
            case "priority", "prio", "preference", "pref", "order": wish.priority = try words.number(of: word)
            case "iif", "dev": wish.rule.ingress = try Self.name(&words, word)
            case "oif": wish.rule.egress = try Self.name(&words, word)
            case "fwmark": try Self.mark(&words, &wish.rule)
            case "tos", "dsfield": wish.rule.typeOfService = try Self.typeOfService(&words, word)
            case "ipproto": wish.rule.proto = try Self.proto(&words)
            case "sport": wish.rule.sourcePorts = try Self.ports(&words, word)
            case "dport": wish.rule.destinationPorts = try Self.ports(&words, word)
            case "uidrange": wish.rule.users = try Self.users(&words)
            case "tun_id": wish.rule.tunnel = UInt64(try words.number(of: word))
            case "suppress_prefixlength", "sup_pl": wish.rule.suppressedLength = Int(try words.number(of: word, in: 0...128))
            case "protocol", "proto", "realms", "realm": _ = try words.argument(of: word)
            case "lookup", "table": wish.table = try Self.table(&words, word)
            case "suppress_ifgroup", "sup_group", "l3mdev", "dscp", "flowlabel", "nat", "map-to":
                throw Complaint("rule: \(word) is not supported")
            case "type": try Self.act(try words.argument(of: word), &words, &wish)
            default: try Self.act(word, &words, &wish)
            }
        }
        return wish
    }

    private static func act(_ word: String, _ words: inout WordReader, _ wish: inout Wish) throws(Complaint) {
        switch word {
        case "goto": wish.action = .goto(try words.number(of: word))
        case "nop": wish.action = .nop
        case "unreachable": wish.action = .unreachable
        case "prohibit": wish.action = .prohibit
        case "blackhole": wish.action = .blackhole
        case "unicast": break
        default: throw Complaint("rule: \(word): not understood")
        }
    }

    /// `all`, an address or a prefix; `nil` for all.
    private func prefix(_ words: inout WordReader, _ option: String) throws(Complaint) -> AddressPrefix? {
        let word = try words.argument(of: option)
        if ["all", "any", "default"].contains(word) { return nil }
        guard let (address, length) = IPAddress.shortPrefix(word) else {
            throw Complaint("any valid prefix is expected rather than \"\(word)\".")
        }
        // As `ip rule`, which does not guess the family.
        guard address.family == family ?? .v4 else {
            throw Complaint("\(word): not an address of \(address.isV4 ? "IPv6" : "IPv4, rules of IPv6 begin with -6")")
        }
        let bits = length ?? address.family.width
        return bits == 0 ? nil : AddressPrefix(address.masked(to: bits), length: bits)
    }

    private mutating func add(_ wish: Wish) throws(Complaint) {
        var rule = try finished(wish)
        if case .lookup(0) = rule.action { throw Complaint("rule: table 0: invalid table ID") }
        if case .goto(let target) = rule.action, target <= rule.priority { throw Complaint("rule: Backward goto not supported.") }
        if wish.table != nil, wish.action != nil { throw Complaint("rule: a table and \"\(rule.action)\" exclude each other") }
        // Without a priority, before the first rule behind that of the table local (fib_default_rule_pref).
        if wish.priority == nil {
            let second = rules.filter { $0.family == rule.family }.dropFirst().first?.priority ?? 0
            rule.priority = second > 0 ? second - 1 : 0
        }
        guard !rules.contains(rule) else { throw Complaint("rule \(rule): File exists") }
        touch(rule.family)
        rules.insert(rule, at: rules.lastIndex { $0.family == rule.family && $0.priority <= rule.priority }.map { $0 + 1 } ?? 0)
    }

    private mutating func delete(_ wish: Wish) throws(Complaint) {
        let wanted = try finished(wish)
        let place = rules.firstIndex { rule in
            guard rule.family == wanted.family, wish.priority.map({ $0 == rule.priority }) ?? true else { return false }
            let actionFits = wish.table == nil && wish.action == nil || rule.action == wanted.action
            return actionFits && (wanted.source == nil || wanted.source == rule.source)
                && (wanted.destination == nil || wanted.destination == rule.destination)
                && (wanted.ingress == nil || wanted.ingress == rule.ingress) && (wanted.egress == nil || wanted.egress == rule.egress)
                && (wanted.mark == 0 && wanted.markMask == 0 || (wanted.mark, wanted.markMask) == (rule.mark, rule.markMask))
                && (wanted.typeOfService == 0 || wanted.typeOfService == rule.typeOfService)
                && (wanted.proto == 0 || wanted.proto == rule.proto)
                && (wanted.sourcePorts == nil || wanted.sourcePorts == rule.sourcePorts)
                && (wanted.destinationPorts == nil || wanted.destinationPorts == rule.destinationPorts)
        }
        guard let place else { throw Complaint("rule \(wanted): No such file or directory") }
        touch(wanted.family)
        rules.remove(at: place)
    }

    private mutating func touch(_ family: IPFamily) {
        if family == .v4 { hasTouchedRules4 = true }
    }

    private func finished(_ wish: Wish) throws(Complaint) -> PolicyRule {
        var rule = wish.rule
        rule.family = family ?? .v4
        rule.priority = wish.priority ?? 0
        rule.action = wish.action ?? .lookup(wish.table ?? RouteTableID.main)
        if rule.typeOfService & (rule.family == .v4 ? ~0x1e : 3) != 0 { throw Complaint("rule: Invalid tos.") }
        if rule.suppressedLength != nil, wish.action != nil { throw Complaint("rule: suppress_prefixlength needs a table") }
        return rule
    }

    static func table(_ words: inout WordReader, _ option: String) throws(Complaint) -> UInt32 {
        let word = try words.argument(of: option)
        guard let number = RouteTableNames.number(of: word) else { throw Complaint("\(option) \(word): invalid table ID") }
        return number
    }

    /// A type of service, hexadecimal with `0x` and without.
    static func typeOfService(_ words: inout WordReader, _ option: String) throws(Complaint) -> UInt8 {
        let word = try words.argument(of: option)
        guard let number = UInt8(word.hasPrefix("0x") ? word.dropFirst(2) : word[...], radix: 16) else {
            throw Complaint("\(option): \(word): TOS value is invalid")
        }
        return number
    }

    private static func name(_ words: inout WordReader, _ option: String) throws(Complaint) -> String {
        let word = try words.argument(of: option)
        guard !word.isEmpty, word.utf8.count < 16, !word.contains("/") else { throw Complaint("\"\(word)\" is not a valid ifname") }
        return word
    }

    /// `MARK[/MASK]`: a mark that is not 0 is compared as a whole unless a mask says otherwise.
    private static func mark(_ words: inout WordReader, _ rule: inout PolicyRule) throws(Complaint) {
        let word = try words.argument(of: "fwmark")
        let parts = word.split(separator: "/", maxSplits: 1, omittingEmptySubsequences: false)
        guard let mark = UInt32(numeral: parts[0]) else { throw Complaint("fwmark: \(word): invalid number") }
        rule.mark = mark
        rule.markMask = mark == 0 ? 0 : .max
        guard parts.count == 2 else { return }
        guard let mask = UInt32(numeral: parts[1]) else { throw Complaint("fwmark: \(word): invalid number") }
        rule.markMask = mask
    }

    private static func proto(_ words: inout WordReader) throws(Complaint) -> UInt8 {
        let word = try words.argument(of: "ipproto")
        let names: [String: UInt8] = [
            "icmp": IPProtocol.icmp, "tcp": IPProtocol.tcp, "udp": IPProtocol.udp, "gre": IPProtocol.gre, "esp": IPProtocol.esp,
            "ah": IPProtocol.ah, "ipv6-icmp": IPProtocol.icmpv6, "sctp": IPProtocol.sctp, "udplite": IPProtocol.udpLite,
        ]
        guard let number = names[word] ?? UInt8(word) else { throw Complaint("Invalid \"ipproto\" value: \(word)") }
        return number
    }

    private static func ports(_ words: inout WordReader, _ option: String) throws(Complaint) -> ClosedRange<UInt16> {
        let word = try words.argument(of: option)
        let ends = word.split(separator: "-", maxSplits: 1, omittingEmptySubsequences: false).map { UInt16($0) }
        guard let first = ends[0], let last = ends[ends.count - 1], first > 0, first <= last else {
            throw Complaint("\(option): \(word): invalid port range")
        }
        return first...last
    }

    private static func users(_ words: inout WordReader) throws(Complaint) -> ClosedRange<UInt32> {
        let word = try words.argument(of: "uidrange")
        let ends = word.split(separator: "-", maxSplits: 1, omittingEmptySubsequences: false).map { UInt32($0) }
        guard ends.count == 2, let first = ends[0], let last = ends[1], first <= last else {
            throw Complaint("uidrange: \(word): invalid UID range")
        }
        return first...last
    }
}
