import LVS
import Wire

extension ServerSettings: OptionOwner {
    static var standard: ServerSettings { ServerSettings() }
    static var group: GrammarOption.Group { .server }
    static var legality: StaticString { ".....o.o......" }
    static var place: any WritableKeyPath<Entry, ServerSettings> & Sendable { \.settings }

    /// What SVS alone says about a server. A new option is one line here, a field of `ServerSettings`, and what heeds it.
    static let ownSettings: [Setting<ServerSettings>] = [
        // The method is ipvsadm's but for FULLNAT, which the kernel's attribute cannot say: to those who know only that one it
        // is a kind of masquerading, and they say masquerading again.
        Setting(
            options: [.method],
            own: OwnAttribute(number: methodAttribute, said: { $0.method == .fullNAT ? "fullnat" : nil }, fits: { _ in true }) {
                $1.put(methodAttribute, u8: $0.method.rawValue)
            } read: { (attributes, settings) throws(CommandError) in
                settings.method = try NetlinkCodec.need(ForwardingMethod(rawValue: NetlinkCodec.need(attributes.u8(methodAttribute))))
            } keep: { old, new in
                if old.method == .fullNAT, new.method == .masquerading { new.method = .fullNAT }
            })
    ]

    /// u8: the forwarding method where the kernel's attribute can't say it; FULLNAT is 5, and the kernel's then says 0.
    static var methodAttribute: UInt16 { 0x100 }

    /// What ipvsadm says about a server, by its own rules. Thresholds are not saved, as in ipvsadm.
    static let kernelSettings: [Setting<ServerSettings>] = [
        Setting(options: [.method]) { settings, _ in " " + settings.methodWord },
        Setting(options: [.weight]) { settings, _ in " -w \(settings.weight)" },
        Setting(options: [.upperThreshold, .lowerThreshold]),
        Setting(options: [.tunnelType, .tunnelPort, .tunnelNoChecksum, .tunnelChecksum, .tunnelRemoteChecksum]) { settings, _ in
            guard settings.method == .tunneling else { return "" }
            let checksum =
                settings.tunnelFlags.contains(.remoteChecksum)
                ? "--tun-remcsum"
                : settings.tunnelFlags.contains(.checksum) ? "--tun-csum" : "--tun-nocsum"
            return switch settings.tunnel {
            case .gue: " --tun-type gue --tun-port \(settings.tunnelPort) \(checksum)"
            case .gre: " --tun-type gre \(checksum)"
            default: " --tun-type ipip"
            }
        },
    ]

    /// The words that save it, a blank before each.
    func saved(_ family: IPFamily) -> String { (Self.kernelSettings + Self.ownSettings).map { $0.saved(self, family) }.joined() }

    /// The words that say all of it.
    func said(_ family: IPFamily) -> String {
        saved(family) + (upperThreshold | lowerThreshold == 0 ? "" : " -x \(upperThreshold) -y \(lowerThreshold)")
    }

    /// What SVS alone shows behind a server's columns.
    func listed(_ family: IPFamily) -> String { Self.ownSettings.map { $0.listed(self, family) }.joined() }

    private var methodWord: String {
        switch method {
        case .masquerading: "-m"
        case .tunneling: "-i"
        case .fullNAT: "--fullnat"
        default: "-g"
        }
    }

    /// The method as the Forward column names it.
    var methodName: String {
        switch method {
        case .masquerading: "Masq"
        case .localNode: "Local"
        case .tunneling: "Tunnel"
        case .directRouting: "Route"
        case .bypass: "Bypass"
        case .fullNAT: "FullNAT"
        }
    }

    /// The TunnelInfo column.
    var tunnelName: String {
        guard method == .tunneling else { return "n/a" }
        let checksum = tunnelFlags.contains(.remoteChecksum) ? "r+c" : tunnelFlags.contains(.checksum) ? "+c" : "-c"
        return switch tunnel {
        case .ipip: "ipip"
        case .gue: "gue:\(tunnelPort):\(checksum)"
        case .gre: "gre:\(checksum)"
        default: "unknown"
        }
    }
}

extension GrammarOption {
    static let realServer = GrammarOption(
        .server, ".....+++......",
        .init("real-server", "r", .required("HOST[:PORT]"), help: "PORT matters with -m and --fullnat; otherwise it is the service's") {
            (entry, text) throws(UsageError) in
            guard let endpoint = Endpoint(text ?? "", proto: entry.proto, ranges: false, names: entry.names) else {
                throw UsageError("illegal real server address[:port] specified")
            }
            entry.serverFamily = endpoint.family
            // The kernel refuses an IPv4-mapped server as it refuses `::`, which no IPv4 server can be mistaken for.
            let mapped = endpoint.family == .v6 && endpoint.address.isV4
            entry.server = ServerKey(address: mapped ? .unspecified(.v6) : endpoint.address, port: endpoint.port ?? entry.followedPort)
        })
    static let method = GrammarOption(
        "forwarding-method", .server, ".....o.o......", examples: ["-g", "-i", "-m", "--fullnat"],
        [
            .init("gatewaying", "g", help: "direct routing (default)") { (entry, _) throws(UsageError) in
                entry.settings.method = .directRouting
            },
            .init("ipip", "i", help: "tunnel") { (entry, _) throws(UsageError) in entry.settings.method = .tunneling },
            .init("masquerading", "m", help: "network address translation of the destination") { (entry, _) throws(UsageError) in
                entry.settings.method = .masquerading
            },
            .init("fullnat", isOwn: true, help: "network address translation of both addresses (FULLNAT)") {
                (entry, _) throws(UsageError) in entry.settings.method = .fullNAT
            },
        ])
    static let weight = server(
        "weight", "w", "N", "0 takes no new connections (default 1)", examples: ["-w 0", "-w 2147483647"],
        0...Int64(Int32.max)
    ) { $0.weight = Int32($1) }
    static let upperThreshold = server(
        "u-threshold", "x", "N", "no new connections from N on (default 0: none)", examples: ["-x 5"],
        0...Int64(Int32.max), saying: "u_threshold"
    ) { $0.upperThreshold = UInt32($1) }
    static let lowerThreshold = server(
        "l-threshold", "y", "N", "again below N", examples: ["-x 5 -y 3"], 0...Int64(Int32.max),
        saying: "l_threshold"
    ) { $0.lowerThreshold = UInt32($1) }
    static let tunnelType = GrammarOption(
        .server, ".....o.o......", examples: ["-i --tun-type gre"],
        .init("tun-type", nil, .required("TYPE"), help: "with -i: ipip, gue or gre (default ipip)") { (entry, name) throws(UsageError) in
            guard let type = TunnelRow.type(named: name ?? "") else { throw UsageError("illegal tunnel type specified") }
            entry.settings.tunnel = type
        })
    static let tunnelPort = server(
        "tun-port", nil, "PORT", "with gue: its UDP port", examples: ["-i --tun-type gue --tun-port 6080"], 1...65535,
        saying: "tunnel port"
    ) { $0.tunnelPort = UInt16($1) }
    static let tunnelNoChecksum = GrammarOption(
        .server, ".....o.o......", examples: ["-i --tun-type gre --tun-nocsum"],
        .init("tun-nocsum", help: "with gue or gre: no checksum (default)"))
    static let tunnelChecksum = GrammarOption(
        .server, ".....o.o......", examples: ["-i --tun-type gre --tun-csum"],
        .init("tun-csum", help: "with gue or gre: a checksum") { (entry, _) throws(UsageError) in
            entry.settings.tunnelFlags.insert(.checksum)
        })
    static let tunnelRemoteChecksum = GrammarOption(
        .server, ".....o.o......", examples: ["-i --tun-type gue --tun-port 1 --tun-remcsum"],
        .init("tun-remcsum", help: "with gue: remote checksum offload") { (entry, _) throws(UsageError) in
            entry.settings.tunnelFlags.insert(.remoteChecksum)
        })

    /// An option with a number within a range; `what` is how messages call it.
    private static func server(
        _ name: String, _ letter: Character?, _ placeholder: String, _ help: String, examples: [String],
        _ range: ClosedRange<Int64>, saying what: String? = nil,
        _ set: @escaping @Sendable (inout ServerSettings, Int64) -> Void
    ) -> GrammarOption {
        GrammarOption(
            .server, ".....o.o......", examples: examples,
            .init(name, letter, .required(placeholder), help: help) {
                (entry, text) throws(UsageError) in set(&entry.settings, try Entry.number(text, range, what ?? name))
            })
    }
}

/// The tunnel types, and which tunnel options go with each; marks as in `GrammarOption.legality`.
enum TunnelRow {
    static let options: [GrammarOption] = [.tunnelPort, .tunnelNoChecksum, .tunnelChecksum, .tunnelRemoteChecksum]

    static func legality(of type: TunnelType) -> (name: String, marks: [UInt8]) {
        switch type {
        case .gue: ("gue", Array("+111".utf8))
        case .gre: ("gre", Array(".11.".utf8))
        default: ("ipip", Array("....".utf8))
        }
    }

    static func type(named name: String) -> TunnelType? {
        switch name {
        case "ipip": .ipip
        case "gue": .gue
        case "gre": .gre
        default: nil
        }
    }
}
