/// What a rule does with a packet.
public indirect enum MarkTarget: Hashable, Sendable {
    /// New mark: old bits outside `clearing`, exclusive-or `toggling`. Every form of `-j MARK` is one of these.
    case mark(clearing: UInt32, toggling: UInt32)
    /// New mark: the old bits in `keeping`, exclusive-or a field of the packet.
    case markFrom(MarkTerm, keeping: UInt32)
    /// The mark that a map has for the packet; without one the rule ends here.
    case markMap(MarkLookup, [UInt32])
    /// The same as `markFrom`, for the mark of the connection.
    case connectionMark(MarkTerm, keeping: UInt32)
    /// Connection tracking leaves the packet alone.
    case untrack
    /// What a map has for the packet; without an entry the rule ends here.
    case verdictMap(MarkLookup, [MarkTarget])
    /// Ends the base chain.
    case accept
    /// Back to the rule behind the jump; in a base chain, its end.
    case `return`
    /// On with another chain, by its place, and back here.
    case jump(Int)
    /// On with another chain without coming back here.
    case goto(Int)
    case drop(MarkRejection)
    /// Only counts.
    case none
    /// Nobody here understands the words; passed over.
    case unclear(String)
}

/// What the sender of a dropped packet is told.
public enum MarkRejection: Hashable, Sendable {
    case silent
    /// Nothing: a match of iptables wanted a header that the packet does not hold.
    case header
    /// TCP RST.
    case reset
    case icmp(type: UInt8, code: UInt8)
}

/// One rule and where it stands. Its statements are carried out in order, until a condition does not hold.
public struct MarkRule: Hashable, Sendable {
    public enum Statement: Hashable, Sendable {
        case match(MarkMatch)
        case act(MarkTarget)
    }

    public var statements: [Statement]
    /// Line in its file, from 1; 0 for a rule that comes from no file of lines.
    public var line: Int
    /// The rule as it was written.
    public var text: String

    public init(_ statements: [Statement], line: Int = 0, text: String = "") {
        self.statements = statements
        self.line = line
        self.text = text
    }

    public init(matches: [MarkMatch] = [], target: MarkTarget, line: Int = 0, text: String = "") {
        self.init(matches.map { .match($0) } + [.act(target)], line: line, text: text)
    }
}

extension MarkTarget {
    /// The chains that it leads to.
    var chains: [Int] {
        switch self {
        case .jump(let chain), .goto(let chain): [chain]
        case .verdictMap(_, let targets): targets.flatMap(\.chains)
        default: []
        }
    }

    /// The same with chains moved to other places.
    func moved(by distance: Int) -> MarkTarget {
        switch self {
        case .jump(let chain): .jump(chain + distance)
        case .goto(let chain): .goto(chain + distance)
        case .verdictMap(let lookup, let targets): .verdictMap(lookup, targets.map { $0.moved(by: distance) })
        default: self
        }
    }
}

extension MarkRule.Statement {
    /// The same, but accepting what it drops.
    var withoutDrops: Self {
        guard case .act(let target) = self else { return self }
        return .act(target.withoutDrops)
    }
}

extension MarkTarget {
    fileprivate var withoutDrops: MarkTarget {
        switch self {
        case .drop: .accept
        case .verdictMap(let lookup, let targets): .verdictMap(lookup, targets.map(\.withoutDrops))
        default: self
        }
    }
}
