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
/// ICMP message (`echo` without), and `len N` (the IP packet's bytes), `ttl N`, `tos N`, `id N`, `df`, `nodf`, `in IF`,
/// of TCP `seq N`, and of UDP `payload HEX`.
public struct PacketWords: Sendable, Hashable {
    public var source: IPAddress
    public var destination: IPAddress
    public var sourcePort: UInt16 = 0
    public var destinationPort: UInt16 = 0
    public var proto: UInt8
    public var flags: TCPFlags = .syn
    /// TCP's sequence number.
    public var sequence: UInt32 = 1
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
    /// UDP: what stands behind the header.
    public var payload: [UInt8] = []
    /// The packet that an ICMP error quotes, as an IP packet.
    public var quoted: [UInt8] = []

    public struct ICMPMessageName: Sendable, Hashable {
        public var type: UInt8
        public var code: UInt8
    }

    /// What is wrong with a description.
    public struct WordsProblem: Error, Hashable, CustomStringConvertible, Sendable {
        public var text: String
        /// Where the word stands that is not understood, from 1; 0 for the description as a whole.
        public var column = 0
        public var description: String { "the packet in words: " + text }
    }

    /// - Throws: `WordsProblem`.
    public init(_ text: String) throws(WordsProblem) { try self.init(text[...], isQuoted: false) }

    private init(_ text: Substring, isQuoted: Bool) throws(WordsProblem) {
        var words = try WordCursor(text)
        do throws(WordsProblem) { try self.init(&words, isQuoted) } catch {
            throw WordsProblem(text: error.text, column: error.column > 0 ? error.column : words.column)
        }
    }

    /// Takes all words; where it throws, the cursor stands at what is not understood.
    private init(_ words: inout WordCursor, _ isQuoted: Bool) throws(WordsProblem) {
        func next(_ what: String) throws(WordsProblem) -> String {
            guard let word = words.next() else { throw WordsProblem(text: "\(what) is missing") }
            return word
        }
        let name = try next("a protocol (tcp, udp, sctp or icmp)").lowercased()
        guard ["tcp", "udp", "sctp", "icmp", "icmpv6", "icmp6"].contains(name) else {
            throw WordsProblem(text: "\(name): the protocol is tcp, udp, sctp or icmp")
        }
        let isICMP = name.hasPrefix("icmp")
        func end(_ what: String) throws(WordsProblem) -> (address: IPAddress, port: UInt16) {
            let end = try Self.end(next(what))
            guard !isICMP || end.port == nil else { throw WordsProblem(text: "ICMP has no ports") }
            guard isICMP || end.port != nil else { throw WordsProblem(text: "\(name) needs ports: ADDRESS:PORT > ADDRESS:PORT") }
            return (end.address, end.port ?? 0)
        }
        (source, sourcePort) = try end("a source")
        guard try next("'>' between source and destination") == ">" else {
            throw WordsProblem(text: "expected '>' between source and destination")
        }
        (destination, destinationPort) = try end("a destination")
        guard source.isV4 == destination.isV4 else { throw WordsProblem(text: "\(source) and \(destination) are of two families") }
        switch name {
        case "tcp": proto = IPProtocol.tcp
        case "udp": proto = IPProtocol.udp
        case "sctp": proto = IPProtocol.sctp
        default:
            proto = source.isV4 ? IPProtocol.icmp : IPProtocol.icmpv6
            icmp = ICMPMessageName(type: source.isV4 ? ICMPType.echo : ICMPv6Type.echo, code: 0)
        }
        dontFragment = proto == IPProtocol.tcp
        while let word = words.next() { try take(word, &words) }
        if let quote = words.quote {
            guard !isQuoted else { throw WordsProblem(text: "a quoted packet quotes none") }
            // An error is at most 576 bytes long (RFC 1812 section 4.3.2.3), in IPv6 1280 (RFC 4443 section 2.4).
            quoted = try Array(PacketWords(quote, isQuoted: true).packet.prefix(source.isV4 ? 576 - 28 : 1280 - 48))
        }
        words.column = 0
        guard quoted.isEmpty || isICMPError else { throw WordsProblem(text: "only an ICMP error quotes a packet") }
        if isICMPError, quoted.isEmpty { throw WordsProblem(text: "an ICMP error quotes a packet: [tcp ADDRESS:PORT > ADDRESS:PORT]") }
        let least = packet.count
        if let length, length < least || length > 65535 { throw WordsProblem(text: "len \(length): \(least) to 65535 are possible") }
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

    private mutating func take(_ word: String, _ words: inout WordCursor) throws(WordsProblem) {
        func number<Number: FixedWidthInteger>(_ type: Number.Type) throws(WordsProblem) -> Number {
            guard let text = words.next() else { throw WordsProblem(text: "\(word): a number is missing") }
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
            guard let name = words.next() else { throw WordsProblem(text: "in: the name of an interface is missing") }
            interface = name
        case "payload" where proto == IPProtocol.udp: payload = try Self.payload(words.next() ?? "")
        case "seq" where proto == IPProtocol.tcp: sequence = try number(UInt32.self)
        case "mtu": mtu = try number(UInt32.self)
        case "type" where isICMP: icmp.type = try number(UInt8.self)
        case "code" where isICMP: icmp.code = try number(UInt8.self)
        case let pair where isICMP && pair.first?.isNumber == true: icmp = try Self.message(pair)
        default:
            switch proto {
            case IPProtocol.tcp: flags = try Self.flags(word)
            case IPProtocol.sctp: chunk = try Self.chunk(word)
            case IPProtocol.icmp, IPProtocol.icmpv6:
                let names = source.isV4 ? Self.messages4 : Self.messages6
                guard let message = names.first(where: { $0.0 == word.lowercased() }) else {
                    throw WordsProblem(
                        text: "\(word): the ICMP message is one of \(names.map { $0.0 }.joined(separator: ", ")), or TYPE/CODE in numbers")
                }
                icmp = ICMPMessageName(type: message.1, code: message.2)
            default: throw WordsProblem(text: "\(word): not understood")
            }
        }
    }

    /// `TYPE/CODE` or `TYPE`.
    private static func message(_ word: String) throws(WordsProblem) -> ICMPMessageName {
        let parts = word.split(separator: "/", omittingEmptySubsequences: false).map { UInt8($0) }
        guard parts.count <= 2, let type = parts[0], let code = parts.count == 2 ? parts[1] : 0 else {
            throw WordsProblem(text: "\(word): an ICMP message in numbers is TYPE/CODE, each from 0 to 255")
        }
        return ICMPMessageName(type: type, code: code)
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
