public import Wire

/// Netfilter rules for packets of one family, as far as they stand before IPVS: what gives a packet its firewall mark, and
/// what drops it. Evaluated once for each packet of no known connection.
public struct MarkRules: Hashable, Sendable {
    public let family: IPFamily
    public let chains: [Chain]
    /// Chains where evaluation begins, in the order in which packets meet them: accepting in one of them does not skip the next.
    public let bases: [Base]
    /// Whether connection tracking is at work, which puts fragments together before the rules see them.
    public let isTracking: Bool
    /// Whether rules ask for routes to a packet's addresses, and whether they drop fragments that lack a header.
    let asksRoutes: Bool
    let dropsFragments: Bool

    /// A list of rules by name.
    public struct Chain: Hashable, Sendable {
        public var name: String
        /// The table it stands in, with the family where nft has it: `filter`, `inet firewalld`.
        public var table: String
        public var rules: [MarkRule]

        public init(name: String, table: String = "mangle", rules: [MarkRule] = []) {
            self.name = name
            self.table = table
            self.rules = rules
        }
    }

    /// Where a packet meets rules: on the interface, before its route is known, and when it turns out to be for the host.
    public enum Hook: UInt8, Sendable, Hashable, Comparable, CaseIterable {
        case ingress, prerouting, input
        public static func < (a: Hook, b: Hook) -> Bool { a.rawValue < b.rawValue }
    }

    /// A chain that hangs on a hook.
    public struct Base: Hashable, Sendable {
        public var chain: Int
        public var hook: Hook
        /// Lower ones come first.
        public var priority: Int64
        /// What becomes of a packet that comes to the end of the chain.
        public var dropsAtEnd: Bool

        public init(chain: Int, hook: Hook = .prerouting, priority: Int64 = Base.mangle, dropsAtEnd: Bool = false) {
            self.chain = chain
            self.hook = hook
            self.priority = priority
            self.dropsAtEnd = dropsAtEnd
        }

        /// Where the table mangle stands (linux/netfilter_ipv4.h); connection tracking comes before, at -200.
        public static var mangle: Int64 { -150 }
        static var tracking: Int64 { -200 }
        /// Chains of the input hook from this priority on come behind IPVS, which stands at NF_IP_PRI_NAT_SRC - 2 and - 1.
        public static var ipvs: Int64 { 98 }
    }

    /// Chains that lead to each other more often than this are refused, as they would take the stack of a packet's path.
    public static let deepestNesting = 64

    /// Whether every packet passes with the mark it came with.
    public var isEmpty: Bool { bases.isEmpty }

    /// No rules.
    public init(family: IPFamily) { self.init(family: family, checked: [], bases: [], isTracking: false) }

    /// - Throws: `MarkLoop` when chains call each other in a circle or too deeply, or a rule leads to no chain.
    public init(family: IPFamily, chains: [Chain], roots: [Int] = [0]) throws(MarkLoop) {
        try self.init(family: family, chains: chains, bases: roots.map { Base(chain: $0) })
    }

    public init(family: IPFamily, chains: [Chain], bases: [Base], isTracking: Bool = false) throws(MarkLoop) {
        try MarkLoop.check(chains, bases.map(\.chain))
        self.init(family: family, checked: chains, bases: bases, isTracking: isTracking)
    }

    private init(family: IPFamily, checked chains: [Chain], bases: [Base], isTracking: Bool) {
        self.family = family
        self.chains = chains
        self.bases = Self.inOrder(bases)
        self.isTracking = isTracking
        var asksRoutes = false, dropsFragments = false
        for rule in chains.lazy.flatMap(\.rules) {
            for case .match(let match) in rule.statements {
                switch match.condition {
                case .header: dropsFragments = true
                case .lookup(let lookup): asksRoutes = asksRoutes || lookup.terms.contains { $0.field.isOfRoutes }
                default: break
                }
            }
        }
        self.asksRoutes = asksRoutes
        self.dropsFragments = dropsFragments
    }

    /// Several sets of rules of one family in one; equal hooks and priorities in this order.
    public init(joining parts: [MarkRules], family: IPFamily) {
        var chains: [Chain] = [], bases: [Base] = []
        for part in parts where part.family == family {
            let first = chains.count
            for var base in part.bases {
                base.chain += first
                bases.append(base)
            }
            chains += part.chains.map { chain in
                var chain = chain
                for rule in chain.rules.indices {
                    chain.rules[rule].statements = chain.rules[rule].statements.map { statement in
                        if case .act(let target) = statement { .act(target.moved(by: first)) } else { statement }
                    }
                }
                return chain
            }
        }
        let isTracking = parts.contains { $0.isTracking && $0.family == family }
        self.init(family: family, checked: chains, bases: bases, isTracking: isTracking)
    }

    /// The same rules, of which none drops a packet: where one would, the base chain ends.
    public var withoutDrops: MarkRules {
        let chains = chains.map { chain in
            var chain = chain
            for rule in chain.rules.indices { chain.rules[rule].statements = chain.rules[rule].statements.map(\.withoutDrops) }
            return chain
        }
        let bases = bases.map { Base(chain: $0.chain, hook: $0.hook, priority: $0.priority) }
        return MarkRules(family: family, checked: chains, bases: bases, isTracking: isTracking)
    }

    private static func inOrder(_ bases: [Base]) -> [Base] {
        bases.filter { $0.hook != .input || $0.priority < Base.ipvs }.enumerated().sorted {
            ($0.element.hook, $0.element.priority, $0.offset) < ($1.element.hook, $1.element.priority, $1.offset)
        }.map(\.element)
    }
}

/// Why chains cannot be evaluated.
public struct MarkLoop: Error, Hashable, Sendable {
    public enum Reason: Hashable, Sendable {
        /// The chains call each other in a circle.
        case circle
        /// More than `MarkRules.deepestNesting` levels.
        case depth
        /// The rule leads to a chain that is not there.
        case missing
    }
    /// The rule with the offending jump, `nil` for a root.
    public var rule: MarkRule?
    /// Where it leads.
    public var chain: String
    public var reason: Reason

    public init(rule: MarkRule?, chain: String, reason: Reason) {
        self.rule = rule
        self.chain = chain
        self.reason = reason
    }

    static func check(_ chains: [MarkRules.Chain], _ roots: [Int]) throws(MarkLoop) {
        // Levels of chains below each one; 0 while unknown, -1 while it is being walked.
        var depths = [Int](repeating: 0, count: chains.count)
        let deepest = MarkRules.deepestNesting

        func depth(of chain: Int, at level: Int, from rule: MarkRule?) throws(MarkLoop) -> Int {
            guard chains.indices.contains(chain) else { throw MarkLoop(rule: rule, chain: "", reason: .missing) }
            if depths[chain] > 0 { return depths[chain] }
            if depths[chain] < 0 { throw MarkLoop(rule: rule, chain: chains[chain].name, reason: .circle) }
            if level > deepest { throw MarkLoop(rule: rule, chain: chains[chain].name, reason: .depth) }
            depths[chain] = -1
            var below = 0
            for rule in chains[chain].rules {
                for next in rule.chains {
                    below = max(below, try depth(of: next, at: level + 1, from: rule))
                    if level + below > deepest { throw MarkLoop(rule: rule, chain: chains[next].name, reason: .depth) }
                }
            }
            depths[chain] = below + 1
            return below + 1
        }
        for root in roots { _ = try depth(of: root, at: 1, from: nil) }
    }
}

extension MarkRule {
    /// The chains that its statements lead to.
    var chains: [Int] {
        statements.flatMap { statement -> [Int] in if case .act(let target) = statement { target.chains } else { [] } }
    }
}
