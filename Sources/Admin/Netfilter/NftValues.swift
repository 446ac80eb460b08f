import LVS
import Wire

/// The values that rules of nft compare with.
extension NftRule {
    /// What a match demands of its fields.
    func condition(_ key: [NftTerm], _ op: String, _ right: JSONValue) throws(Complaint) -> (MarkMatch.Condition, isNegated: Bool) {
        let term = key[0]
        let isSet = right["set"] != nil || right.text?.hasPrefix("@") == true
        if ["in", "!"].contains(op), !isSet {
            guard [.tcpFlags, .state, .status].contains(term.kind) else { throw Complaint("\(op): not understood") }
            // Any of the flags is asked for, or none of them.
            return (.anyBit(term.term.field, UInt32(truncatingIfNeeded: try value(right, term.kind).lowerBound)), op == "!")
        }
        var elements: [[ClosedRange<UInt128>]] = []
        for element in try self.elements(right) { elements.append(try ranges(element, key)) }
        switch op {
        case "==", "in", "!=":
            return (.lookup(MarkLookup(key.map(\.term), in: MarkSet(width: key.count, elements))), op == "!=")
        case "<", "<=", ">", ">=":
            guard elements.count == 1, key.count == 1 else { throw Complaint("\(op): not understood") }
            let range = elements[0][0]
            // `<` is the negation of `>=`, and `>` that of `<=`.
            let isUpper = op == "<" || op == ">="
            let wanted = isUpper ? range.lowerBound...UInt128.max : 0...range.upperBound
            return (.lookup(MarkLookup([term.term], in: MarkSet([wanted]))), op == "<" || op == ">")
        default: throw Complaint("\(op): not understood")
        }
    }

    /// The ranges of an element of a set: one for each field of the key.
    func ranges(_ element: JSONValue, _ key: [NftTerm]) throws(Complaint) -> [ClosedRange<UInt128>] {
        let parts = key.count > 1 ? element["concat"]?.list ?? [] : [element]
        guard parts.count == key.count else { throw Complaint("concat: not understood") }
        var ranges: [ClosedRange<UInt128>] = []
        for (part, term) in zip(parts, key) { ranges.append(try value(part, term.kind)) }
        return ranges
    }

    func value(_ value: JSONValue, _ kind: NftTerm.Kind) throws(Complaint) -> ClosedRange<UInt128> {
        if let ends = value["range"]?.list, ends.count == 2 {
            let first = try self.value(ends[0], kind), last = try self.value(ends[1], kind)
            guard first.lowerBound <= last.upperBound else { throw Complaint("range: its end comes before its beginning") }
            return first.lowerBound...last.upperBound
        }
        if let prefix = value["prefix"] { return try self.prefix(prefix, kind) }
        if value.text == "*" { return 0...UInt128.max }
        if kind == .interface, let name = value.text {
            if name.hasSuffix("*") { return UInt128.interfaceNames(beginningWith: name.dropLast()) }
            return UInt128(interfaceName: name)...UInt128(interfaceName: name)
        }
        let number = try number(value, kind)
        return number...number
    }

    private func prefix(_ prefix: JSONValue, _ kind: NftTerm.Kind) throws(Complaint) -> ClosedRange<UInt128> {
        let length = prefix["len"]?.number ?? -1
        guard kind == .address, let address = prefix["addr"]?.text.flatMap({ IPAddress($0) }), address.family == family,
            (0...Int64(family.width)).contains(length)
        else { throw Complaint("prefix: not understood") }
        let first = UInt128(address.masked(to: Int(length)))
        let rest = family.width - Int(length)
        return first...(rest == 128 ? UInt128.max : first | ((1 << UInt128(rest)) - 1))
    }

    private func number(_ value: JSONValue, _ kind: NftTerm.Kind) throws(Complaint) -> UInt128 {
        if let list = value.list ?? value["|"]?.list {
            var bits: UInt128 = 0
            for part in list { bits |= try number(part, kind) }
            return bits
        }
        if case .bool(let isThere) = value, kind == .presence { return isThere ? 1 : 0 }
        if let number = value.number {
            guard number >= 0 else { throw Complaint("\(number): not understood") }
            return UInt128(number)
        }
        guard let text = value.text else { throw Complaint("a value that is not understood") }
        guard let number = named(text, kind) else { throw Complaint("\(text): not understood") }
        return number
    }

    private func named(_ text: String, _ kind: NftTerm.Kind) -> UInt128? {
        switch kind {
        case .address: IPAddress(text).flatMap { $0.family == family ? UInt128($0) : nil }
        case .proto: IptablesRule.proto(text).map { UInt128($0) }
        case .port, .number, .interface, .presence: nil
        case .hardware: MACAddress(text).map { UInt128($0.bits) }
        case .icmpType: Self.icmpTypes[text] ?? IptablesRule.icmp(text, family).map { UInt128($0.types.lowerBound) }
        case .tcpFlags: (try? IptablesRule.flags(text)).map { UInt128($0) } ?? ["ecn": 64, "cwr": 128][text]
        case .state: (try? IptablesRule.states(text)).map { UInt128($0) }
        case .status: ["expected": 1, "seen-reply": 2, "assured": 4, "confirmed": 8, "snat": 16, "dnat": 32, "dying": 512][text]
        case .route: (try? IptablesRule.addressTypes(text))?.first?.lowerBound
        case .family: ["ipv4": 2, "ipv6": 10][text]
        case .ether: ["ip": 0x0800, "arp": 0x0806, "ip6": 0x86dd, "vlan": 0x8100, "8021q": 0x8100, "8021ad": 0x88a8][text]
        case .dscp: Self.codePoint(text)
        case .packet: ["host": 0, "unicast": 0, "broadcast": 1, "multicast": 2, "other": 3][text]
        }
    }

    /// Names that nft has and iptables has not (RFC 792, RFC 4443, RFC 4861, RFC 2710).
    private static let icmpTypes: [String: UInt128] = [
        "source-quench": 4, "router-advertisement": 9, "router-solicitation": 10, "timestamp-request": 13, "timestamp-reply": 14,
        "info-request": 15, "info-reply": 16, "address-mask-request": 17, "address-mask-reply": 18,
        "mld-listener-query": 130, "mld-listener-report": 131, "mld-listener-done": 132, "mld-listener-reduction": 132,
        "nd-router-solicit": 133,
        "nd-router-advert": 134, "nd-neighbor-solicit": 135, "nd-neighbor-advert": 136, "nd-redirect": 137, "router-renumbering": 138,
        "ind-neighbor-solicit": 141, "ind-neighbor-advert": 142, "mld2-listener-report": 143,
    ]

    /// Code points of RFC 2474, 2597, 3246 and 8622.
    private static func codePoint(_ text: String) -> UInt128? {
        if let named: UInt128 = ["ef": 46, "be": 0, "df": 0, "va": 44, "le": 1, "lephb": 1][text] { return named }
        let digits = text.dropFirst(2).compactMap(\.wholeNumberValue)
        switch (text.prefix(2), digits.count) {
        case ("cs", 1) where digits[0] <= 7: return UInt128(digits[0] * 8)
        case ("af", 2) where (1...4).contains(digits[0]) && (1...3).contains(digits[1]): return UInt128(digits[0] * 8 + digits[1] * 2)
        default: return nil
        }
    }

    /// How a rejection is told, and the protocol that it takes.
    func rejection(_ body: JSONValue) throws(Complaint) -> (MarkRejection, proto: UInt8?) {
        let type = body["type"]?.text ?? "icmpx", name = body["expr"]?.text ?? "port-unreachable"
        if type == "tcp reset" { return (.reset, IPProtocol.tcp) }
        let codes4: [String: UInt8] = [
            "net-unreachable": 0, "host-unreachable": 1, "prot-unreachable": 2, "port-unreachable": 3, "net-prohibited": 9,
            "host-prohibited": 10, "admin-prohibited": 13,
        ]
        let codes6: [String: UInt8] = [
            "no-route": 0, "admin-prohibited": 1, "addr-unreachable": 3, "port-unreachable": 4, "policy-fail": 5, "reject-route": 6,
        ]
        let codesX: [String: (UInt8, UInt8)] = [
            "no-route": (0, 0), "host-unreachable": (1, 3), "port-unreachable": (3, 4), "admin-prohibited": (13, 1),
        ]
        let code = type == "icmpx" ? codesX[name].map { family == .v4 ? $0.0 : $0.1 } : family == .v4 ? codes4[name] : codes6[name]
        guard let code else { throw Complaint("reject \(type) \(name): not understood") }
        return (.icmp(type: family == .v4 ? 3 : 1, code: code), nil)
    }
}
