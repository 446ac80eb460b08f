import LVS
import Wire

/// Options that say no setting: which service is meant, what a listing shows, how the synchronisation daemons run.
extension GrammarOption {
    static let serviceAddress = GrammarOption(
        "service-address", .address, "+++.1+++.....o",
        [
            .init("tcp-service", "t", .required("HOST[:PORT]"), help: "") { (entry, text) throws(UsageError) in
                try entry.take(text, of: IPProtocol.tcp)
            },
            .init("udp-service", "u", .required("HOST[:PORT]"), help: "") { (entry, text) throws(UsageError) in
                try entry.take(text, of: IPProtocol.udp)
            },
            .init("sctp-service", nil, .required("HOST[:PORT]"), help: "") { (entry, text) throws(UsageError) in
                try entry.take(text, of: IPProtocol.sctp)
            },
            .init("fwmark-service", "f", .required("MARK"), help: "packets with this firewall mark, 1 to 4294967295") {
                (entry, text) throws(UsageError) in
                entry.family = .v4
                entry.proto = IPProtocol.tcp
                guard let number = Number.within(1...Int64(UInt32.max), text ?? "") else {
                    throw UsageError("invalid fwmark value `\(text ?? "")' specified")
                }
                entry.mark = UInt32(number)
            },
            .init("ipv6", "6", counts: false, help: "behind -f: IPv6 packets") { (entry, _) throws(UsageError) in
                guard entry.mark != 0 else { throw UsageError("-6 used before -f\n") }
                entry.family = .v6
                entry.service.netmask = 128
            },
        ])

    /// How a service of a protocol begins.
    static func addressWord(of proto: UInt8) -> String {
        switch proto {
        case IPProtocol.tcp: "-t"
        case IPProtocol.udp: "-u"
        default: "--sctp-service"
        }
    }

    static let numeric = GrammarOption(.list, "....o.......o.", .init("numeric", "n", help: "no names, which may wait for DNS"))
    static let connection = GrammarOption(.list, "....1.........", .init("connection", "c", help: "connections instead of services"))
    static let timeout = GrammarOption(.list, "....1.........", .init("timeout", help: "the timeouts of --set"))
    static let daemon = GrammarOption(.list, "....1.........", .init("daemon", help: "the synchronisation daemons"))
    static let statistics = GrammarOption(.list, "....o.........", .init("stats", help: "counters"))
    static let rates = GrammarOption(.list, "....o.........", .init("rate", help: "rates a second"))
    static let thresholds = GrammarOption(.list, "....o.........", .init("thresholds", help: "connection thresholds"))
    static let persistentConnections = GrammarOption(
        .list, "....o.........",
        .init("persistent-conn", help: "persistent connections; with -c what a persistence engine keeps"))
    static let json = GrammarOption(
        .list, "....o.........", .init("json", isOwn: true, help: "all of it as JSON; connections an object a line"))
    static let tunnelInfo = GrammarOption(.list, "....o.........", .init("tun-info", help: "tunnels"))
    static let exact = GrammarOption(.list, "....o.........", .init("exact", "X", help: "numbers in full"))
    static let nosort = GrammarOption(
        "nosort", .list, "....o.........",
        [
            .init("nosort", help: "in the director's own order"), .init("sort", counts: false, help: "has no effect"),
        ])

    static let interface = GrammarOption(
        .daemon, ".........o....",
        .init("mcast-interface", nil, .required("NAME"), help: "default eth0") { (entry, name) throws(UsageError) in
            entry.daemon.interface = (name ?? "").isEmpty ? "eth0" : Entry.cut(name, to: 15)
        })
    static let syncID = GrammarOption(
        .daemon, "....o....oo...",
        .init("syncid", nil, .required("N"), help: "0 to 255 (default 0)") { (entry, text) throws(UsageError) in
            entry.daemon.syncID = UInt32(try Entry.number(text, 0...255, "syncid"))
        })
    static let group = GrammarOption(
        .daemon, ".........o....",
        .init("mcast-group", nil, .required("ADDRESS"), help: "default 224.0.0.81") { (entry, text) throws(UsageError) in
            let text = text ?? "", isV6 = text.utf8.contains(UInt8(ascii: ":"))
            guard let group = IPAddress(text), group.isV4 != isV6, group.isMulticast else {
                throw UsageError("invalid \(isV6 ? "IPv6" : "IPv4") mcast-group `\(text)'")
            }
            entry.daemon.group = group
        })
    static let port = GrammarOption(
        .daemon, ".........o....",
        .init("mcast-port", nil, .required("PORT"), help: "default 8848") { (entry, text) throws(UsageError) in
            entry.daemon.port = UInt16(try Entry.number(text, 1...65535, "mcast-port"))
        })
    static let timeToLive = GrammarOption(
        .daemon, ".........o....",
        .init("mcast-ttl", nil, .required("N"), help: "default 1") { (entry, text) throws(UsageError) in
            entry.daemon.timeToLive = UInt8(try Entry.number(text, 1...255, "mcast-ttl"))
        })
    static let maximumLength = GrammarOption(
        .daemon, ".........o....",
        .init("sync-maxlen", nil, .required("N"), help: "bytes of a message, 1 to 65507") { (entry, text) throws(UsageError) in
            entry.daemon.maximumLength = UInt16(try Entry.number(text, 1...65507, "sync-maxlen"))
        })
}

extension Entry {
    /// A service's address.
    fileprivate mutating func take(_ text: String?, of number: UInt8) throws(UsageError) {
        proto = number
        guard let endpoint = Endpoint(text ?? "", proto: number, ranges: true, names: names) else {
            throw UsageError("illegal virtual server address[:port] specified")
        }
        family = endpoint.family
        address = endpoint.address
        port = endpoint.port ?? 0
        ranges = endpoint.ranges
        if family == .v6 { service.netmask = 128 }
    }
}
