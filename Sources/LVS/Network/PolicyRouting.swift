import Wire

/// The host's policy routing: rules that lead to tables, and the tables' routes.
struct PolicyRouting: Sendable {
    /// Index of the interface `lo`, which stands for the host itself in rules.
    static let loopback: Int32 = 1

    private struct Rule {
        var rule: PolicyRule
        /// Index of the interface that its `iif` names, -1 without one.
        var ingress: Int32
        /// Place of the rule that a `goto` leads to, -1 while there is none.
        var target = -1
    }

    /// What of a packet the routing looks at besides its destination.
    struct Uses: OptionSet, Sendable {
        let rawValue: UInt8
        static var source: Uses { .init(rawValue: 1) }
        static var mark: Uses { .init(rawValue: 2) }
        static var ingress: Uses { .init(rawValue: 4) }
        static var typeOfService: Uses { .init(rawValue: 8) }
        static var transport: Uses { .init(rawValue: 16) }
    }

    private var rules4: [Rule] = [], rules6: [Rule] = []
    private var index = RouteIndex()
    /// `local` routes in other tables than that of their own.
    private var strayLocals: [Network.Route] = []
    private var ruleUses4: Uses = [], ruleUses6: Uses = []
    private(set) var uses4: Uses = [], uses6: Uses = []
    /// The first rule that can match leads to the table `local`, as on nearly every host.
    private(set) var beginsLocal4 = true, beginsLocal6 = true
    /// IPv4's tables local and main are one, as until the first change of the rules (fib_unmerge).
    var joinsLocalAndMain = true

    init() { setRules(PolicyRule.standard, []) }

    private mutating func joinUses() {
        uses4 = index.usesTypeOfService ? ruleUses4.union(.typeOfService) : ruleUses4
        uses6 = index.usesIngress ? ruleUses6.union(.ingress) : ruleUses6
    }

    mutating func setRoutes(_ routes: [Network.Route]) {
        index = RouteIndex(routes)
        strayLocals = routes.filter { $0.kind == .local && $0.table != RouteTableID.local }
        joinUses()
    }

    /// Takes over rules in the order in which they are asked.
    mutating func setRules(_ rules: [PolicyRule], _ interfaces: [Network.Interface]) {
        (rules4, ruleUses4, beginsLocal4) = Self.prepare(rules.filter { $0.family == .v4 }, interfaces)
        (rules6, ruleUses6, beginsLocal6) = Self.prepare(rules.filter { $0.family == .v6 }, interfaces)
        joinUses()
    }

    private static func prepare(_ rules: [PolicyRule], _ interfaces: [Network.Interface]) -> ([Rule], Uses, Bool) {
        var uses: Uses = []
        var prepared = rules.map { rule in
            if rule.source != nil { uses.insert(.source) }
            if rule.markMask != 0 { uses.insert(.mark) }
            if rule.ingress != nil { uses.insert(.ingress) }
            if rule.typeOfService != 0 { uses.insert(.typeOfService) }
            if rule.proto != 0 || rule.sourcePorts != nil || rule.destinationPorts != nil { uses.insert(.transport) }
            return Rule(rule: rule, ingress: rule.ingress.flatMap { name in interfaces.first { $0.name == name }?.index } ?? -1)
        }
        for place in prepared.indices {
            guard case .goto(let priority) = prepared[place].rule.action else { continue }
            prepared[place].target = rules.firstIndex { $0.priority == priority } ?? -1
        }
        let first = rules.first
        let beginsLocal = first?.action == .lookup(RouteTableID.local) && first?.isUnconditional == true && first?.suppressedLength == nil
        return (prepared, uses, beginsLocal)
    }

    /// Asks the rules one after the other (fib_rules_lookup).
    func route(_ query: RouteQuery) -> Network.Routing {
        let rules = query.destination.isV4 ? rules4 : rules6
        if query.destination.isV4, joinsLocalAndMain {
            let joined = index.lookup(query, inAll: [RouteTableID.local, RouteTableID.main])
            if let joined, joined.kind != .throw { return Self.answer(joined) }
            return Self.answer(index.lookup(query, in: RouteTableID.default))
        }
        var place = 0
        while place < rules.count {
            let rule = rules[place]
            place += 1
            guard rule.rule.holds(for: query, ingress: rule.ingress) else { continue }
            switch rule.rule.action {
            case .nop: continue
            // The rule that it leads to stands behind it.
            case .goto: place = max(place, rule.target)
            case .unreachable: return Network.Routing(refusal: .networkUnreachable)
            case .prohibit: return Network.Routing(refusal: .prohibited)
            case .blackhole: return Network.Routing(refusal: .discarded)
            case .lookup(let table):
                guard let found = index.lookup(query, in: table), found.kind != .throw else { continue }
                let answer = Self.answer(found)
                if answer.refusal == nil, let limit = rule.rule.suppressedLength, found.length <= limit { continue }
                return answer
            }
        }
        return Self.answer(nil)
    }

    private static func answer(_ route: Network.Route?) -> Network.Routing {
        switch route?.kind {
        case .unicast, .local, .broadcast: Network.Routing(route: route)
        case .unreachable: Network.Routing(route: route, refusal: .hostUnreachable)
        case .prohibit: Network.Routing(route: route, refusal: .prohibited)
        case .blackhole: Network.Routing(route: route, refusal: .discarded)
        case .throw, nil: Network.Routing(route: route, refusal: .networkUnreachable)
        }
    }

    /// Whether a rule, whatever it asks, leads to a `local` route for an address.
    func mayBeLocal(_ address: IPAddress) -> Bool {
        guard !strayLocals.isEmpty else { return false }
        let rules = address.isV4 ? rules4 : rules6
        return strayLocals.contains { local in
            address.matches(local.prefix, length: local.length) && rules.contains { $0.rule.action == .lookup(local.table) }
        }
    }

    /// Whether the table `local` knows an address as the host's own.
    func isInLocalTable(_ address: IPAddress) -> Bool {
        index.lookup(RouteQuery(to: address), in: RouteTableID.local)?.kind == .local
    }
}

extension RouteQuery {
    /// Without what the routing does not look at, so that packets with the same way have the same query.
    func reduced(to uses: PolicyRouting.Uses) -> RouteQuery {
        var query = self
        if !uses.contains(.source) { query.source = .unspecified(destination.family) }
        if !uses.contains(.mark) { query.mark = 0 }
        if !uses.contains(.ingress) { query.ingress = 0 }
        if !uses.contains(.typeOfService) { query.typeOfService = 0 }
        if !uses.contains(.transport) { (query.proto, query.sourcePort, query.destinationPort) = (0, 0, 0) }
        return query
    }
}
