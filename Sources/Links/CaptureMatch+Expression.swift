internal import Wire

extension CaptureMatch {
    /// The pcap-filter(7) expression for everything that is in one of `captureMatches`, and besides: ARP; with an IPv6 interest
    /// ICMPv6, in which neighbour discovery travels; ICMP at, and non-first fragments at, the wanted addresses, which
    /// carry no ports; every ICMP with `everyICMP`. With `addressesOnly` protocols and ports are left out.
    ///
    /// `tagged` asks for a second copy of it behind a VLAN tag, as in a file. A live packet socket needs none: its filter
    /// sees the frame after the kernel took the tag out.
    public static func expression(
        _ captureMatches: [CaptureMatch], everyICMP: Bool = false, addressesOnly: Bool = false,
        tagged: Bool = false
    ) -> String {
        var terms = ["arp"]
        if everyICMP { terms.append("icmp") }
        if everyICMP || captureMatches.contains(where: { !$0.prefix.isV4 }) { terms.append("icmp6") }
        terms += groups(captureMatches, addressesOnly: addressesOnly).map { $0.expression }
        let all = terms.joined(separator: " or ")
        return tagged ? "(\(all)) or (vlan and (\(all)))" : all
    }

    /// Addresses that share one list of clauses, so that the list stands in the program once.
    private static func groups(_ captureMatches: [CaptureMatch], addressesOnly: Bool) -> [Group] {
        var clauses: [PrefixRange: [Clause]] = [:]
        for interest in captureMatches {
            let range = PrefixRange(end: interest.end, prefix: interest.prefix, length: interest.prefixLength)
            clauses[range, default: []].append(addressesOnly ? Clause() : Clause(interest))
        }
        var groups: [Group.Key: [PrefixRange]] = [:]
        for (range, list) in clauses {
            let key = Group.Key(end: range.end, family: range.prefix.family, clauses: Clause.merged(list))
            groups[key, default: []].append(range)
        }
        return groups.map { Group(key: $0.key, ranges: PrefixRange.joined($0.value)) }.sorted { $0.ranges[0] < $1.ranges[0] }
    }

    /// Comparisons that the expression asks for: the time to compile it grows with their square, the time to run it with
    /// their number.
    static func comparisons(_ captureMatches: [CaptureMatch], addressesOnly: Bool) -> Int {
        groups(captureMatches, addressesOnly: addressesOnly).reduce(0) { $0 + $1.ranges.count + $1.key.clauses.count }
    }
}

private struct Group {
    struct Key: Hashable {
        var end: CaptureMatch.End
        var family: IPFamily
        var clauses: [Clause]
    }

    var key: Key
    var ranges: [PrefixRange]

    var expression: String {
        let addresses = ranges.map { $0.expression }.joined(separator: " or ")
        guard !key.clauses.isEmpty else { return addresses }
        let wanted = key.clauses.map { $0.expression(key.end, key.family) } + [key.family.portless]
        return "((\(addresses)) and (\(wanted.joined(separator: " or "))))"
    }
}

/// The addresses of a prefix at one end of a packet.
private struct PrefixRange: Hashable, Comparable {
    var end: CaptureMatch.End
    var prefix: IPAddress
    var length: Int

    static func < (a: PrefixRange, b: PrefixRange) -> Bool {
        (a.prefix, a.length, a.end.rawValue) < (b.prefix, b.length, b.end.rawValue)
    }

    /// The same addresses in order and in as few prefixes as possible: two halves of a prefix become the whole.
    static func joined(_ ranges: [PrefixRange]) -> [PrefixRange] {
        var result: [PrefixRange] = []
        for range in ranges.sorted() {
            if let last = result.last, range.prefix.matches(last.prefix, length: last.length) { continue }
            result.append(range)
            while result.count >= 2, let whole = result[result.count - 2].whole(with: result[result.count - 1]) {
                result.removeLast(2)
                result.append(whole)
            }
        }
        return result
    }

    private func whole(with other: PrefixRange) -> PrefixRange? {
        guard length == other.length, length > 0, prefix.family == other.prefix.family else { return nil }
        guard other.prefix.masked(to: length - 1) == prefix else { return nil }
        return PrefixRange(end: end, prefix: prefix, length: length - 1)
    }

    var expression: String {
        if length == 0 { return prefix.family.keyword }
        let kind = length == prefix.family.width ? "host \(prefix)" : "net \(prefix)/\(length)"
        return "\(prefix.family.keyword) \(end.rawValue) \(kind)"
    }
}

/// A protocol and its ports; everything without both.
private struct Clause: Hashable, Comparable {
    var proto: UInt8?
    var ports: ClosedRange<UInt16>?

    init() {}

    init(_ interest: CaptureMatch) {
        proto = interest.proto
        ports = proto == nil || transport != nil ? interest.ports : nil
    }

    /// The protocol's keyword when it has ports.
    private var transport: String? {
        switch proto {
        case 6: "tcp"
        case 17: "udp"
        case 132: "sctp"
        default: nil
        }
    }

    private var order: (Int, Int, Int) {
        (Int(proto ?? 0), Int(ports?.lowerBound ?? 0), Int(ports?.upperBound ?? 65_535))
    }

    static func < (a: Clause, b: Clause) -> Bool { a.order < b.order }

    func expression(_ end: CaptureMatch.End, _ family: IPFamily) -> String {
        guard let ports else { return "\(family.keyword) proto \(proto ?? 0)" }
        let single = ports.lowerBound == ports.upperBound
        let which = single ? "port \(ports.lowerBound)" : "portrange \(ports.lowerBound)-\(ports.upperBound)"
        return [transport, end.rawValue, which].compactMap { $0 }.joined(separator: " ")
    }

    /// The same clauses in order, with ports that overlap or touch as one range; none when one of them takes everything.
    static func merged(_ clauses: [Clause]) -> [Clause] {
        guard !clauses.contains(Clause()) else { return [] }
        var result: [Clause] = []
        for clause in clauses.sorted() {
            guard let last = result.last, last.proto == clause.proto else {
                result.append(clause)
                continue
            }
            guard let before = last.ports, let ports = clause.ports else {
                result[result.count - 1].ports = nil
                continue
            }
            if Int(ports.lowerBound) <= Int(before.upperBound) + 1 {
                result[result.count - 1].ports = before.lowerBound...max(before.upperBound, ports.upperBound)
            } else {
                result.append(clause)
            }
        }
        return result
    }
}

extension IPFamily {
    fileprivate var keyword: String { self == .v4 ? "ip" : "ip6" }

    /// What has no ports to look at: IPv4 ICMP and non-first fragments; in IPv6 whatever does not begin with a transport
    /// header, such as ICMPv6, fragments and extension headers, behind which the filter language cannot look.
    fileprivate var portless: String {
        self == .v4 ? "icmp or ip[6:2] & 0x1fff != 0" : "not (ip6[6] = 6 or ip6[6] = 17 or ip6[6] = 132)"
    }
}
