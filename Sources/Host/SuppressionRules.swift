import Wire

/// A muting in the language of nftables: named sets, and the rules that ask them.
///
/// Exact ports stand in hash sets, so that thousands of services cost one look-up; ranges and prefixes in interval sets,
/// which refuse overlapping elements: ranges of equal addresses are merged, prefixes of different lengths get different sets.
struct SuppressionRules: Equatable {
    struct NamedSet: Equatable {
        /// `type …` or `typeof …`.
        var type: String
        var isInterval: Bool
        var elements: Set<String> = []
    }

    /// The two IP versions and ARP have a chain each.
    enum Chain: String, CaseIterable {
        case ip4 = "mute_ip", ip6 = "mute_ip6", arp = "mute_arp"
        /// The value of `meta protocol`.
        var etherType: String {
            switch self {
            case .ip4: "ip"
            case .ip6: "ip6"
            case .arp: "arp"
            }
        }
    }

    private(set) var sets: [String: NamedSet] = [:]
    private(set) var rules: [Chain: [String]] = [:]

    /// - Parameter asksHost: each packet for an address that waits asks the kernel whether the host has it by now; without that
    ///   the host sees them all.
    init(_ suppressed: SuppressedTraffic, asksHost: Bool = true) {
        for family in [IPFamily.v4, .v6] {
            let words = ElementNames(family)
            let waiting = suppressed.waitingAddresses.filter { $0.family == family }.map(\.description)
            let unlessLocal = asksHost ? "fib daddr type != local " : ""
            ask(words, "\(words.ip) daddr", "waiting", type: words.type, waiting, then: unlessLocal + "accept")
            add(suppressed, of: family, words)
        }
    }

    private mutating func add(_ suppressed: SuppressedTraffic, of family: IPFamily, _ words: ElementNames) {
        let owned = suppressed.ownedAddresses.filter { $0.family == family }
        ask(words, "\(words.ip) daddr", "owned", type: words.type, owned.map(\.description))
        let local = suppressed.localAddresses.filter { $0.family == family }
        ask(words, "\(words.ip) daddr", "local", type: words.type, local.map(\.description))
        if family == .v4 {
            drop(.arp, "arp operation request arp daddr ip @owned4", if: !owned.isEmpty)
        } else {
            // A solicitation's target stands in the message (RFC 4861 section 4.3); nft 1.0.6 has no word for it.
            ask(words, "icmpv6 type 135 @th,64,128", "solicited", type: "typeof @th,64,128", owned.map(words.raw))
        }

        let unmarked = suppressed.unmarked.filter { $0.destination.family == family }
        ask(
            words, "ether saddr . \(words.ip) daddr", "unmarked", type: "ether_addr . \(words.type)",
            unmarked.map { "\($0.mac) . \($0.destination)" }, then: "accept")

        // A mark on single ports of one address is what a service is.
        var services = suppressed.services.filter { $0.address.family == family }
        let marked = suppressed.marked.filter { $0.prefix.family == family }.flatMap(\.withProtocol)
        services += marked.compactMap { $0.endpoint(width: family.width) }
        let replies = suppressed.replies.filter { $0.address.family == family }
        ask(words, "\(words.ip) daddr . meta l4proto . th dport", "service", words.endpointType, services) { $0.description }
        ask(words, "\(words.ip) saddr . meta l4proto . th sport", "reply", words.endpointType, replies) { $0.description }

        addClients(suppressed, words)

        let to = suppressed.fragmentAddresses.filter { $0.family == family }
        ask(words, "\(words.isFragment) \(words.ip) daddr", "fragment", type: words.type, to.map(\.description))
        let from = suppressed.fragmentSources.filter { $0.family == family }
        ask(words, "\(words.isFragment) \(words.ip) saddr", "fragmentsource", type: words.type, from.map(\.description))

        addMarked(marked.filter { $0.endpoint(width: family.width) == nil }, words)
        guard suppressed.icmpErrors else { return }
        for (quoted, name, endpoints) in [(words.quotedSource, "quoted", services), (words.quotedDestination, "quotedreply", replies)] {
            ask(words, "\(words.isError) \(quoted)", name, "typeof \(quoted)", endpoints, words.raw)
        }
    }

    /// What servers answer to the host itself: from a service to one of the host's addresses, whole or in fragments.
    private mutating func addClients(_ suppressed: SuppressedTraffic, _ words: ElementNames) {
        let clients = suppressed.clientAddresses.filter { $0.family == words.family }.map(\.description)
        let names = ["service", "servicerange"].map { $0 + words.suffix }.filter { sets[$0] != nil }
        guard !clients.isEmpty, !names.isEmpty else { return }
        let set = "client" + words.suffix
        sets[set] = NamedSet(type: "type " + words.type, isInterval: false, elements: Set(clients))
        for name in names {
            drop(words.chain, "\(words.ip) daddr @\(set) \(words.ip) saddr . meta l4proto . th sport @\(name)", if: true)
        }
        let fragments = "clientfragment" + words.suffix
        let services = suppressed.services.filter { $0.address.family == words.family }.map(\.address.description)
        sets[fragments] = NamedSet(type: "type " + words.type, isInterval: false, elements: Set(services))
        drop(words.chain, "\(words.isFragment) \(words.ip) daddr @\(set) \(words.ip) saddr @\(fragments)", if: true)
    }

    /// One set for each shape of destination that occurs.
    private mutating func addMarked(_ marked: [SuppressedTraffic.Destination], _ words: ElementNames) {
        var whole: [Int: Set<String>] = [:], protocols: [Int: Set<String>] = [:], ports: [Int: [SuppressedTraffic.Endpoint]] = [:]
        for mark in marked {
            let prefix = mark.prefix.masked(to: mark.length)
            switch (mark.proto, mark.ports) {
            case (nil, _): whole[mark.length, default: []].insert("\(prefix)/\(mark.length)")
            case (let proto?, nil): protocols[mark.length, default: []].insert("\(prefix)/\(mark.length) . \(proto)")
            case (let proto?, let range?):
                ports[mark.length, default: []].append(SuppressedTraffic.Endpoint(proto: proto, address: prefix, ports: range))
            }
        }
        for (length, elements) in whole.sorted(by: { $0.key < $1.key }) {
            // All addresses: a set cannot hold the empty prefix.
            if length == 0 { drop(words.chain, "meta protocol \(words.ip)", if: true); continue }
            ask(words, "\(words.ip) daddr", "marked\(length)in", type: words.type, isInterval: true, Array(elements))
        }
        for (length, elements) in protocols.sorted(by: { $0.key < $1.key }) {
            ask(
                words, "\(words.ip) daddr . meta l4proto", "markedproto\(length)in", type: words.type + " . inet_proto",
                isInterval: true, Array(elements))
        }
        for (length, endpoints) in ports.sorted(by: { $0.key < $1.key }) {
            let elements = Self.merged(endpoints).map { "\($0.address)/\(length) . \($0.proto) . \($0.range)" }
            ask(
                words, "\(words.ip) daddr . meta l4proto . th dport", "markedport\(length)in", type: words.endpointType,
                isInterval: true, elements)
        }
    }

    /// Asks a hash set for single ports and an interval set for ranges.
    private mutating func ask(
        _ words: ElementNames, _ match: String, _ name: String, _ type: String, _ endpoints: [SuppressedTraffic.Endpoint],
        _ text: (SuppressedTraffic.Endpoint) -> String
    ) {
        ask(words, match, name, type: type, endpoints.filter(\.isSinglePort).map(text))
        let ranges = Self.merged(endpoints.filter { !$0.isSinglePort })
        ask(words, match, name + "range", type: type, isInterval: true, ranges.map(text))
    }

    /// Fills the set and adds the rule for what is in it; nothing for an empty one.
    private mutating func ask(
        _ words: ElementNames, _ match: String, _ name: String, type: String, isInterval: Bool = false,
        _ elements: [String], then statement: String = "drop"
    ) {
        guard !elements.isEmpty else { return }
        let name = name + words.suffix
        let type = type.hasPrefix("typeof") ? type : "type " + type
        sets[name] = NamedSet(type: type, isInterval: isInterval, elements: Set(elements))
        rules[words.chain, default: []].append("\(match) @\(name) \(statement)")
    }

    private mutating func drop(_ chain: Chain, _ match: String, if isNeeded: Bool) {
        if isNeeded { rules[chain, default: []].append(match + " drop") }
    }

    /// The endpoints with touching ranges of the same address and protocol made one, in order.
    static func merged(_ endpoints: [SuppressedTraffic.Endpoint]) -> [SuppressedTraffic.Endpoint] {
        let sorted = Set(endpoints).sorted { a, b in
            (a.address, a.proto, a.ports.lowerBound, a.ports.upperBound) < (b.address, b.proto, b.ports.lowerBound, b.ports.upperBound)
        }
        var merged: [SuppressedTraffic.Endpoint] = []
        for next in sorted {
            if let last = merged.last, last.address == next.address, last.proto == next.proto,
                Int(next.ports.lowerBound) <= Int(last.ports.upperBound) + 1
            {
                merged[merged.count - 1].ports = last.ports.lowerBound...max(last.ports.upperBound, next.ports.upperBound)
            } else {
                merged.append(next)
            }
        }
        return merged
    }
}

/// How nftables names things in one IP version.
private struct ElementNames {
    let family: IPFamily
    init(_ family: IPFamily) { self.family = family }

    private var is4: Bool { family == .v4 }
    var suffix: String { is4 ? "4" : "6" }
    var ip: String { is4 ? "ip" : "ip6" }
    var chain: SuppressionRules.Chain { is4 ? .ip4 : .ip6 }
    var type: String { is4 ? "ipv4_addr" : "ipv6_addr" }
    var endpointType: String { type + " . inet_proto . inet_service" }
    /// A fragment offset, or more fragments to come (RFC 791 section 3.1); a fragment header (RFC 8200 section 4.5).
    var isFragment: String { is4 ? "ip frag-off & 0x3fff != 0" : "exthdr frag exists" }
    /// Destination unreachable, source quench, time exceeded, parameter problem (RFC 792); RFC 4443 section 3.
    var isError: String { is4 ? "icmp type { 3, 4, 11, 12 }" : "icmpv6 type { 1, 2, 3, 4 }" }
    /// Address, protocol and port of the quoted packet, which begins 8 bytes into the error: bit offset, bit length. A
    /// quoted header with options or extension headers does not match.
    var quotedSource: String { is4 ? "@th,160,32 . @th,136,8 . @th,224,16" : "@th,128,128 . @th,112,8 . @th,384,16" }
    var quotedDestination: String { is4 ? "@th,192,32 . @th,136,8 . @th,240,16" : "@th,256,128 . @th,112,8 . @th,400,16" }

    func raw(_ address: IPAddress) -> String {
        if is4 { return "0x" + String(address.v4, radix: 16) }
        let low = String(address.low, radix: 16)
        return "0x" + String(address.high, radix: 16) + String(repeating: "0", count: 16 - low.count) + low
    }

    func raw(_ endpoint: SuppressedTraffic.Endpoint) -> String {
        "\(raw(endpoint.address)) . \(endpoint.proto) . \(endpoint.range)"
    }
}

extension SuppressedTraffic.Endpoint {
    fileprivate var isSinglePort: Bool { ports.count == 1 }
    fileprivate var range: String { isSinglePort ? "\(ports.lowerBound)" : "\(ports.lowerBound)-\(ports.upperBound)" }
    fileprivate var description: String { "\(address) . \(proto) . \(range)" }
}

extension SuppressedTraffic.Destination {
    /// Itself, or one for each protocol that has ports where none is named.
    fileprivate var withProtocol: [SuppressedTraffic.Destination] {
        guard proto == nil, let ports else { return [self] }
        return [IPProtocol.tcp, IPProtocol.udp, IPProtocol.sctp].map {
            SuppressedTraffic.Destination(prefix: prefix, length: length, proto: $0, ports: ports)
        }
    }

    /// Ports of a single address.
    fileprivate func endpoint(width: Int) -> SuppressedTraffic.Endpoint? {
        guard length >= width, let proto, let ports else { return nil }
        return SuppressedTraffic.Endpoint(proto: proto, address: prefix, ports: ports)
    }
}
