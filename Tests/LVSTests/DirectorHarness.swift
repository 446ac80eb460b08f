import LVS
import PacketKit
import Testing
import Wire

import enum PacketKit.Packet

/// A whole director with servers A, B and C (10.2.0.11 to 13 or fd00:2::11 to 13), driven by a script of words. Words that
/// ask come back with the answer:
///
///     S:tcp80,rr       add a service: tcp, udp, sctp or fwm with its port or mark; then p60 (persistent), m24 (netmask), o
///     E:lc,p60         edit the service named last: scheduler and options
///     D  C             delete it; flush all
///     +A3x4y2 =A0 -A   add, edit, remove a server of it
///     @60              time goes on by 60 seconds
///     *                another director takes over
///     vs.drop_entry=3  set a switch
///     s1:B             client 1 sends a SYN, which goes to B
///     a1.2>443:A       client 1 from another port sends an ACK to port 443
///     s1-3,1:BABA      the SYNs of clients 1, 2, 3 and 1
///     state1=FIN_WAIT/120  template1=B/360  load.A=active/inactive/templates  conns.A=4  count=5  list=CBA
///
/// Kinds of packets: s SYN, a ACK, f FIN, r RST, n no flag, u UDP, i INIT, e COOKIE-ECHO, d DATA; in capitals from the server
/// that the client's packet went to last. Fates: a server's letter; `!` no server, `.` dropped as its server is gone, `-` by
/// drop_packet, `^` refused by the host, `<` a reply on its way, `%` the table is full.
final class DirectorHarness {
    let bench: TranslationFixture
    private let family: IPFamily
    private let method: ForwardingMethod
    private var service = ServiceKey(proto: IPProtocol.tcp, address: IPAddress(v4: 0), port: 0)
    private var lastServer: [Int: Character] = [:]

    init(_ family: IPFamily = .v4, method: ForwardingMethod = .directRouting, connections: Int = 4096, outlives: Bool = false) {
        bench = TranslationFixture(connections: connections, outlives: outlives)
        self.family = family
        self.method = method
    }

    /// Runs the script and gives back its words, with what happened in place of what was said after `:` and `=`.
    func run(_ script: String) throws -> String {
        try script.split(separator: " ").map { try run(word: $0) }.joined(separator: " ")
    }

    private func run(word: Substring) throws -> String {
        let rest = word.dropFirst()
        switch word.first {
        case "S" where rest.first == ":": try addService(rest.dropFirst().split(separator: ","))
        case "E" where rest.first == ":": try bench.apply(.editService(service, try settings(rest.dropFirst().split(separator: ","))))
        case "D" where rest.isEmpty: try bench.apply(.deleteService(service))
        case "C" where rest.isEmpty: try bench.apply(.flush)
        case "*" where rest.isEmpty: try bench.replaceDirector()
        case "+": try bench.apply(.addServer(service, try server(rest.first), try server(settings: rest.dropFirst())))
        case "=": try bench.apply(.editServer(service, try server(rest.first), try server(settings: rest.dropFirst())))
        case "-": try bench.apply(.deleteServer(service, try server(rest.first)))
        case "@": bench.pass(seconds: try #require(Int64(rest)))
        default:
            if let end = word.firstIndex(of: ":") { return word[...end] + String(try send(word[..<end])) }
            let end = try #require(word.firstIndex(of: "="), "\(word)")
            let name = word[..<end]
            if name.hasPrefix("vs.") {
                bench.tune { try? $0.set(String(name), to: String(word[word.index(after: end)...])) }
                return String(word)
            }
            return name + "=" + (try ask(name))
        }
        return String(word)
    }

    private func virtual(_ number: Substring) -> IPAddress {
        TranslationFixture.ip((family == .v4 ? "203.0.113." : "2001:db8:f::") + number)
    }

    private func addService(_ words: [Substring]) throws {
        let name = try #require(words.first)
        let number = try #require(UInt32(name.drop { $0.isLetter }))
        let protos = ["tcp": IPProtocol.tcp, "udp": IPProtocol.udp, "sctp": IPProtocol.sctp]
        if name.hasPrefix("fwm") {
            service = ServiceKey(mark: number, family: family)
        } else {
            let proto = try #require(protos[String(name.prefix { $0.isLetter })])
            service = ServiceKey(proto: proto, address: virtual("10"), port: try #require(UInt16(exactly: number)))
        }
        try bench.apply(.addService(service, try settings(words.dropFirst())))
    }

    private func settings(_ words: some Collection<Substring>) throws -> ServiceSettings {
        var settings = ServiceSettings(scheduler: String(try #require(words.first)), netmask: family == .v4 ? 0xffff_ffff : 128)
        for word in words.dropFirst() {
            let number = UInt32(word.dropFirst())
            switch word.first {
            case "o": settings.flags.insert(.onePacket)
            case "p":
                settings.flags.insert(.persistent)
                settings.timeout = try #require(number)
            default: settings.netmask = family == .v4 ? .max << (32 - (try #require(number))) : try #require(number)
            }
        }
        return settings
    }

    private func server(_ letter: Character?) throws -> ServerKey {
        let number = UInt64(try #require(letter?.asciiValue)) - 65
        let address = family == .v4 ? IPAddress(v4: 0x0a02_000b + UInt32(number)) : IPAddress(high: 0xfd00_0002 << 32, low: 0x11 + number)
        return ServerKey(address: address, port: service.port)
    }

    /// `3`, `3x4`, `3x4y2`.
    private func server(settings text: Substring) throws -> ServerSettings {
        let lower = text.split(separator: "y"), upper = lower[0].split(separator: "x")
        return ServerSettings(
            method: method, weight: try #require(Int32(upper[0])),
            upperThreshold: upper.count > 1 ? try #require(UInt32(upper[1])) : 0,
            lowerThreshold: lower.count > 1 ? try #require(UInt32(lower[1])) : 0)
    }

    /// The fates of packets of one kind.
    private func send(_ word: Substring) throws -> String {
        var fates = ""
        for part in word.dropFirst().split(separator: ",") {
            let ends = part.split(separator: "-")
            if ends.count == 2, let first = Int(ends[0]), let last = Int(ends[1]) {
                for client in first...last { fates.append(try send(try #require(word.first), "\(client)")) }
            } else {
                fates.append(try send(try #require(word.first), part))
            }
        }
        return fates
    }

    private func send(_ kind: Character, _ way: Substring) throws -> Character {
        let parts = way.split(separator: ">")
        let from = parts[0].split(separator: ".")
        let number = try #require(Int(from[0])), shift = from.count > 1 ? try #require(UInt16(from[1])) : 0
        let client = Endpoint(self.client(number), 4000 + shift)
        let to = parts.count > 1 ? parts[1].split(separator: ".") : []
        let port = to.isEmpty ? (service.port == 0 ? 80 : service.port) : try #require(UInt16(to[to.count - 1]))
        let virtual = Endpoint(virtual(to.count > 1 ? to[0] : "10"), port)
        guard kind.isUppercase else {
            let out = bench.send(try packet(kind, from: client, to: virtual))
            let fate = fate(of: out)
            if fate.isLetter { lastServer[number] = fate }
            return fate
        }
        let server = try server(lastServer[number])
        let source = method == .masquerading ? Endpoint(server.address, port) : virtual
        bench.send(try packet(Character(kind.lowercased()), from: source, to: client))
        return fate(of: [])
    }

    private func client(_ number: Int) -> IPAddress {
        family == .v4 ? IPAddress(v4: 0xc633_6400 + UInt32(number)) : IPAddress(high: 0x2001_0db8_000c_0000, low: UInt64(number))
    }

    private func packet(_ kind: Character, from source: Endpoint, to destination: Endpoint) throws -> [UInt8] {
        switch kind {
        case "s": Packet.tcp(from: source, to: destination)
        case "a": Packet.tcp(from: source, to: destination, flags: .ack)
        case "f": Packet.tcp(from: source, to: destination, flags: [.fin, .ack])
        case "r": Packet.tcp(from: source, to: destination, flags: .rst)
        case "n": Packet.tcp(from: source, to: destination, flags: [])
        case "u": Packet.udp(from: source, to: destination, payload: [1])
        case "i": Packet.sctp(from: source, to: destination, chunks: [.initiation()])
        case "e": Packet.sctp(from: source, to: destination, chunks: [.cookieEcho])
        default: Packet.sctp(from: source, to: destination, chunks: [.data()])
        }
    }

    /// Servers are told by their MAC.
    private func fate(of frames: [[UInt8]]) -> Character {
        switch bench.verdict {
        case .directRouting, .masquerading, .tunneling:
            guard let last = frames.first?[5], (0x11...0x13).contains(last) else { return "?" }
            return Character(Unicode.Scalar(last - 0x11 + 65))
        case .noServer: return "!"
        case .serverGone: return "."
        case .dropPacketDefence: return "-"
        case .reset, .portUnreachable, .noResponder: return "^"
        case .replyTranslated, .passReply: return "<"
        case .tableFull: return "%"
        default: return "?"
        }
    }

    private func ask(_ name: Substring) throws -> String {
        if name == "count" { return "\(bench.connections.count)" }
        let record = bench.inventory.services.first { $0.key == service }
        if name == "list" { return String(try (record?.servers ?? []).map { try letter($0.key.address) }) }
        if name.hasPrefix("state") || name.hasPrefix("template") {
            let isTemplate = name.hasPrefix("t")
            let address = client(try #require(Int(name.drop { $0.isLetter })))
            let entries = bench.connections.filter { $0.isTemplate == isTemplate && $0.client == address }
            return try entries.map { isTemplate ? "\(try letter($0.server))/\($0.expires)" : "\($0.state)/\($0.expires)" }
                .joined(separator: "+")
        }
        let wanted = try server(name.last)
        guard let server = record?.servers.first(where: { $0.key == wanted }) else { return "gone" }
        return name.hasPrefix("load")
            ? "\(server.active)/\(server.inactive)/\(server.persistent)"
            : "\(server.statistics.counters.connections)"
    }

    private func letter(_ address: IPAddress) throws -> Character {
        for letter in "ABC" where try server(letter).address == address { return letter }
        return "?"
    }
}
