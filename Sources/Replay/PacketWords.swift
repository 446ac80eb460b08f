internal import Admin
internal import LVS
public import Wire

/// A packet described in words, as people write it down and as printouts show it.
///
///     tcp 198.51.100.7:5555 > 192.0.2.1:80 SYN
///     udp [2001:db8::7]:5555 > [2001:db8::1]:53 len 1280 ttl 9
///     icmp 10.0.0.9 > 192.0.2.1 fragmentation-needed mtu 1400 [tcp 192.0.2.1:80 > 198.51.100.7:5555]
///
/// Behind the addresses come, in any order: TCP flags (`SYN,ACK`, `[SA]`; SYN without), an SCTP chunk (`INIT` without), an
/// ICMP message (`echo` without), and `len N` (the IP packet's bytes), `ttl N`, `tos N`, `id N`, `df`, `nodf`, `in IF`.
public struct PacketWords: Sendable, Hashable {
    public var source: IPAddress
    public var destination: IPAddress
    public var sourcePort: UInt16 = 0
    public var destinationPort: UInt16 = 0
    public var proto: UInt8
    public var flags: TCPFlags = .syn
    public var chunk: UInt8 = 1
    public var icmp = ICMPMessageName(type: 0, code: 0)
    /// The 16 or 32 bits of an ICMP message that say an MTU.
    public var mtu: UInt32 = 0
    /// IP packet's bytes; `nil` for just its headers.
    public var length: Int?
    public var ttl: UInt8 = 64
    public var tos: UInt8 = 0
    public var id: UInt16 = 0
    /// IPv4: TCP sets it unless told otherwise.
    public var dontFragment: Bool
    /// Name of the interface that it comes in by.
    public var interface: String?
    /// The packet that an ICMP error quotes, as an IP packet.
    public var quoted: [UInt8] = []

    public struct ICMPMessageName: Sendable, Hashable {
        public var type: UInt8
        public var code: UInt8
    }

    /// What is wrong with a description.
    public struct WordsProblem: Error, Hashable, CustomStringConvertible, Sendable {
        public var text: String
        public var description: String { "the packet in words: " + text }
    }

    /// - Throws: `WordsProblem`.
    public init(_ text: String) throws(WordsProblem) { try self.init(text, depth: 0) }

    private init(_ text: String, depth: Int) throws(WordsProblem) {
        var text = text
        var quote: String?
        // What stands in square brackets with a blank is a quoted packet, else flags or an IPv6 address.
        if let open = text.firstIndex(of: "["), let close = text.lastIndex(of: "]"), let from = Self.quoteStart(text, open) {
            guard from < close else { throw WordsProblem(text: "a quoted packet stands in [ ]") }
            quote = String(text[text.index(after: from)..<close])
            text.removeSubrange(from...close)
        }
        var words = text.split(whereSeparator: \.isWhitespace).map(String.init)[...]
        func next(_ what: String) throws(WordsProblem) -> String {
            guard let word = words.popFirst() else { throw WordsProblem(text: "\(what) is missing") }
            return word
        }
        let name = try next("a protocol (tcp, udp, sctp or icmp)").lowercased()
        let from = try Self.end(next("a source"))
        guard try next("'>' between source and destination") == ">" else {
            throw WordsProblem(text: "expected '>' between source and destination")
        }
        let to = try Self.end(next("a destination"))
        guard from.address.isV4 == to.address.isV4 else {
            throw WordsProblem(text: "\(from.address) and \(to.address) are of two families")
        }
        (source, destination) = (from.address, to.address)
        switch name {
        case "tcp": proto = IPProtocol.tcp
        case "udp": proto = IPProtocol.udp
        case "sctp": proto = IPProtocol.sctp
        case "icmp", "icmpv6", "icmp6":
            proto = from.address.isV4 ? IPProtocol.icmp : IPProtocol.icmpv6
            icmp = ICMPMessageName(type: from.address.isV4 ? ICMPType.echo : ICMPv6Type.echo, code: 0)
        default: throw WordsProblem(text: "\(name): the protocol is tcp, udp, sctp or icmp")
        }
        dontFragment = proto == IPProtocol.tcp
        if name.hasPrefix("icmp") {
            guard from.port == nil, to.port == nil else { throw WordsProblem(text: "ICMP has no ports") }
        } else {
            guard let a = from.port, let b = to.port else { throw WordsProblem(text: "\(name) needs ports: ADDRESS:PORT > ADDRESS:PORT") }
            (sourcePort, destinationPort) = (a, b)
        }
        while let word = words.popFirst() { try take(word, &words) }
        if let quote {
            guard depth == 0 else { throw WordsProblem(text: "a quoted packet quotes none") }
            quoted = try PacketWords(quote, depth: 1).packet
        }
        guard quoted.isEmpty || isICMPError else { throw WordsProblem(text: "only an ICMP error quotes a packet") }
        if isICMPError, quoted.isEmpty { throw WordsProblem(text: "an ICMP error quotes a packet: [tcp ADDRESS:PORT > ADDRESS:PORT]") }
        let least = packet.count
        if let length, length < least || length > 65535 { throw WordsProblem(text: "len \(length): \(least) to 65535 are possible") }
    }

    private static func quoteStart(_ text: String, _ first: String.Index) -> String.Index? {
        var place: String.Index? = first
        while let open = place {
            let inside = text[text.index(after: open)...].prefix { $0 != "]" }
            if inside.contains(where: \.isWhitespace) { return open }
            place = text[text.index(after: open)...].firstIndex(of: "[")
        }
        return nil
    }

    /// `ADDRESS`, `ADDRESS:PORT` or `[ADDRESS]:PORT`.
    private static func end(_ word: String) throws(WordsProblem) -> (address: IPAddress, port: UInt16?) {
        if let address = IPAddress(word) { return (address, nil) }
        guard let colon = word.lastIndex(of: ":") else { throw WordsProblem(text: "\(word): expected ADDRESS:PORT") }
        var host = word[..<colon]
        if host.first == "[", host.last == "]" {
            host = host.dropFirst().dropLast()
        } else if host.contains(":") {
            throw WordsProblem(text: "\(word): an IPv6 address with a port is [ADDRESS]:PORT")
        }
        guard let address = IPAddress(host) else { throw WordsProblem(text: "\(host): not an address") }
        guard let port = UInt16(word[word.index(after: colon)...]) else {
            throw WordsProblem(text: "\(word): the port is a number from 0 to 65535")
        }
        return (address, port)
    }

    private mutating func take(_ word: String, _ words: inout ArraySlice<String>) throws(WordsProblem) {
        func number<Number: FixedWidthInteger>(_ type: Number.Type) throws(WordsProblem) -> Number {
            guard let text = words.popFirst() else { throw WordsProblem(text: "\(word): a number is missing") }
            let isHex = text.hasPrefix("0x")
            guard let value = Number(isHex ? text.dropFirst(2) : text[...], radix: isHex ? 16 : 10) else {
                throw WordsProblem(text: "\(word) \(text): expected a number from 0 to \(Number.max)")
            }
            return value
        }
        switch word.lowercased() {
        case "len": length = Int(try number(UInt32.self))
        case "ttl", "hops": ttl = try number(UInt8.self)
        case "tos": tos = try number(UInt8.self)
        case "id": id = try number(UInt16.self)
        case "df": dontFragment = true
        case "nodf": dontFragment = false
        case "in":
            guard let name = words.popFirst() else { throw WordsProblem(text: "in: the name of an interface is missing") }
            interface = name
        case "mtu": mtu = try number(UInt32.self)
        case "type" where isICMP: icmp.type = try number(UInt8.self)
        case "code" where isICMP: icmp.code = try number(UInt8.self)
        default:
            switch proto {
            case IPProtocol.tcp: flags = try Self.flags(word)
            case IPProtocol.sctp: chunk = try Self.chunk(word)
            case IPProtocol.icmp, IPProtocol.icmpv6:
                let names = source.isV4 ? Self.messages4 : Self.messages6
                guard let message = names.first(where: { $0.0 == word.lowercased() }) else {
                    throw WordsProblem(
                        text: "\(word): the ICMP message is one of \(names.map { $0.0 }.joined(separator: ", ")), or type N code N")
                }
                icmp = ICMPMessageName(type: message.1, code: message.2)
            default: throw WordsProblem(text: "\(word): not understood")
            }
        }
    }

    private var isICMP: Bool { proto == IPProtocol.icmp || proto == IPProtocol.icmpv6 }

    var isICMPError: Bool {
        proto == IPProtocol.icmp ? [3, 4, 5, 11, 12].contains(icmp.type) : proto == IPProtocol.icmpv6 && icmp.type < 128
    }

    private static func flags(_ word: String) throws(WordsProblem) -> TCPFlags {
        let names: [(String, TCPFlags)] = [
            ("FIN", .fin), ("SYN", .syn), ("RST", .rst), ("PSH", .psh), ("ACK", .ack), ("URG", .urg),
            ("ECE", TCPFlags(rawValue: 0x40)), ("CWR", TCPFlags(rawValue: 0x80)), ("NONE", []),
        ]
        if word.hasPrefix("["), word.hasSuffix("]") {
            var flags: TCPFlags = []
            for letter in word.dropFirst().dropLast().uppercased() {
                guard let place = Array("FSRPAUEC").firstIndex(of: letter) else {
                    throw WordsProblem(text: "\(word): the flags are letters out of FSRPAUEC")
                }
                flags.insert(TCPFlags(rawValue: 1 << UInt8(place)))
            }
            return flags
        }
        var flags: TCPFlags = []
        for part in word.uppercased().split(whereSeparator: { ",+|".contains($0) }) {
            guard let found = names.first(where: { $0.0 == part }) else {
                throw WordsProblem(
                    text:
                        "\(word): neither a TCP flag (\(names.map { $0.0 }.joined(separator: ", "))) nor len, ttl, tos, id, df, nodf or in")
            }
            flags.formUnion(found.1)
        }
        return flags
    }

    private static func chunk(_ word: String) throws(WordsProblem) -> UInt8 {
        let names = [
            "DATA", "INIT", "INIT-ACK", "SACK", "HEARTBEAT", "HEARTBEAT-ACK", "ABORT", "SHUTDOWN", "SHUTDOWN-ACK",
            "ERROR", "COOKIE-ECHO", "COOKIE-ACK", "ECNE", "CWR", "SHUTDOWN-COMPLETE",
        ]
        guard let place = names.firstIndex(of: word.uppercased()) else {
            throw WordsProblem(text: "\(word): the SCTP chunk is one of \(names.joined(separator: ", "))")
        }
        return UInt8(place)
    }

    private static var messages4: [(String, UInt8, UInt8)] {
        [
            ("echo", 8, 0), ("echo-reply", 0, 0), ("net-unreachable", 3, 0), ("host-unreachable", 3, 1), ("protocol-unreachable", 3, 2),
            ("port-unreachable", 3, 3), ("fragmentation-needed", 3, 4), ("source-quench", 4, 0), ("redirect", 5, 1),
            ("time-exceeded", 11, 0),
            ("reassembly-time-exceeded", 11, 1), ("parameter-problem", 12, 0), ("timestamp", 13, 0),
        ]
    }

    private static var messages6: [(String, UInt8, UInt8)] {
        [
            ("echo", 128, 0), ("echo-reply", 129, 0), ("no-route", 1, 0), ("address-unreachable", 1, 3), ("port-unreachable", 1, 4),
            ("packet-too-big", 2, 0), ("time-exceeded", 3, 0), ("reassembly-time-exceeded", 3, 1), ("parameter-problem", 4, 0),
        ]
    }
}
