public import Wire

/// The rules that give packets of one family their firewall marks, as the table mangle at PREROUTING does.
///
/// Evaluated once for each new connection.
public struct MarkRules: Hashable, Sendable {
    public let family: IPFamily
    public let chains: [Chain]
    /// Chains where evaluation begins, one after the other: accepting in one of them does not skip the next.
    public let roots: [Int]

    /// A list of rules by name.
    public struct Chain: Hashable, Sendable {
        public var name: String
        public var rules: [MarkRule]

        public init(name: String, rules: [MarkRule] = []) {
            self.name = name
            self.rules = rules
        }
    }

    /// Chains that lead to each other more often than this are refused, as they would take the stack of a packet's path.
    public static let deepestNesting = 64

    /// Whether no packet is ever marked.
    public var isEmpty: Bool { roots.isEmpty }

    /// No rules: every packet keeps the mark it has.
    public init(family: IPFamily) {
        self.family = family
        chains = []
        roots = []
    }

    /// - Throws: `MarkLoop` when chains call each other in a circle or too deeply, or a rule leads to no chain.
    public init(family: IPFamily, chains: [Chain], roots: [Int] = [0]) throws(MarkLoop) {
        self.family = family
        self.chains = chains
        self.roots = roots
        try Self.checkDepth(chains, roots)
    }

    /// Several sets of rules of one family, evaluated in this order.
    public init(joining parts: [MarkRules], family: IPFamily) {
        var chains: [Chain] = []
        var roots: [Int] = []
        for part in parts where part.family == family {
            let base = chains.count
            roots += part.roots.map { $0 + base }
            for var chain in part.chains {
                for place in chain.rules.indices {
                    switch chain.rules[place].target {
                    case .jump(let next): chain.rules[place].target = .jump(next + base)
                    case .goto(let next): chain.rules[place].target = .goto(next + base)
                    default: break
                    }
                }
                chains.append(chain)
            }
        }
        self.family = family
        self.chains = chains
        self.roots = roots
    }

    /// The packet's mark behind the last rule; without any rules the one it came with.
    public func mark(for packet: MarkQuery) -> UInt32 {
        var mark = packet.mark
        guard packet.destination.family == family else { return mark }
        for root in roots {
            _ = walk(root, packet, &mark) { _ in }
        }
        return mark
    }

    /// The mark together with the rules that made it, in the order in which they did.
    public func explainedMark(for packet: MarkQuery) -> (mark: UInt32, rules: [MarkRule]) {
        var mark = packet.mark
        var deciding: [MarkRule] = []
        guard packet.destination.family == family else { return (mark, []) }
        for root in roots {
            _ = walk(root, packet, &mark) { deciding.append($0) }
        }
        return (mark, deciding)
    }

    /// - Returns: whether evaluation goes on in the calling chain.
    private func walk(_ chain: Int, _ packet: MarkQuery, _ mark: inout UInt32, _ marking: (MarkRule) -> Void) -> Bool {
        for rule in chains[chain].rules {
            guard rule.matches.allSatisfy({ $0.holds(for: packet, mark: mark) }) else { continue }
            switch rule.target {
            case .mark(let clearing, let toggling):
                mark = mark & ~clearing ^ toggling
                marking(rule)
            case .accept: return false
            case .return: return true
            case .jump(let next):
                if !walk(next, packet, &mark, marking) { return false }
            case .goto(let next): return walk(next, packet, &mark, marking)
            case .none: break
            }
        }
        return true
    }

    private static func checkDepth(_ chains: [Chain], _ roots: [Int]) throws(MarkLoop) {
        // Levels of chains below each one; 0 while unknown, -1 while it is being walked.
        var depths = [Int](repeating: 0, count: chains.count)

        func depth(of chain: Int, at level: Int, from rule: MarkRule?) throws(MarkLoop) -> Int {
            guard chains.indices.contains(chain) else { throw MarkLoop(rule: rule, chain: "", reason: .missing) }
            if depths[chain] > 0 { return depths[chain] }
            if depths[chain] < 0 { throw MarkLoop(rule: rule, chain: chains[chain].name, reason: .circle) }
            if level > deepestNesting { throw MarkLoop(rule: rule, chain: chains[chain].name, reason: .depth) }
            depths[chain] = -1
            var deepest = 0
            for rule in chains[chain].rules {
                switch rule.target {
                case .jump(let next), .goto(let next):
                    deepest = max(deepest, try depth(of: next, at: level + 1, from: rule))
                    if level + deepest > deepestNesting {
                        throw MarkLoop(rule: rule, chain: chains[next].name, reason: .depth)
                    }
                default: break
                }
            }
            depths[chain] = deepest + 1
            return deepest + 1
        }
        for root in roots { _ = try depth(of: root, at: 1, from: nil) }
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
}
