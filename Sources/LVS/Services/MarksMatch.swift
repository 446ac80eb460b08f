import Wire

/// One condition of a rule.
public struct MarkMatch: Hashable, Sendable {
    public enum Condition: Hashable, Sendable {
        /// One of them holds the source, or the destination.
        case sources([MaskedAddress])
        case destinations([MaskedAddress])
        /// The set holds what the packet has in these fields.
        case lookup(MarkLookup)
        /// One of the two ports lies in one of the ranges.
        case eitherPort([ClosedRange<UInt16>])
        /// iptables looks at a header of the transport protocol: so many bytes. A packet that ends before is dropped there and
        /// then (`hotdrop` in xt_tcpudp), a fragment behind the first does not match.
        case header(proto: UInt8, length: Int)
        /// Nobody here understands the words; no packet is held to meet them.
        case unclear(String)
    }

    public var condition: Condition
    public var isNegated: Bool

    public init(_ condition: Condition, isNegated: Bool = false) {
        self.condition = condition
        self.isNegated = isNegated
    }

    /// What a condition says about a packet.
    enum Answer { case holds, fails, drops }

    func answer(for packet: MarkQuery, _ state: MarkState) -> Answer {
        let holds: Bool
        switch condition {
        case .sources(let places): holds = places.contains { $0.contains(packet.source) }
        case .destinations(let places): holds = places.contains { $0.contains(packet.destination) }
        case .lookup(let lookup):
            let answer = lookup.answer(for: packet, state)
            // What is not there meets neither a condition nor its negation.
            if answer == .unreadable { return .fails }
            holds = answer != .absent
        case .eitherPort(let ranges):
            if packet.isLaterFragment { return .fails }
            holds = ranges.contains { $0.contains(packet.sourcePort) || $0.contains(packet.destinationPort) }
        case .header(let proto, let length):
            if packet.isLaterFragment {
                // The second eight bytes of a TCP header would overwrite its flags (RFC 1858 section 3).
                return proto == IPProtocol.tcp && packet.fragmentOffset == 1 && packet.proto == proto ? .drops : .fails
            }
            return packet.transportLength < length ? .drops : .holds
        case .unclear: return .fails
        }
        return holds != isNegated ? .holds : .fails
    }
}

extension MarkMatch.Condition {
    /// Single addresses and networks.
    public static func source(_ places: [MaskedAddress]) -> Self { .sources(places) }
    public static func destination(_ places: [MaskedAddress]) -> Self { .destinations(places) }

    public static func proto(_ protos: [UInt8]) -> Self {
        .lookup(MarkLookup(.proto, protos.map { UInt128($0)...UInt128($0) }))
    }

    public static func sourcePort(_ ranges: [ClosedRange<UInt16>]) -> Self { .lookup(MarkLookup(.sourcePort, ranges.map(wide))) }
    public static func destinationPort(_ ranges: [ClosedRange<UInt16>]) -> Self {
        .lookup(MarkLookup(.destinationPort, ranges.map(wide)))
    }

    /// Interface names; one that ends with `+` means all that begin so.
    public static func ingress(_ names: [String]) -> Self {
        .lookup(
            MarkLookup(
                .ingress,
                names.map { name in
                    if name.utf8.last == 0x2b { return UInt128.interfaceNames(beginningWith: name.dropLast()) }
                    let number = UInt128(interfaceName: name)
                    return number...number
                }))
    }

    /// The flags under the mask are exactly these.
    public static func tcpFlags(mask: UInt8, value: UInt8) -> Self { masked(.tcpFlags, mask: UInt32(mask), value: UInt32(value)) }
    public static func mark(value: UInt32, mask: UInt32) -> Self { masked(.mark, mask: mask, value: value) }

    public static func icmp(types: ClosedRange<UInt8>, codes: ClosedRange<UInt8>) -> Self {
        .lookup(MarkLookup([MarkTerm(.icmpType), MarkTerm(.icmpCode)], in: MarkSet(width: 2, [[wide(types), wide(codes)]])))
    }

    /// A fragment other than the first.
    public static var laterFragment: Self { .lookup(MarkLookup(.fragmentOffset, [1...0x1fff])) }
    /// The destination is the director's own.
    public static var local: Self { .lookup(MarkLookup(.destinationType, [2...2])) }

    /// A field whose bits under the mask are exactly these.
    public static func masked(_ field: MarkField, mask: UInt32, value: UInt32) -> Self {
        .lookup(MarkLookup([MarkTerm(field, mask: UInt128(mask))], in: MarkSet([UInt128(value)...UInt128(value)])))
    }

    /// A field that has one of the bits.
    public static func anyBit(_ field: MarkField, _ bits: UInt32) -> Self {
        .lookup(MarkLookup([MarkTerm(field, mask: UInt128(bits))], in: MarkSet([1...UInt128.max])))
    }

    private static func wide(_ range: ClosedRange<some FixedWidthInteger>) -> ClosedRange<UInt128> {
        UInt128(range.lowerBound)...UInt128(range.upperBound)
    }
}
