import LVS
import Wire

extension NftRuleReader {
    /// What a match demands.
    /// - Returns: `nil` when no packet of the family can meet it.
    func conditions(_ match: JSONValue) throws(Complaint) -> [MarkMatch]? {
        guard let op = match["op"]?.text, let left = match["left"], let right = match["right"], let (kind, body) = left.single else {
            throw Complaint("match: not understood")
        }
        switch kind {
        case "payload":
            return try payload(body["protocol"]?.text ?? "", body["field"]?.text ?? "", op, right)
        case "meta":
            return try meta(body["key"]?.text ?? "", op, right)
        case "fib":
            let flags = body["flags"]?.list?.compactMap { $0.text } ?? [body["flags"]?.text ?? ""]
            guard body["result"]?.text == "type", flags == ["daddr"], right.text == "local" else {
                throw Complaint("fib: only daddr type local is understood")
            }
            return [MarkMatch(.local, isNegated: try isNegated(op, "fib"))]
        case "&":
            guard let sides = body.list, sides.count == 2, let (inner, field) = sides[0].single else { break }
            if inner == "meta", field["key"]?.text == "mark", let mask = try? word(sides[1]) {
                return [MarkMatch(.mark(value: try word(right), mask: mask), isNegated: try isNegated(op, "mark"))]
            }
            guard inner == "payload", let name = field["field"]?.text else { break }
            if name == "flags", field["protocol"]?.text == "tcp" {
                let condition = MarkMatch.Condition.tcpFlags(mask: try flags(sides[1]), value: try flags(right))
                return [MarkMatch(.proto([6])), MarkMatch(condition, isNegated: try isNegated(op, "flags"))]
            }
            if name == "frag-off", field["protocol"]?.text == "ip", sides[1].number == 0x1fff, right.number == 0 {
                guard family == .v4 else { return nil }
                return [MarkMatch(.laterFragment, isNegated: try !isNegated(op, "frag-off"))]
            }
        default: break
        }
        throw Complaint("\(kind): not understood")
    }

    private func payload(_ proto: String, _ field: String, _ op: String, _ right: JSONValue) throws(Complaint) -> [MarkMatch]? {
        let name = "\(proto) \(field)"
        switch (proto, field) {
        case ("ip", _) where family == .v6, ("ip6", _) where family == .v4, ("icmp", _) where family == .v6,
            ("icmpv6", _) where family == .v4:
            return nil
        case ("ip", "saddr"), ("ip6", "saddr"):
            return [MarkMatch(.source(try places(right)), isNegated: try isNegated(op, name))]
        case ("ip", "daddr"), ("ip6", "daddr"):
            return [MarkMatch(.destination(try places(right)), isNegated: try isNegated(op, name))]
        case ("ip", "protocol"), ("ip6", "nexthdr"):
            return [MarkMatch(.proto(try protos(right)), isNegated: try isNegated(op, name))]
        case ("tcp", "flags"):
            // `tcp flags syn` asks for any of the flags.
            guard op == "in" else {
                return [
                    MarkMatch(.proto([6])), MarkMatch(.tcpFlags(mask: 0xff, value: try flags(right)), isNegated: try isNegated(op, name)),
                ]
            }
            return [MarkMatch(.proto([6])), MarkMatch(.tcpFlags(mask: try flags(right), value: 0), isNegated: true)]
        case ("icmp", "type"), ("icmpv6", "type"):
            guard case let wanted = try elements(right), wanted.count == 1,
                let text = wanted[0].text ?? wanted[0].number.map({ String($0) }),
                let (types, codes) = MarkRuleWords.icmp(text, family)
            else { throw Complaint("\(name): one type is understood") }
            return [
                MarkMatch(.proto([family == .v4 ? 1 : 58])),
                MarkMatch(.icmp(types: types, codes: codes), isNegated: try isNegated(op, name)),
            ]
        case (_, "sport"), (_, "dport"):
            var ranges = try ports(right)
            var isNegated = false
            switch op {
            case "<=" where ranges.count == 1: ranges = [0...ranges[0].upperBound]
            case ">=" where ranges.count == 1: ranges = [ranges[0].lowerBound...UInt16.max]
            case "<" where ranges.count == 1: (ranges, isNegated) = ([ranges[0].lowerBound...UInt16.max], true)
            case ">" where ranges.count == 1: (ranges, isNegated) = ([0...ranges[0].upperBound], true)
            default: isNegated = try self.isNegated(op, name)
            }
            let condition = MarkMatch(field == "sport" ? .sourcePort(ranges) : .destinationPort(ranges), isNegated: isNegated)
            if proto == "th" { return [condition] }
            guard let number = MarkRuleWords.proto(proto) else { break }
            return [MarkMatch(.proto([number])), condition]
        default: break
        }
        throw Complaint("\(name): not understood")
    }

    private func meta(_ key: String, _ op: String, _ right: JSONValue) throws(Complaint) -> [MarkMatch]? {
        let isNegated = try isNegated(op, key)
        switch key {
        case "l4proto": return [MarkMatch(.proto(try protos(right)), isNegated: isNegated)]
        case "nfproto", "protocol":
            let names = try elements(right).compactMap { $0.text }
            let own = key == "nfproto" ? (family == .v4 ? "ipv4" : "ipv6") : (family == .v4 ? "ip" : "ip6")
            return names.contains(own) != isNegated ? [] : nil
        case "iifname", "iif":
            var names: [String] = []
            for element in try elements(right) {
                guard let name = element.text else { throw Complaint("\(key): not understood") }
                names.append(name.hasSuffix("*") ? name.dropLast() + "+" : name)
            }
            return [MarkMatch(.ingress(names), isNegated: isNegated)]
        case "mark":
            guard case let marks = try elements(right), marks.count == 1 else { throw Complaint("mark: one value is understood") }
            return [MarkMatch(.mark(value: try word(marks[0]), mask: UInt32.max), isNegated: isNegated)]
        default: throw Complaint("meta \(key): not understood")
        }
    }

    private func isNegated(_ op: String, _ name: String) throws(Complaint) -> Bool {
        switch op {
        case "==", "in": false
        case "!=": true
        default: throw Complaint("\(name) \(op): not understood")
        }
    }

    private func word(_ value: JSONValue) throws(Complaint) -> UInt32 {
        guard let number = value.number, let word = UInt32(exactly: number) else { throw Complaint("mark: a number is understood") }
        return word
    }

    private func protos(_ right: JSONValue) throws(Complaint) -> [UInt8] {
        var protos: [UInt8] = []
        for element in try elements(right) {
            guard let proto = element.text.flatMap({ MarkRuleWords.proto($0) }) ?? element.number.flatMap({ UInt8(exactly: $0) }) else {
                throw Complaint("\(element.text ?? "protocol"): unknown protocol")
            }
            protos.append(proto)
        }
        return protos
    }

    private func ports(_ right: JSONValue) throws(Complaint) -> [ClosedRange<UInt16>] {
        func port(_ value: JSONValue) throws(Complaint) -> UInt16 {
            guard let number = value.number, let port = UInt16(exactly: number) else {
                throw Complaint("\(value.text ?? "port"): invalid port")
            }
            return port
        }
        var ranges: [ClosedRange<UInt16>] = []
        for element in try elements(right) {
            let ends = element["range"]?.list ?? [element, element]
            guard ends.count == 2, case (let first, let last) = (try port(ends[0]), try port(ends[1])), first <= last else {
                throw Complaint("range: invalid ports")
            }
            ranges.append(first...last)
        }
        return ranges
    }

    private func flags(_ value: JSONValue) throws(Complaint) -> UInt8 {
        if let number = value.number, let bits = UInt8(exactly: number) { return bits }
        if let name = value.text { return try MarkRuleWords.flags(name) }
        guard let names = value.list ?? value["|"]?.list else { throw Complaint("tcp flags: not understood") }
        var bits: UInt8 = 0
        for name in names { bits |= try flags(name) }
        return bits
    }

    private func places(_ right: JSONValue) throws(Complaint) -> [MaskedAddress] {
        func address(_ value: JSONValue?) throws(Complaint) -> IPAddress {
            guard let text = value?.text, let address = IPAddress(text), address.family == family else {
                throw Complaint("\(value?.text ?? "address"): no address that is understood")
            }
            return address
        }
        var places: [MaskedAddress] = []
        for element in try elements(right) {
            if let prefix = element["prefix"] {
                guard let length = prefix["len"]?.number, (0...Int64(family.width)).contains(length) else {
                    throw Complaint("prefix: invalid length")
                }
                places.append(MaskedAddress(try address(prefix["addr"]), length: Int(length)))
            } else if let ends = element["range"]?.list, ends.count == 2 {
                places += Self.prefixes(from: try address(ends[0]), through: try address(ends[1]))
            } else {
                places.append(MaskedAddress(try address(element), length: family.width))
            }
        }
        return places
    }

    /// The fewest prefixes that make up a range of addresses, none for a range that ends before it begins.
    static func prefixes(from first: IPAddress, through last: IPAddress) -> [MaskedAddress] {
        var prefixes: [MaskedAddress] = []
        var next = first
        while next <= last {
            var length = next.family.width
            // The widest prefix that begins here and does not reach beyond the end.
            while length > 0, next.masked(to: length - 1) == next, end(of: next, length - 1) <= last { length -= 1 }
            prefixes.append(MaskedAddress(next, length: length))
            let end = end(of: next, length)
            if end >= last { break }
            let (low, carry) = end.low.addingReportingOverflow(1)
            next = IPAddress(high: carry ? end.high &+ 1 : end.high, low: low)
        }
        return prefixes
    }

    private static func end(of prefix: IPAddress, _ length: Int) -> IPAddress {
        let mask = MaskedAddress(prefix, length: length).mask
        if prefix.isV4 { return IPAddress(v4: prefix.v4 | ~mask.v4) }
        return IPAddress(high: prefix.high | ~mask.high, low: prefix.low | ~mask.low)
    }
}
