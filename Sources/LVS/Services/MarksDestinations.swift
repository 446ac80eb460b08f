public import Wire

/// Packets that a rule may mark: what has to be kept from the host stack, and captured. Also the packets of a service.
public struct MarkedDestination: Hashable, Sendable {
    public var prefix: IPAddress
    public var length: Int
    /// Protocols; empty for all.
    public var protos: [UInt8]
    /// Destination ports in host order; empty for all.
    public var ports: [ClosedRange<UInt16>]
    /// Only addresses of the director itself are meant.
    public var isLocalOnly: Bool
    /// Machines whose frames are not meant.
    public var leftOut: Set<MACAddress>

    public init(
        prefix: IPAddress, length: Int, protos: [UInt8] = [], ports: [ClosedRange<UInt16>] = [],
        isLocalOnly: Bool = false, leftOut: Set<MACAddress> = []
    ) {
        self.prefix = prefix
        self.length = length
        self.protos = protos
        self.ports = ports
        self.isLocalOnly = isLocalOnly
        self.leftOut = leftOut
    }

    /// What a service takes; `nil` for a service of a mark, whose packets the rules choose.
    public init?(_ key: ServiceKey) {
        guard key.mark == 0 else { return nil }
        let ports = !key.ranges.isEmpty ? key.ranges : key.port == 0 ? [] : [key.port...key.port]
        // Behind port 21 there are FTP's data connections on any port.
        self.init(prefix: key.address, length: key.address.family.width, protos: [key.proto], ports: key.port == 21 ? [] : ports)
    }

    /// Everything that a service of this family could take.
    public static func anything(_ family: IPFamily) -> MarkedDestination {
        MarkedDestination(prefix: .unspecified(family), length: 0, protos: [IPProtocol.tcp, IPProtocol.udp, IPProtocol.sctp])
    }
}

extension MarkRules {
    /// Destinations to which at least one rule can give one of these marks. May name more than the rules mark, never less:
    /// sources, interfaces, flags, marks and whatever is negated do not narrow it, but for the MAC address of who sends.
    public func destinations(of marks: Set<UInt32>) -> [MarkedDestination] {
        var found: [MarkedDestination] = []
        var seen: Set<MarkedDestination> = []
        let isComplete = visit { scope, rule, target in
            guard marks.contains(where: target.mayLeave) else { return }
            for destination in scope.destinations(family) where seen.insert(destination).inserted { found.append(destination) }
        }
        return isComplete ? found : MarkScope().destinations(family)
    }

    /// What services take of the rules' family: those of marks whatever the rules can mark.
    public func taken(by services: [ServiceKey]) -> [MarkedDestination] {
        let own = services.filter { $0.family == family }
        return own.compactMap { MarkedDestination($0) } + destinations(of: Set(own.map(\.mark).filter { $0 != 0 }))
    }

    /// Rules that nobody here understands and that could concern packets of services.
    /// - Returns: each once, with where it stands and the words that are not understood.
    public func unclear(for services: [MarkedDestination]) -> [(place: MarkDrop, words: String)] {
        var found: [(place: MarkDrop, words: String)] = []
        var seen: Set<MarkDrop> = []
        for base in bases {
            // Conditions matter only where they decide about a packet.
            let isDecisive = base.dropsAtEnd || reaches(from: base.chain) { $0.setsMark || $0.drops }
            visit(from: base.chain) { chain, scope, rule, target, unclear in
                var words = isDecisive && target != .none ? unclear : nil
                if case .unclear(let target) = target { words = target }
                guard let words, services.contains(where: { scope.concerns($0) }) else { return }
                let place = MarkDrop(table: chains[chain].table, chain: chains[chain].name, rule: rule, rejection: .silent)
                if seen.insert(place).inserted { found.append((place, words)) }
            }
        }
        return found
    }

    /// Whether any rule can drop a packet of one of the services.
    public func drops(_ services: [MarkedDestination]) -> Bool {
        if bases.contains(where: \.dropsAtEnd) { return true }
        var drops = false
        let isComplete = visit { scope, _, target in
            if !drops, target.drops, services.contains(where: { scope.concerns($0) }) { drops = true }
        }
        return drops || !isComplete
    }

    /// Whether a chain, or one that it leads to, has such a target.
    private func reaches(from root: Int, _ isWanted: (MarkTarget) -> Bool) -> Bool {
        var reached: Set<Int> = [root], waiting = [root]
        while let chain = waiting.popLast() {
            for rule in chains[chain].rules {
                for case .act(let target) in rule.statements where isWanted(target) { return true }
                for next in rule.chains where reached.insert(next).inserted { waiting.append(next) }
            }
        }
        return false
    }

    private func visit(_ body: (MarkScope, MarkRule, MarkTarget) -> Void) -> Bool {
        bases.allSatisfy { base in visit(from: base.chain) { _, scope, rule, target, _ in body(scope, rule, target) } }
    }

    /// Follows all ways through the chains.
    /// - Parameter body: gets each target with what is known about packets that reach it, and the first words in front of it
    ///   in its rule that are not understood.
    /// - Returns: false when there were too many ways to follow them all.
    @discardableResult
    private func visit(from root: Int, _ body: (Int, MarkScope, MarkRule, MarkTarget, String?) -> Void) -> Bool {
        // Paths through many chains multiply.
        var steps = 100_000

        func follow(_ chain: Int, _ outer: MarkScope) {
            for rule in chains[chain].rules {
                var scopes = [outer]
                var unclear: String?
                for statement in rule.statements {
                    steps -= scopes.count
                    guard steps > 0 else { return }
                    switch statement {
                    case .match(let match):
                        if case .unclear(let words) = match.condition { unclear = unclear ?? words }
                        scopes = scopes.flatMap { $0.narrowed(by: match) }
                    case .act(let target):
                        for scope in scopes {
                            body(chain, scope, rule, target, unclear)
                            for next in target.chains { follow(next, scope) }
                        }
                    }
                }
            }
        }
        follow(root, MarkScope())
        return steps > 0
    }
}

extension Director {
    /// Services of marks that no rule gives.
    public func unmarkedServices() -> [ServiceKey] {
        let rules4 = marks4, rules6 = marks6
        return services.all.lazy.map(\.key).filter { key in
            key.mark != 0 && (key.family == .v4 ? rules4 : rules6).destinations(of: [key.mark]).isEmpty
        }
    }
}

extension MarkTarget {
    fileprivate var setsMark: Bool {
        switch self {
        case .mark(let clearing, let toggling): clearing != 0 || toggling != 0
        case .markFrom, .markMap: true
        default: false
        }
    }

    /// Whether a packet that this was the last to mark may bear a mark: bits that it leaves alone may be anything.
    fileprivate func mayLeave(_ mark: UInt32) -> Bool {
        switch self {
        case .mark(let clearing, let toggling): setsMark && (mark ^ toggling) & clearing == 0
        case .markMap(_, let marks): marks.contains(mark)
        default: setsMark
        }
    }

    var drops: Bool {
        switch self {
        case .drop: true
        case .verdictMap(_, let targets): targets.contains { $0.drops }
        default: false
        }
    }
}
