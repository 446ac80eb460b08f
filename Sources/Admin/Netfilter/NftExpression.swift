import LVS
import Wire

/// A field that a rule of nft looks at, as nft names its values.
struct NftTerm {
    /// How values are written.
    enum Kind {
        case address, proto, port, number, hardware, interface, icmpType, tcpFlags, state, status, route, family, ether, dscp, packet,
            presence
    }

    var term: MarkTerm
    var kind: Kind
    /// What a packet has to be for the field to be there.
    var needs: [MarkMatch] = []

    init(_ field: MarkField, _ kind: Kind, needs: [MarkMatch] = []) {
        term = MarkTerm(field)
        self.kind = kind
        self.needs = needs
    }

    /// A value that is the same for all packets.
    init(constant: UInt128, _ kind: Kind) {
        term = MarkTerm(.constant, mask: 0, toggle: constant)
        self.kind = kind
    }
}

extension NftRule {
    /// The fields of a key, several when they are joined by dots; `nil` when no packet of the family has them.
    func key(_ expression: JSONValue?) throws(Complaint) -> [NftTerm]? {
        guard let expression else { throw Complaint("an expression is missing") }
        var terms: [NftTerm] = []
        for part in expression["concat"]?.list ?? [expression] {
            guard let term = try term(part) else { return nil }
            if term.term.field == .fragmentOffset, term.term.mask > 0x1fff { throw Complaint("ip frag-off: only the offset is understood") }
            terms.append(term)
        }
        if terms.isEmpty { throw Complaint("concat: not understood") }
        return terms
    }

    private func term(_ expression: JSONValue) throws(Complaint) -> NftTerm? {
        guard let (kind, body) = expression.single else { throw Complaint("an expression that is none") }
        switch kind {
        case "payload": return try payload(body)
        case "meta": return try meta(body["key"]?.text ?? "")
        case "ct": return try connection(body)
        case "fib": return try route(body)
        case "exthdr" where body["name"]?.text == "frag" && family == .v6: return nil
        case "&", "|", "^", "<<", ">>":
            guard let sides = body.list, sides.count == 2, var term = try term(sides[0]) else { return nil }
            term.term = try applying(kind, sides[1], to: term)
            return term
        default: throw Complaint("\(kind): not understood")
        }
    }

    /// Bit operations on a field, one after the other.
    private func applying(_ op: String, _ operand: JSONValue, to term: NftTerm) throws(Complaint) -> MarkTerm {
        let number = try value(operand, term.kind)
        guard number.lowerBound == number.upperBound else { throw Complaint("\(op): not understood") }
        return try Self.applying(op, number.lowerBound, to: term.term)
    }

    private static func applying(_ op: String, _ operand: UInt128, to term: MarkTerm) throws(Complaint) -> MarkTerm {
        var term = term
        if op == "<<" || op == ">>" {
            guard operand < 128 else { throw Complaint("\(op): not understood") }
            term.shift += op == ">>" ? Int(operand) : -Int(operand)
            return term
        }
        guard term.shift == 0 else { throw Complaint("\(op) behind a shift: not understood") }
        switch op {
        case "&": (term.mask, term.toggle) = (term.mask & operand, term.toggle & operand)
        case "|": (term.mask, term.toggle) = (term.mask & ~operand, term.toggle & ~operand | operand)
        default: term.toggle ^= operand
        }
        return term
    }

    private func payload(_ body: JSONValue) throws(Complaint) -> NftTerm? {
        let proto = body["protocol"]?.text ?? "", field = body["field"]?.text ?? ""
        switch (proto, field) {
        case ("ip", _) where family == .v6, ("ip6", _) where family == .v4, ("icmp", _) where family == .v6,
            ("icmpv6", _) where family == .v4,
            ("arp", _):
            return nil
        case ("ip", "saddr"), ("ip6", "saddr"): return NftTerm(.source, .address)
        case ("ip", "daddr"), ("ip6", "daddr"): return NftTerm(.destination, .address)
        case ("ip", "protocol"), ("ip6", "nexthdr"): return NftTerm(.headerProto, .proto)
        case ("ip", "ttl"), ("ip6", "hoplimit"): return NftTerm(.hops, .number)
        case ("ip", "length"): return NftTerm(.length, .number)
        case ("ip", "version"), ("ip6", "version"): return NftTerm(constant: family == .v4 ? 4 : 6, .number)
        case ("ip", "frag-off"):
            return NftTerm(.fragmentOffset, .number)
        case ("ip", "dscp"), ("ip6", "dscp"):
            var term = NftTerm(.typeOfService, .dscp)
            term.term.shift = 2
            return term
        case ("ip", "ecn"), ("ip6", "ecn"):
            var term = NftTerm(.typeOfService, .number)
            term.term.mask = 3
            return term
        case ("ether", "saddr"): return NftTerm(.sourceMAC, .hardware)
        case ("ether", "daddr"): return NftTerm(.destinationMAC, .hardware)
        case ("ether", "type"): return NftTerm(constant: family == .v4 ? 0x0800 : 0x86dd, .ether)
        case ("th", "sport"): return NftTerm(.sourcePort, .port)
        case ("th", "dport"): return NftTerm(.destinationPort, .port)
        default: break
        }
        guard let number = IptablesRule.proto(proto), number != 0, proto != "ip", proto != "ip6" else {
            throw Complaint("\(proto) \(field): not understood")
        }
        let needs = [MarkMatch(.proto([number]))]
        switch field {
        case "sport": return NftTerm(.sourcePort, .port, needs: needs)
        case "dport": return NftTerm(.destinationPort, .port, needs: needs)
        case "flags" where proto == "tcp": return NftTerm(.tcpFlags, .tcpFlags, needs: needs)
        case "type": return NftTerm(.icmpType, .icmpType, needs: needs)
        case "code": return NftTerm(.icmpCode, .number, needs: needs)
        default: throw Complaint("\(proto) \(field): not understood")
        }
    }

    private func meta(_ key: String) throws(Complaint) -> NftTerm? {
        switch key {
        case "l4proto": return NftTerm(.proto, .proto)
        case "nfproto": return NftTerm(constant: family == .v4 ? 2 : 10, .family)
        case "protocol": return NftTerm(constant: family == .v4 ? 0x0800 : 0x86dd, .ether)
        case "iifname", "iif": return NftTerm(.ingress, .interface)
        case "mark": return NftTerm(.mark, .number)
        case "length": return NftTerm(.length, .number)
        case "pkttype": return NftTerm(constant: 0, .packet)
        // A packet that has not been routed has no way out.
        case "oif", "oifname", "oiftype", "oifgroup", "oifkind": return nil
        default: throw Complaint("meta \(key): not understood")
        }
    }

    private func connection(_ body: JSONValue) throws(Complaint) -> NftTerm? {
        let key = body["key"]?.text ?? "", isReply = body["dir"]?.text == "reply"
        switch key {
        case "state": return NftTerm(.connectionState, .state)
        case "status": return NftTerm(.connectionStatus, .status)
        case "mark": return NftTerm(.connectionMark, .number)
        case "ip saddr" where family == .v6, "ip daddr" where family == .v6, "ip6 saddr" where family == .v4,
            "ip6 daddr" where family == .v4:
            return nil
        // A new connection is the packet's own.
        case "ip saddr" where !isReply, "ip6 saddr" where !isReply, "saddr" where !isReply: return NftTerm(.source, .address)
        case "ip daddr" where !isReply, "ip6 daddr" where !isReply, "daddr" where !isReply: return NftTerm(.destination, .address)
        case "proto-src" where !isReply: return NftTerm(.sourcePort, .port)
        case "proto-dst" where !isReply: return NftTerm(.destinationPort, .port)
        case "protocol": return NftTerm(.proto, .proto)
        case "l3proto": return NftTerm(constant: family == .v4 ? 2 : 10, .family)
        default: throw Complaint("ct \(key): not understood")
        }
    }

    private func route(_ body: JSONValue) throws(Complaint) -> NftTerm? {
        let flags = Set(body["flags"]?.list?.compactMap(\.text) ?? [body["flags"]?.text ?? ""]), result = body["result"]?.text ?? ""
        switch result {
        case "type" where flags == ["daddr"]: return NftTerm(.destinationType, .route)
        case "type" where flags == ["saddr"]: return NftTerm(.sourceType, .route)
        case "oif" where flags.subtracting(["mark"]) == ["saddr", "iif"]: return NftTerm(.reversePath, .presence)
        default: throw Complaint("fib \(flags.sorted().joined(separator: " . ")) \(result): not understood")
        }
    }

    /// What a mark is set to: the mark, that of the connection or a number, with bit operations on it.
    func markTerm(_ value: JSONValue) throws(Complaint) -> MarkTerm {
        if value.number != nil { return MarkTerm(.constant, mask: 0, toggle: UInt128(try Self.word(value))) }
        guard let (kind, body) = value.single else { throw Complaint("a mark that is not understood") }
        switch kind {
        case "meta" where body["key"]?.text == "mark": return MarkTerm(.mark)
        case "ct" where body["key"]?.text == "mark": return MarkTerm(.connectionMark)
        case "&", "|", "^":
            guard let sides = body.list, sides.count == 2 else { throw Complaint("\(kind): not understood in a mark") }
            let left = try markTerm(sides[0]), right = try markTerm(sides[1])
            guard left.field == .constant || right.field == .constant else { throw Complaint("\(kind): a mark stands on both sides") }
            return try Self.applying(kind, left.field == .constant ? left.toggle : right.toggle, to: left.field == .constant ? right : left)
        default: throw Complaint("\(kind): not understood in a mark")
        }
    }

    static func word(_ value: JSONValue) throws(Complaint) -> UInt32 {
        guard let number = value.number, let word = UInt32(exactly: number) else { throw Complaint("mark: a number is understood") }
        return word
    }
}
