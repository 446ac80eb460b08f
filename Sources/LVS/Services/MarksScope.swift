public import Wire

/// What is known about packets that reach a rule; `nil` for no restriction.
struct MarkScope {
    var places: [Place]?
    var protos: [UInt8]?
    var ports: [ClosedRange<UInt16>]?
    var isLocalOnly = false
    /// Machines whose frames do not reach it.
    var leftOut: Set<MACAddress> = []

    struct Place {
        var prefix: IPAddress
        var length: Int
    }

    /// Beyond so many elements a set of several values is not followed one by one.
    private static let mostElements = 1024

    /// What a condition leaves of it: nothing, or one or several scopes.
    func narrowed(by match: MarkMatch) -> [MarkScope] {
        if match.isNegated { return [narrowed(byNot: match.condition)] }
        switch match.condition {
        case .destinations(let masks):
            return narrowed(to: masks)
        case .lookup(let lookup):
            if lookup.terms.count == 1 { return narrowed(lookup.terms[0], lookup.set.singles) }
            guard lookup.set.count <= Self.mostElements else { return [self] }
            return lookup.set.elements.flatMap { element in
                zip(lookup.terms, element).reduce([self]) { scopes, part in scopes.flatMap { $0.narrowed(part.0, [part.1]) } }
            }
        // A match of several protocols' ports says so with 0.
        case .header(let proto, _) where proto != 0: return narrowed(MarkTerm(.proto), [UInt128(proto)...UInt128(proto)])
        case .sources, .eitherPort, .header, .unclear: return [self]
        }
    }

    /// Of what is negated, single MAC addresses of senders.
    private func narrowed(byNot condition: MarkMatch.Condition) -> MarkScope {
        guard case .lookup(let lookup) = condition, lookup.terms == [MarkTerm(.sourceMAC)] else { return self }
        var scope = self
        for range in lookup.set.singles where range.count == 1 {
            scope.leftOut.insert(MACAddress(bits: UInt64(truncatingIfNeeded: range.lowerBound)))
        }
        return scope
    }

    private func narrowed(_ term: MarkTerm, _ ranges: [ClosedRange<UInt128>]) -> [MarkScope] {
        var scope = self
        switch term.field {
        case .destination where term.isPlain:
            return narrowed(to: ranges.flatMap { MaskedAddress.prefixes(IPAddress($0.lowerBound), through: IPAddress($0.upperBound)) })
        case .proto where term.isPlain:
            let protos = (protos ?? Array(0...255)).filter { proto in ranges.contains { $0.contains(UInt128(proto)) } }
            scope.protos = protos.count == 256 ? nil : protos
            return protos.isEmpty ? [] : [scope]
        case .destinationPort where term.isPlain:
            let new = ranges.map { UInt16(clamping: $0.lowerBound)...UInt16(clamping: $0.upperBound) }
            let both = ports.map { old in old.flatMap { a in new.compactMap { b in a.overlaps(b) ? a.clamped(to: b) : nil } } } ?? new
            scope.ports = both
            return both.isEmpty ? [] : [scope]
        case .destinationType where term.isPlain:
            // A service's packets are for a local address, or a unicast one that only marks make the director's.
            guard ranges.contains(where: { $0.contains(1) || $0.contains(2) }) else { return [] }
            scope.isLocalOnly = isLocalOnly || !ranges.contains { $0.contains(1) }
            return [scope]
        case .connectionState:
            return [1, 8, 64].contains { state in ranges.contains { $0.contains((state & term.mask ^ term.toggle) >> term.shift) } }
                ? [scope] : []
        case .constant:
            return ranges.contains { $0.contains((term.mask & 0 ^ term.toggle) >> term.shift) } ? [scope] : []
        case .ingress where term.isPlain:
            // What comes in by the loopback interface never is a service's packet.
            let loopback = UInt128(interfaceName: "lo")
            return ranges.allSatisfy { $0 == loopback...loopback } ? [] : [scope]
        default: return [scope]
        }
    }

    private func narrowed(to masks: [MaskedAddress]) -> [MarkScope] {
        let new = masks.map { mask in
            let length = mask.prefixLength
            return Place(prefix: mask.address.masked(to: length), length: length)
        }
        var scope = self
        let both = places.map { old in old.flatMap { a in new.compactMap { b in Self.common(a, b) } } } ?? new
        scope.places = both
        return both.isEmpty ? [] : [scope]
    }

    private static func common(_ a: Place, _ b: Place) -> Place? {
        let (wide, narrow) = a.length <= b.length ? (a, b) : (b, a)
        return narrow.prefix.matches(wide.prefix, length: wide.length) ? narrow : nil
    }

    func destinations(_ family: IPFamily) -> [MarkedDestination] {
        (places ?? [Place(prefix: .unspecified(family), length: 0)]).map { place in
            MarkedDestination(
                prefix: place.prefix, length: place.length, protos: protos ?? [], ports: ports ?? [],
                isLocalOnly: isLocalOnly, leftOut: leftOut)
        }
    }

    /// Whether packets of a service can be among those that it describes.
    func concerns(_ service: MarkedDestination) -> Bool {
        if let protos, !service.protos.isEmpty, !protos.contains(where: { service.protos.contains($0) }) { return false }
        if let ports, !service.ports.isEmpty, !ports.contains(where: { a in service.ports.contains { a.overlaps($0) } }) { return false }
        guard let places else { return true }
        let own = Place(prefix: service.prefix, length: service.length)
        return places.contains { place in
            guard !place.prefix.isMulticast, !place.prefix.isLoopback, place.prefix != IPAddress(v4: .max) else { return false }
            return place.prefix.family == own.prefix.family && Self.common(place, own) != nil
        }
    }
}

extension IPAddress {
    init(_ number: UInt128) { self.init(high: UInt64(truncatingIfNeeded: number >> 64), low: UInt64(truncatingIfNeeded: number)) }
}

extension MaskedAddress {
    /// The fewest prefixes that make up a range of addresses of one family, none for a range that ends before it begins.
    public static func prefixes(_ first: IPAddress, through last: IPAddress) -> [MaskedAddress] {
        var prefixes: [MaskedAddress] = []
        var next = first
        while next <= last {
            var length = next.family.width
            // The widest prefix that begins here and does not reach beyond the end.
            while length > 0, next.masked(to: length - 1) == next, end(of: next, length - 1) <= last { length -= 1 }
            prefixes.append(MaskedAddress(next, length: length))
            let end = end(of: next, length)
            if end >= last { break }
            next = IPAddress(UInt128(end) + 1)
        }
        return prefixes
    }

    private static func end(of prefix: IPAddress, _ length: Int) -> IPAddress {
        let mask = MaskedAddress(prefix, length: length).mask
        if prefix.isV4 { return IPAddress(v4: prefix.v4 | ~mask.v4) }
        return IPAddress(high: prefix.high | ~mask.high, low: prefix.low | ~mask.low)
    }
}
