import LVS
import Wire

/// Options of the extensions that `-m` names.
extension IptablesRule {
    mutating func match(_ name: String, _ isNegated: Bool, _ given: String?) throws(Complaint) {
        let condition: MarkMatch.Condition
        switch name {
        case "--sport", "--source-port", "--dport", "--destination-port":
            demands.append((name, [6, 17, 33, 132, 136]))
            implyHeader()
            hasNativeOption = true
            let range = try Self.ports(value(of: name, given))
            condition = name.hasPrefix("--s") ? .sourcePort([range]) : .destinationPort([range])
        case "--sports", "--source-ports", "--dports", "--destination-ports", "--ports":
            try need("multiport", for: name)
            let ranges = try Self.portList(value(of: name, given))
            condition = name == "--ports" ? .eitherPort(ranges) : name.hasPrefix("--s") ? .sourcePort(ranges) : .destinationPort(ranges)
        case "--tcp-flags":
            demands.append((name, [6]))
            implyHeader()
            hasNativeOption = true
            let mask = try Self.flags(value(of: name, given))
            condition = .tcpFlags(mask: mask, value: try Self.flags(try words.argument(of: name)))
        case "--syn":
            demands.append((name, [6]))
            implyHeader()
            hasNativeOption = true
            condition = .tcpFlags(mask: 0x17, value: 0x02)
        case "--icmp-type" where family == .v4, "--icmpv6-type" where family == .v6:
            demands.append((name, [family == .v4 ? 1 : 58]))
            implyHeader()
            let text = try value(of: name, given)
            guard let (types, codes) = Self.icmp(text, family) else { throw Complaint("\(text): unknown ICMP type") }
            condition = .icmp(types: types, codes: codes)
        case "--mark":
            guard loaded.last == "mark" || loaded.last == "connmark" else { throw Complaint("--mark: needs -m mark") }
            let (bits, mask) = try Self.masked(value(of: name, given))
            condition = .masked(loaded.last == "mark" ? .mark : .connectionMark, mask: mask, value: bits)
        case "--dst-type", "--src-type":
            try need("addrtype", for: name)
            let types = try Self.addressTypes(value(of: name, given))
            condition = .lookup(MarkLookup(name == "--dst-type" ? .destinationType : .sourceType, types))
        case "--ctstate", "--state":
            try need(name == "--state" ? "state" : "conntrack", for: name)
            condition = .anyBit(.connectionState, try Self.states(value(of: name, given)))
        case "--ctstatus":
            try need("conntrack", for: name)
            condition = try Self.status(value(of: name, given))
        case "--ctdir":
            try need("conntrack", for: name)
            let direction = try value(of: name, given)
            condition = .lookup(MarkLookup(.constant, [direction.uppercased() == "ORIGINAL" ? 0...0 : 1...1]))
        case "--src-range", "--dst-range":
            try need("iprange", for: name)
            let range = try addresses(value(of: name, given))
            condition = .lookup(MarkLookup(name == "--src-range" ? .source : .destination, [range]))
        case "--mac-source":
            try need("mac", for: name)
            let text = try value(of: name, given)
            guard let mac = MACAddress(text) else { throw Complaint("\(text): no MAC address") }
            condition = .lookup(MarkLookup(.sourceMAC, [UInt128(mac.bits)...UInt128(mac.bits)]))
        case "--length":
            try need("length", for: name)
            let range = try Self.ports(value(of: name, given))
            condition = .lookup(MarkLookup(.length, [UInt128(range.lowerBound)...UInt128(range.upperBound)]))
        case "--ttl-eq", "--ttl-gt", "--ttl-lt", "--hl-eq", "--hl-gt", "--hl-lt":
            try need(name.hasPrefix("--ttl") ? "ttl" : "hl", for: name)
            condition = .lookup(MarkLookup(.hops, [try hops(name, value(of: name, given))]))
        case "--tos":
            try need("tos", for: name)
            let text = try value(of: name, given)
            let (bits, mask) = try Self.masked(text)
            condition = .masked(.typeOfService, mask: mask & 0xff, value: bits)
        case "--dscp":
            try need("dscp", for: name)
            let (bits, _) = try Self.masked(value(of: name, given), hasMask: false)
            condition = .lookup(MarkLookup([MarkTerm(.typeOfService, shift: 2)], in: MarkSet([UInt128(bits)...UInt128(bits)])))
        case "--pkt-type":
            try need("pkttype", for: name)
            // What is for a group or another host's MAC never opens a connection.
            condition = .lookup(MarkLookup(.constant, [try value(of: name, given) == "unicast" ? 0...0 : 1...1]))
        case "--invert" where loaded.last == "rpfilter":
            if let place = matches.lastIndex(where: { $0.isOfReversePath }) { matches[place].isNegated.toggle() }
            return
        case "--validmark" where loaded.last == "rpfilter", "--accept-local" where loaded.last == "rpfilter":
            return
        case "--comment":
            try need("comment", for: name)
            if isNegated { throw Complaint("--comment: cannot be negated") }
            _ = try value(of: name, given)
            return
        default:
            guard name.hasPrefix("--") else { throw Complaint("\(name): not understood") }
            // Its arguments cannot be told from what follows, but options begin with a dash.
            skip()
            condition = .unclear("\(name): not understood")
        }
        matches.append(MarkMatch(condition, isNegated: isNegated))
    }

    private func need(_ name: String, for option: String) throws(Complaint) {
        guard loaded.contains(name) else { throw Complaint("\(option): needs -m \(name)") }
    }

    private func addresses(_ text: String) throws(Complaint) -> ClosedRange<UInt128> {
        let ends = text.split(separator: "-", omittingEmptySubsequences: false).map { IPAddress($0) }
        guard (1...2).contains(ends.count), let first = ends[0], let last = ends[ends.count - 1], first.family == family,
            last.family == family, first <= last
        else { throw Complaint("\(text): no range of addresses") }
        return UInt128(first)...UInt128(last)
    }

    private func hops(_ name: String, _ text: String) throws(Complaint) -> ClosedRange<UInt128> {
        guard let number = UInt8(text) else { throw Complaint("\(text): no TTL") }
        let hops = UInt128(number)
        if name.hasSuffix("-eq") { return hops...hops }
        // None is above 255 or below 0.
        return name.hasSuffix("-gt") ? hops + 1...256 : hops == 0 ? 256...256 : 0...hops - 1
    }
}

extension MarkMatch {
    fileprivate var isOfReversePath: Bool {
        if case .lookup(let lookup) = condition { lookup.terms.first?.field == .reversePath } else { false }
    }
}
