public import Wire

/// Packets that a rule may mark: what has to be kept from the host stack, and captured.
public struct MarkedDestination: Hashable, Sendable {
    public var prefix: IPAddress
    public var length: Int
    /// Protocols; empty for all.
    public var protos: [UInt8]
    /// Destination ports in host order; empty for all.
    public var ports: [ClosedRange<UInt16>]
    /// Only addresses of the director itself are meant.
    public var isLocalOnly: Bool

    public init(
        prefix: IPAddress, length: Int, protos: [UInt8] = [], ports: [ClosedRange<UInt16>] = [],
        isLocalOnly: Bool = false
    ) {
        self.prefix = prefix
        self.length = length
        self.protos = protos
        self.ports = ports
        self.isLocalOnly = isLocalOnly
    }
}

extension MarkRules {
    /// Destinations that at least one rule can mark. May name more than the rules mark, never less: sources, interfaces,
    /// flags, marks and whatever is negated do not narrow it.
    public var destinations: [MarkedDestination] {
        var found: [MarkedDestination] = []
        var seen: Set<MarkedDestination> = []
        // Paths through many chains multiply; beyond this everything is assumed to be marked.
        var steps = 100_000
        for root in roots { collect(root, Scope(), &found, &seen, &steps) }
        return steps > 0 ? found : Scope().destinations(family)
    }

    private func collect(
        _ chain: Int, _ outer: Scope, _ found: inout [MarkedDestination], _ seen: inout Set<MarkedDestination>,
        _ steps: inout Int
    ) {
        for rule in chains[chain].rules {
            steps -= 1
            guard steps > 0 else { return }
            var scope = outer
            guard rule.matches.allSatisfy({ scope.narrow(by: $0) }) else { continue }
            switch rule.target {
            case .mark(let clearing, let toggling) where clearing != 0 || toggling != 0:
                for destination in scope.destinations(family) where seen.insert(destination).inserted { found.append(destination) }
            case .jump(let next), .goto(let next): collect(next, scope, &found, &seen, &steps)
            default: break
            }
        }
    }

    /// What is known about packets that reach a rule; `nil` for no restriction.
    private struct Scope {
        var places: [Place]?
        var protos: [UInt8]?
        var ports: [ClosedRange<UInt16>]?
        var isLocalOnly = false

        struct Place {
            var prefix: IPAddress
            var length: Int
        }

        /// - Returns: whether any packet is left.
        mutating func narrow(by match: MarkMatch) -> Bool {
            if match.isNegated { return true }
            switch match.condition {
            case .destination(let masks):
                let new = masks.map { mask in
                    let length = mask.prefixLength
                    return Place(prefix: mask.address.masked(to: length), length: length)
                }
                guard let old = places else {
                    places = new
                    return !new.isEmpty
                }
                let both = old.flatMap { a in new.compactMap { b in Self.common(a, b) } }
                places = both
                return !both.isEmpty
            case .proto(let new):
                let both = protos.map { old in old.filter { new.contains($0) } } ?? new
                protos = both
                return !both.isEmpty
            case .destinationPort(let new):
                let both =
                    ports.map { old in
                        old.flatMap { a in new.compactMap { b in a.overlaps(b) ? a.clamped(to: b) : nil } }
                    } ?? new
                ports = both
                return !both.isEmpty
            case .local:
                isLocalOnly = true
                return true
            case .source, .ingress, .sourcePort, .eitherPort, .tcpFlags, .icmp, .laterFragment, .mark:
                return true
            }
        }

        private static func common(_ a: Place, _ b: Place) -> Place? {
            let (wide, narrow) = a.length <= b.length ? (a, b) : (b, a)
            return narrow.prefix.matches(wide.prefix, length: wide.length) ? narrow : nil
        }

        func destinations(_ family: IPFamily) -> [MarkedDestination] {
            (places ?? [Place(prefix: .unspecified(family), length: 0)]).map { place in
                MarkedDestination(
                    prefix: place.prefix, length: place.length, protos: protos ?? [], ports: ports ?? [],
                    isLocalOnly: isLocalOnly)
            }
        }
    }
}
