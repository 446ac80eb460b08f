public import LVS
import Wire

extension ConnectionRecord {
    /// Its row of `/proc/net/ip_vs_conn_sync`, which says whether a master told of it, fields separated by single blanks and
    /// without its expiry.
    public var originRow: String {
        var out = Text()
        out.connection(self, showsOrigin: true)
        return String(decoding: out.bytes, as: UTF8.self).split(whereSeparator: \.isWhitespace).dropLast().joined(separator: " ")
    }
}

/// The files in which the kernel shows IPVS, rendered from the director's tables. The preload library serves them to
/// programs that open `/proc/net/ip_vs…`; over the control socket their names are `proc/ip_vs` and so on.
enum ProcFile: String {
    case services = "ip_vs"
    case connections = "ip_vs_conn"
    case connectionOrigins = "ip_vs_conn_sync"
    case statistics = "ip_vs_stats"

    /// The file that a question's name means.
    init?(asked name: String) {
        guard name.hasPrefix("proc/") else { return nil }
        self.init(rawValue: String(name.dropFirst("proc/".count)))
    }

    var tellsOfClients: Bool { self == .connections || self == .connectionOrigins }

    /// The text in pieces; the connection table is rendered only as it is read.
    func answer<Target: ControlTarget & ~Copyable>(of target: borrowing Target, to request: NetlinkMessage) -> ControlAnswer {
        switch self {
        case .services:
            ControlAnswer(
                servicesTo: request, head: ControlAnswer.messages(of: Self.title(tableSize: target.summary().tableSize)),
                limit: ControlConstants.ownPacketLength
            ) { ControlAnswer.messages(of: Self.services($0)) }
        case .statistics: ControlAnswer(pieces: CollectionOfOne(Self.statistics(target.summary().total)), to: request)
        case .connections: Self.connections(to: request, showsOrigin: false)
        case .connectionOrigins: Self.connections(to: request, showsOrigin: true)
        }
    }

    /// `ip_vs_conn` or `ip_vs_conn_sync`.
    private static func connections(to request: NetlinkMessage, showsOrigin: Bool) -> ControlAnswer {
        var head = Text()
        head.put("Pro FromIP   FPrt ToIP     TPrt DestIP   DPrt State       ")
        head.put(showsOrigin ? "Origin Expires\n" : "Expires PEName PEData\n")
        return ControlAnswer(connectionsTo: request, head: ControlAnswer.messages(of: head.bytes)) { rows in
            var out = Text()
            for row in rows { out.connection(row, showsOrigin: showsOrigin) }
            return ControlAnswer.messages(of: out.bytes)
        }
    }

    /// Jiffies in a second, as `persistent` is shown in.
    fileprivate static var hertz: UInt64 { 100 }

    private static func title(tableSize: Int) -> [UInt8] {
        var out = Text()
        out.put("IP Virtual Server version 1.2.1 (size=\(tableSize))\n")
        out.put("Prot LocalAddress:Port Scheduler Flags\n")
        out.put("  -> RemoteAddress:Port Forward Weight ActiveConn InActConn\n")
        return out.bytes
    }

    private static func services(_ page: InventoryPage) -> [UInt8] {
        var out = Text()
        for (place, service) in page.services.enumerated() {
            if place > 0 || !page.isContinued { out.service(service) }
            for server in service.servers { out.server(server) }
        }
        return out.bytes
    }

    static func statistics(_ total: Statistics) -> [UInt8] {
        var out = Text()
        out.put("   Total Incoming Outgoing         Incoming         Outgoing\n")
        out.put("   Conns  Packets  Packets            Bytes            Bytes\n")
        out.counters(total.counters)
        out.put("\n Conns/s   Pkts/s   Pkts/s          Bytes/s          Bytes/s\n")
        out.counters(total.rates)
        return out.bytes
    }
}

/// Text under construction, with the paddings that the kernel's formats use.
private struct Text {
    var bytes: [UInt8] = []

    mutating func put(_ text: String) { bytes += text.utf8 }

    /// Upper case, zeros in front.
    mutating func hex(_ number: UInt64, _ width: Int) {
        for place in (0..<width).reversed() {
            let digit = UInt8(truncatingIfNeeded: number >> UInt64(4 * place)) & 15
            bytes.append(digit < 10 ? 0x30 + digit : 0x37 + digit)
        }
    }

    mutating func left(_ text: String, _ width: Int) {
        put(text)
        for _ in 0..<max(width - text.utf8.count, 0) { bytes.append(0x20) }
    }

    mutating func right(_ text: String, _ width: Int) {
        for _ in 0..<max(width - text.utf8.count, 0) { bytes.append(0x20) }
        put(text)
    }

    /// IPv4 as eight hexadecimal digits, IPv6 as eight full groups.
    mutating func address(_ address: IPAddress) {
        guard !address.isV4 else { return hex(UInt64(address.v4), 8) }
        for group in 0..<8 {
            if group > 0 { put(":") }
            let half = group < 4 ? address.high : address.low
            let text = String(half >> UInt64(48 - 16 * (group % 4)) & 0xffff, radix: 16)
            put(String(repeating: "0", count: 4 - text.utf8.count) + text)
        }
    }

    mutating func bracketed(_ address: IPAddress) {
        if address.isV4 { return self.address(address) }
        put("[")
        self.address(address)
        put("]")
    }

    func name(of proto: UInt8) -> String {
        switch proto {
        case 0: "IP"
        case 1: "ICMP"
        case IPProtocol.tcp: "TCP"
        case IPProtocol.udp: "UDP"
        case 58: "ICMPv6"
        case 132: "SCTP"
        default: "IP_\(proto)"
        }
    }

    mutating func service(_ service: ServiceRecord) {
        let (key, settings) = (service.key, service.settings)
        let onePacket = settings.flags.contains(.onePacket) ? "ops " : ""
        if key.mark != 0 {
            put("FWM  ")
            hex(UInt64(key.mark), 8)
            put(" \(settings.scheduler) \(onePacket)")
        } else {
            put("\(name(of: key.proto))  ")
            bracketed(key.address)
            put(":")
            hex(UInt64(key.port), 4)
            put(key.family == .v4 ? " \(settings.scheduler) \(onePacket) " : " \(settings.scheduler) ")
        }
        if settings.flags.contains(.persistent) {
            put("persistent \(UInt64(settings.timeout) * ProcFile.hertz) ")
            hex(UInt64(settings.netmask), 8)
        }
        put("\n")
    }

    mutating func server(_ server: ServerRecord) {
        put("  -> ")
        bracketed(server.key.address)
        put(":")
        hex(UInt64(server.key.port), 4)
        put("      ")
        let method =
            switch server.settings.method {
            case .masquerading, .fullNAT: "Masq"
            case .localNode: "Local"
            case .tunneling: "Tunnel"
            case .directRouting, .bypass: "Route"
            }
        for (text, width) in [(method, 7), ("\(server.settings.weight)", 6), ("\(server.active)", 10)] {
            left(text, width)
            put(" ")
        }
        left("\(server.inactive)", 10)
        put("\n")
    }

    mutating func counters(_ counters: Counters) {
        func digits(_ number: UInt64) -> String { String(number, radix: 16, uppercase: true) }
        right(digits(counters.connections), 8)
        for packets in [counters.packetsIn, counters.packetsOut] { right(digits(packets), 9) }
        for bytes in [counters.bytesIn, counters.bytesOut] { right(digits(bytes), 17) }
        put("\n")
    }

    mutating func connection(_ connection: ConnectionRecord, showsOrigin: Bool) {
        left(name(of: connection.proto), 3)
        put(" ")
        for (address, port) in [
            (connection.client, connection.clientPort), (connection.virtual, connection.virtualPort),
            (connection.server, connection.serverPort),
        ] {
            self.address(address)
            put(" ")
            hex(UInt64(port), 4)
            put(" ")
        }
        left(connection.state, 11)
        put(showsOrigin ? connection.isSynchronised ? " SYNC   " : " LOCAL  " : " ")
        right("\(connection.expires)", 7)
        if !showsOrigin, !connection.persistenceEngine.isEmpty {
            put(" \(connection.persistenceEngine) ")
            bytes += connection.persistenceData
        }
        put("\n")
    }
}
