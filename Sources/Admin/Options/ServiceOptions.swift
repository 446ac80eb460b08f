import LVS
import Wire

extension ServiceSettings: OptionOwner {
    static var standard: ServiceSettings { ServiceSettings() }
    static var group: GrammarOption.Group { .service }
    static var legality: StaticString { "oo............" }
    static var place: any WritableKeyPath<Entry, ServiceSettings> & Sendable { \.service }

    /// What SVS alone says about a service. A new option is one line here, a field of `ServiceSettings`, and what heeds it.
    static let ownSettings: [Setting<ServiceSettings>] = [
        .own("local-address", \.localAddresses, .addresses, attribute: 0x101, help: "FULLNAT's own addresses; may be repeated"),
        .own(
            \.clientAddress, attribute: 0x102, standardCode: 1,
            flags: [
                ("no-toa", .none, 0, "FULLNAT does not tell servers the client's address"),
                ("proxy-protocol", .proxyProtocol, 2, "FULLNAT tells it by PROXY protocol version 2 (default: TCP option 254)"),
            ]),
        .own("mss-clamp", \.mssClamp, .segmentSize, attribute: 0x103, help: "lowers the segment size that SYNs announce (default off)"),
        .own("timeout-tcp", \.timeoutTCP, .seconds, attribute: 0x104, help: "this service's own timeout of TCP; 0 follows --set"),
        .own("timeout-fin", \.timeoutFIN, .seconds, attribute: 0x105, help: "the same of TCP after FIN"),
        .own("timeout-udp", \.timeoutUDP, .seconds, attribute: 0x106, help: "the same of UDP"),
    ]

    /// What ipvsadm says about a service, by its own rules.
    static let kernelSettings: [Setting<ServiceSettings>] = [
        Setting(options: [.scheduler]) { settings, _ in " -s \(settings.scheduler)" },
        Setting(options: [.persistent]) { settings, _ in settings.isPersistent ? " -p \(settings.timeout)" : "" },
        Setting(options: [.netmask]) { settings, family in settings.persistenceMask(family).map { " -M \($0)" } ?? "" },
        Setting(options: [.engine]) { settings, _ in settings.persistenceEngine.isEmpty ? "" : " --pe \(settings.persistenceEngine)" },
        Setting(options: [.onePacket]) { settings, _ in settings.flags.contains(.onePacket) ? " -o" : "" },
        Setting(options: [.schedulerFlags]) { settings, _ in settings.schedulerFlagNames.isEmpty ? "" : " -b \(settings.schedulerFlagNames)"
        },
    ]

    /// What stands behind a service in a listing: ipvsadm's words in ipvsadm's order, and SVS's own.
    func listed(_ family: IPFamily) -> String {
        var text = " " + scheduler
        if !schedulerFlagNames.isEmpty { text += " (\(schedulerFlagNames))" }
        if isPersistent {
            text += " persistent \(timeout)"
            if let mask = persistenceMask(family) { text += " mask \(mask)" }
            if !persistenceEngine.isEmpty { text += " pe \(persistenceEngine)" }
        }
        if flags.contains(.onePacket) { text += " ops" }
        return text + Self.ownSettings.map { $0.listed(self, family) }.joined()
    }

    /// The words that say all of it, a blank before each.
    func saved(_ family: IPFamily) -> String { (Self.kernelSettings + Self.ownSettings).map { $0.saved(self, family) }.joined() }

    private var isPersistent: Bool { flags.contains(.persistent) }

    /// The scheduler flags by name, with commas; empty without any.
    private var schedulerFlagNames: String {
        let own = Schedulers.type(named: scheduler)?.flagNames ?? []
        return Self.schedulerFlags.filter { flags.contains($0.flag) }.map { general in
            own.first { $0.flag == general.flag }?.name ?? general.name
        }.joined(separator: ",")
    }

    /// The scheduler flags by the names that every scheduler takes.
    private static let schedulerFlags: [(name: String, flag: ServiceFlags)] =
        [("flag-1", .scheduler1), ("flag-2", .scheduler2), ("flag-3", .scheduler3)]

    /// The mask of persistence where it is not the whole address: dotted for IPv4, a prefix length for IPv6.
    private func persistenceMask(_ family: IPFamily) -> String? {
        guard isPersistent else { return nil }
        return switch family {
        case .v4: netmask == .max ? nil : "\(IPAddress(v4: netmask))"
        case .v6: netmask == 128 ? nil : String(Int32(truncatingIfNeeded: netmask))
        }
    }

    /// The comma list of `-b`; flags named after a scheduler belong to that scheduler.
    func schedulerFlags(named words: String) throws(UsageError) -> ServiceFlags {
        var flags: ServiceFlags = []
        for word in words.split(separator: ",") {
            if let general = Self.schedulerFlags.first(where: { $0.name == word }) {
                flags.insert(general.flag)
            } else {
                let owner = Schedulers.roster.first { $0.flagNames.contains { $0.name == word } }
                guard let owner, let flag = owner.flagNames.first(where: { $0.name == word })?.flag else {
                    throw UsageError("invalid scheduler flag `\(word)'")
                }
                guard owner.name == scheduler else { throw UsageError("incompatible scheduler flag `\(word)'") }
                flags.insert(flag)
            }
        }
        return flags
    }
}

extension GrammarOption {
    static let scheduler = GrammarOption(
        .service, "oo............", examples: Schedulers.roster.map { "-s " + $0.name } + ["-s " + Schedulers.none],
        .init(
            "scheduler", "s", .required("NAME"),
            help: (Schedulers.roster.map { $0.name } + [Schedulers.none]).joined(separator: " ") + " (default \(Schedulers.usual))"
        ) {
            (entry, name) throws(UsageError) in entry.service.scheduler = Entry.cut(name, to: 15)
        })
    static let persistent = GrammarOption(
        .service, "oo............", examples: ["-p", "-p 1", "-p 2678400"],
        .init("persistent", "p", .optional("SECONDS"), help: "a client stays with its server (default 360)") {
            (entry, seconds) throws(UsageError) in
            entry.service.flags.insert(.persistent)
            entry.service.timeout = if let seconds { try Entry.timeout(seconds, from: 1) } else { 360 }
        })
    static let netmask = GrammarOption(
        .service, "oo............", examples: ["-p 60 -M 255.255.255.0"],
        .init("netmask", "M", .required("MASK"), help: "how much of a client's address counts: IPv4 mask or IPv6 prefix length") {
            (entry, mask) throws(UsageError) in
            if entry.family == .v6 {
                let length = Number.atoi(mask ?? "")
                guard (1...128).contains(length) else { throw UsageError("illegal ipv6 netmask specified") }
                entry.service.netmask = UInt32(length)
            } else {
                guard let mask = Endpoint.v4(mask ?? "", names: entry.names) else {
                    throw UsageError("illegal virtual server persistent mask specified")
                }
                entry.service.netmask = mask.v4
            }
        })
    static let engine = GrammarOption(
        .service, "oo............", examples: ["-p 60 --pe sip"],
        .init("pe", nil, .required("NAME"), help: "persistence engine: sip") { (entry, name) throws(UsageError) in
            entry.service.persistenceEngine = Entry.cut(name, to: 16)
        })
    static let schedulerFlags = GrammarOption(
        .service, "oo............",
        examples: ["-b flag-1", "-b flag-2,flag-3"]
            + Schedulers.roster.flatMap { type in type.flagNames.map { "-s \(type.name) -b \($0.name)" } },
        .init(
            "sched-flags", "b", .required("FLAG,..."),
            help: Schedulers.roster.flatMap { $0.flagNames.map(\.name) }.joined(separator: " ") + " flag-1 flag-2 flag-3"
        ) {
            (entry, flags) throws(UsageError) in entry.schedulerFlags = flags ?? ""
        })
    static let onePacket = GrammarOption(
        .service, "oo............", examples: ["-o"],
        .init("ops", "o", help: "one-packet scheduling, for UDP") { (entry, _) throws(UsageError) in entry.service.flags.insert(.onePacket)
        })
}
