import Glibc
public import Wire

/// Resolves the names that an administrator may write, or see, instead of numbers.
public protocol NameResolver {
    /// The first IPv4 address of a host name.
    func address(ofHost name: String) -> IPAddress?
    /// The port, host order, of a service name for TCP, UDP or SCTP.
    func port(ofService name: String, proto: UInt8) -> UInt16?
    func hostName(of address: IPAddress) -> String?
    func serviceName(ofPort port: UInt16, proto: UInt8) -> String?
}

/// A `host[:port]` as written.
struct Endpoint {
    var family: IPFamily
    var address: IPAddress
    var port: UInt16?
    /// More than one port, see `ServiceKey.ranges`.
    var ranges: [ClosedRange<UInt16>] = []

    /// Reads a host, or address, with or without a port: `[v6]:port`, bare IPv6, or a name or any `inet_aton` form split at
    /// the last colon. All digits are refused. With square brackets an IPv4 host loses its port, as in ipvsadm.
    init?(_ text: String, proto: UInt8, ranges allowed: Bool, names: some NameResolver) {
        var host = Array(text.utf8)[...]
        guard host.contains(where: { $0 < 0x30 || $0 > 0x39 }) else { return nil }
        var port: ArraySlice<UInt8>?
        if host.first == UInt8(ascii: "[") {
            host.removeFirst()
            guard let close = host.firstIndex(of: UInt8(ascii: "]")), close + 1 < host.endIndex,
                host[close + 1] == UInt8(ascii: ":")
            else { return nil }
            port = host[(close + 2)...]
            host = host[..<close]
        }
        if let address = Self.v6(String(decoding: host, as: UTF8.self)) {
            family = .v6
            self.address = address
        } else {
            port = nil
            if let colon = host.lastIndex(of: UInt8(ascii: ":")) {
                port = host[(colon + 1)...]
                host = host[..<colon]
            }
            guard let address = Self.v4(String(decoding: host, as: UTF8.self), names: names) else { return nil }
            family = .v4
            self.address = address
        }
        guard let port else { return }
        let word = String(decoding: port, as: UTF8.self)
        if let number = Self.port(word, proto: proto, names: names) {
            self.port = number
        } else if allowed, let ranges = Self.ports(word, proto: proto, names: names) {
            self.port = ranges[0].lowerBound
            self.ranges = ranges.count == 1 && ranges[0].count == 1 ? [] : ranges
        } else {
            return nil
        }
    }

    /// An IPv6 address in any form of RFC 4291 section 2.2, which has two colons at least; an IPv4-mapped one stays IPv6, see
    /// `Endpoint.family`.
    static func v6(_ text: String) -> IPAddress? { text.utf8.count { $0 == UInt8(ascii: ":") } > 1 ? IPAddress(text) : nil }

    /// Any form `inet_aton` takes (`10.1`, octal, hexadecimal), else a host name.
    static func v4(_ text: String, names: some NameResolver) -> IPAddress? {
        var number = in_addr()
        if inet_aton(text, &number) != 0 { return IPAddress(v4: UInt32(bigEndian: number.s_addr)) }
        return text.isEmpty ? nil : names.address(ofHost: text)
    }

    private static func port(_ word: String, proto: UInt8, names: some NameResolver) -> UInt16? {
        if let number = Number.within(0...65535, word) { return UInt16(number) }
        return word.isEmpty ? nil : names.port(ofService: word, proto: proto)
    }

    /// `80,443` or `8000-8099` or both; numbers or names, no port 0, nothing twice.
    private static func ports(_ word: String, proto: UInt8, names: some NameResolver) -> [ClosedRange<UInt16>]? {
        var ranges: [ClosedRange<UInt16>] = []
        for part in word.split(separator: ",", omittingEmptySubsequences: false) {
            let range: ClosedRange<UInt16>
            if let single = port(String(part), proto: proto, names: names) {
                range = single...single
            } else {
                // A service name may hold a dash itself: every dash is tried as the one between two ports.
                let dashes = part.indices.filter { part[$0] == "-" }
                let found = dashes.lazy.compactMap { dash -> ClosedRange<UInt16>? in
                    guard let low = port(String(part[..<dash]), proto: proto, names: names),
                        let high = port(String(part[part.index(after: dash)...]), proto: proto, names: names),
                        low <= high
                    else { return nil }
                    return low...high
                }.first
                guard let found else { return nil }
                range = found
            }
            guard range.lowerBound > 0, !ranges.contains(where: { $0.overlaps(range) }) else { return nil }
            ranges.append(range)
        }
        // One order, so that a service is found however its ports are written.
        guard !ranges.isEmpty, ranges.count <= ControlConstants.maximumRanges else { return nil }
        return ranges.sorted { $0.lowerBound < $1.lowerBound }
    }

    /// `ADDR`, `ADDR-ADDR`, or several of them with commas: the local addresses of FULLNAT.
    static func localAddresses(_ text: String) -> [ClosedRange<IPAddress>]? {
        var ranges: [ClosedRange<IPAddress>] = []
        for part in text.split(separator: ",", omittingEmptySubsequences: false) {
            let ends = part.split(separator: "-", maxSplits: 1, omittingEmptySubsequences: false).map { IPAddress(bare($0)) }
            guard let first = ends[0], let last = ends[ends.count - 1], first.family == last.family, first <= last else {
                return nil
            }
            ranges.append(first...last)
        }
        return ranges
    }

    private static func bare(_ text: Substring) -> Substring {
        text.first == "[" && text.last == "]" && text.count > 2 ? text.dropFirst().dropLast() : text
    }
}
