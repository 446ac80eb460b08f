import Glibc
import LVS
import Wire

/// The values in rules: addresses, protocols, ports, flags and marks.
extension IptablesRule {
    /// `ADDRESS`, `ADDRESS/LENGTH` or `ADDRESS/MASK`; a name or short form stands only before `/0`.
    static func place(_ word: Substring, _ family: IPFamily) -> MaskedAddress? {
        let slash = word.firstIndex(of: "/")
        if let slash, let zero = UInt32(numeral: word[word.index(after: slash)...]), zero == 0, slash > word.startIndex {
            return MaskedAddress(.unspecified(family), length: 0)
        }
        guard let address = IPAddress(word[..<(slash ?? word.endIndex)]), address.family == family else { return nil }
        guard let slash else { return MaskedAddress(address, length: family.width) }
        let text = word[word.index(after: slash)...]
        if let length = UInt32(numeral: text) {
            return length <= family.width ? MaskedAddress(address, length: Int(length)) : nil
        }
        guard let mask = IPAddress(text), mask.family == family else { return nil }
        return MaskedAddress(address, mask: mask)
    }

    private static let protos: [String: UInt8] = [
        "all": 0, "icmp": 1, "igmp": 2, "ipencap": 4, "ipip": 4, "tcp": 6, "udp": 17, "dccp": 33, "ipv6": 41, "gre": 47, "esp": 50,
        "ipsec-esp": 50, "ah": 51, "ipsec-ah": 51, "icmpv6": 58, "ipv6-icmp": 58, "ospf": 89, "pim": 103, "vrrp": 112,
        "sctp": 132, "mh": 135, "mobility-header": 135, "udplite": 136,
    ]

    /// A protocol by name or number; 0 for all.
    static func proto(_ word: String) -> UInt8? {
        if let number = UInt32(numeral: word) { return UInt8(exactly: number) }
        return protos[word.lowercased()]
    }

    static func protoName(_ number: UInt8) -> String {
        switch number {
        case 1: "icmp"
        case 6: "tcp"
        case 17: "udp"
        case 33: "dccp"
        case 58: "ipv6-icmp"
        case 132: "sctp"
        case 136: "udplite"
        default: String(number)
        }
    }

    /// `PORT`, `FIRST:LAST`, `:LAST` or `FIRST:`.
    static func ports(_ word: some StringProtocol) throws(Complaint) -> ClosedRange<UInt16> {
        let ends = word.split(separator: ":", omittingEmptySubsequences: false)
        guard ends.count <= 2, !word.isEmpty, let first = ends[0].isEmpty ? 0 : port(ends[0]),
            let last = ends.count == 1 ? first : ends[1].isEmpty ? UInt16.max : port(ends[1])
        else {
            throw Complaint("\(word): invalid port or service")
        }
        guard first <= last else { throw Complaint("\(word): invalid port range (min > max)") }
        return first...last
    }

    /// What multiport takes: up to 15 ports, of which a range is two.
    static func portList(_ word: String) throws(Complaint) -> [ClosedRange<UInt16>] {
        var ranges: [ClosedRange<UInt16>] = []
        var count = 0
        for part in word.split(separator: ",", omittingEmptySubsequences: false) {
            count += part.contains(":") ? 2 : 1
            guard count <= 15 else { throw Complaint("\(word): more than 15 ports") }
            let range = try ports(part)
            // Unlike --dport, multiport takes no range of one port.
            if part.contains(":") && range.count == 1 { throw Complaint("\(part): invalid port range (min >= max)") }
            ranges.append(range)
        }
        return ranges
    }

    /// A port by number, or by its name in /etc/services.
    private static func port(_ word: some StringProtocol) -> UInt16? {
        if let number = UInt32(numeral: word) { return UInt16(exactly: number) }
        guard let first = word.utf8.first, first | 0x20 >= 0x61, first | 0x20 <= 0x7a else { return nil }
        var entry = servent()
        var found: UnsafeMutablePointer<servent>?
        var buffer = [CChar](repeating: 0, count: 1024)
        guard getservbyname_r(String(word), nil, &entry, &buffer, buffer.count, &found) == 0, found != nil else { return nil }
        return UInt16(truncatingIfNeeded: entry.s_port).byteSwapped
    }

    private static let flagBits: [String: UInt8] = [
        "FIN": 1, "SYN": 2, "RST": 4, "PSH": 8, "ACK": 16, "URG": 32, "ALL": 63, "NONE": 0,
    ]

    static func flags(_ word: String) throws(Complaint) -> UInt8 {
        var bits: UInt8 = 0
        for name in word.split(separator: ",", omittingEmptySubsequences: false) {
            guard let bit = flagBits[name.uppercased()] else { throw Complaint("\(name): unknown TCP flag") }
            bits |= bit
        }
        return bits
    }

    /// `VALUE` or `VALUE/MASK`, each decimal, `0x…` or octal behind a 0.
    static func masked(_ word: String, hasMask: Bool = true) throws(Complaint) -> (UInt32, UInt32) {
        let parts = word.split(separator: "/", omittingEmptySubsequences: false)
        guard parts.count == 1 || parts.count == 2 && hasMask, let value = mark(parts[0]),
            let mask = parts.count == 1 ? UInt32.max : mark(parts[1])
        else { throw Complaint("\(word): invalid mark") }
        return (value, mask)
    }

    private static func mark(_ word: Substring) -> UInt32? {
        guard word.first == "0", word.utf8.count > 1, let second = word.dropFirst().first, second.isNumber else {
            return UInt32(numeral: word)
        }
        return UInt32(word, radix: 8)
    }

    private static let icmpNames: [String: (ClosedRange<UInt8>, ClosedRange<UInt8>)] = [
        "echo-reply": (0...0, 0...255), "pong": (0...0, 0...255), "destination-unreachable": (3...3, 0...255),
        "network-unreachable": (3...3, 0...0), "host-unreachable": (3...3, 1...1), "protocol-unreachable": (3...3, 2...2),
        "port-unreachable": (3...3, 3...3), "fragmentation-needed": (3...3, 4...4), "redirect": (5...5, 0...255),
        "echo-request": (8...8, 0...255), "ping": (8...8, 0...255), "time-exceeded": (11...11, 0...255), "ttl-exceeded": (11...11, 0...255),
        "parameter-problem": (12...12, 0...255), "any": (0...255, 0...255), "255": (0...255, 0...255),
    ]
    private static let icmp6Names: [String: (ClosedRange<UInt8>, ClosedRange<UInt8>)] = [
        "destination-unreachable": (1...1, 0...255), "no-route": (1...1, 0...0), "address-unreachable": (1...1, 3...3),
        "port-unreachable": (1...1, 4...4), "packet-too-big": (2...2, 0...255), "time-exceeded": (3...3, 0...255),
        "ttl-exceeded": (3...3, 0...255), "parameter-problem": (4...4, 0...255), "echo-request": (128...128, 0...255),
        "ping": (128...128, 0...255),
        "echo-reply": (129...129, 0...255), "pong": (129...129, 0...255), "router-solicitation": (133...133, 0...255),
        "router-advertisement": (134...134, 0...255), "neighbour-solicitation": (135...135, 0...255),
        "neighbor-solicitation": (135...135, 0...255), "neighbour-advertisement": (136...136, 0...255),
        "neighbor-advertisement": (136...136, 0...255),
    ]

    /// `TYPE`, `TYPE/CODE` or a name, as the types and codes that are meant; `nil` for anything else.
    static func icmp(_ word: String, _ family: IPFamily) -> (types: ClosedRange<UInt8>, codes: ClosedRange<UInt8>)? {
        if let named = (family == .v4 ? icmpNames : icmp6Names)[word] { return named }
        let parts = word.split(separator: "/", omittingEmptySubsequences: false)
        guard parts.count <= 2, let number = UInt32(numeral: parts[0]), let type = UInt8(exactly: number) else { return nil }
        guard parts.count == 2 else { return (type...type, 0...255) }
        guard let number = UInt32(numeral: parts[1]), let code = UInt8(exactly: number) else { return nil }
        return (type...type, code...code)
    }

    private static let routeTypes: [String: UInt128] = [
        "UNSPEC": 0, "UNICAST": 1, "LOCAL": 2, "BROADCAST": 3, "ANYCAST": 4, "MULTICAST": 5, "BLACKHOLE": 6, "UNREACHABLE": 7,
        "PROHIBIT": 8,
    ]

    /// Types of addresses as addrtype names them, as numbers of RTN_* (linux/rtnetlink.h).
    static func addressTypes(_ word: String) throws(Complaint) -> [ClosedRange<UInt128>] {
        var types: [ClosedRange<UInt128>] = []
        for name in word.split(separator: ",") {
            guard let type = routeTypes[name.uppercased()] else { throw Complaint("\(name): unknown type of address") }
            types.append(type...type)
        }
        return types
    }

    /// States of connection tracking as bits; those of translated connections belong to no new one.
    static func states(_ word: String) throws(Complaint) -> UInt32 {
        let bits: [String: UInt32] = ["INVALID": 1, "ESTABLISHED": 2, "RELATED": 4, "NEW": 8, "UNTRACKED": 64, "SNAT": 0, "DNAT": 0]
        var states: UInt32 = 0
        for name in word.split(separator: ",") {
            guard let bit = bits[name.uppercased()] else { throw Complaint("\(name): unknown state of a connection") }
            states |= bit
        }
        return states
    }

    /// What a connection's status has to be: a new one has none of its bits.
    static func status(_ word: String) throws(Complaint) -> MarkMatch.Condition {
        let bits: [String: UInt32] = ["NONE": 0, "EXPECTED": 1, "SEEN_REPLY": 2, "ASSURED": 4, "CONFIRMED": 8]
        var status: UInt32 = 0, isNone = false
        for name in word.split(separator: ",") {
            guard let bit = bits[name.uppercased()] else { throw Complaint("\(name): unknown status of a connection") }
            status |= bit
            isNone = isNone || bit == 0
        }
        return isNone ? .masked(.connectionStatus, mask: .max, value: 0) : .anyBit(.connectionStatus, status)
    }
}
