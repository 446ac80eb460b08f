public import Admin
internal import Host
internal import LVS
public import SystemPackage
internal import Wire

/// The files that `svs run` reads at the start and again on SIGHUP.
public struct RunFiles: Sendable {
    public var services: String?
    public var marks: String?
    public var marks6: String?
    /// The host's own rules stand instead of the two files.
    public var marksFromHost: Bool
    public var sysctl: String?
    /// What the host's own rules drop is dropped.
    public var honoursFirewall: Bool
    /// Opens a file for reading; another process may do it that has the rights for it.
    public var open: @Sendable (String) throws(FileError) -> FileDescriptor = { path throws(FileError) in try TextFile.open(path) }
    /// Runs a command of the host for what it prints; likewise.
    public var output: @Sendable (String) throws(FileError) -> (text: String, errors: String)? = { command throws(FileError) in
        try RulesText.output(of: command)
    }
    /// Paths of all files.
    public var paths: [String] { [services, marks, marks6, sysctl].compactMap { $0 } }
    /// Whether the host's own rules are asked for.
    public var readsHostRules: Bool { marksFromHost || honoursFirewall }

    public init(
        services: String? = nil, marks: String? = nil, marks6: String? = nil, marksFromHost: Bool = false, sysctl: String? = nil,
        honoursFirewall: Bool = false
    ) {
        self.services = services
        self.marks = marks
        self.marks6 = marks6
        self.marksFromHost = marksFromHost
        self.sysctl = sysctl
        self.honoursFirewall = honoursFirewall
    }

    /// What all of them say at one moment.
    public struct State {
        /// The text of the services file.
        var servicesText = ""
        var plan = ServicePlan()
        /// Which of a process's readings this is, and what leads to it from the reading of that number.
        var number: UInt64 = 0
        var changes: (since: UInt64, commands: [Command])?
        /// Its texts as the journal has them, where they were made beside the loop.
        var pieces: [Journal.Entry]?
        var timeouts: [Command] = []
        var marks4 = MarkRules(family: .v4)
        var marks6 = MarkRules(family: .v6)
        /// The rules' own texts, by the name that a case gives them.
        var markTexts: [String: String] = [:]
        /// The host's own rules.
        var rules = HostRulesInForce()
        var tunables = Tunables()
        /// Sysctl keys in the file that the director has no use for.
        var ignored: [String] = []
    }

    /// Reads all files, or throws all that is wrong in any of them.
    /// - Parameter known: the host's rules as somebody else has read them; without them the host is asked.
    public func read(rules known: HostRules? = nil) throws(FileError) -> State {
        var state = State()
        var errors = FileErrors()
        var keys: [ServiceKey]?
        if let services { errors.note { () throws(FileError) in keys = try readServices(services, &state) } }
        if let marks {
            errors.note { () throws(FileError) in
                (state.marks4, state.markTexts["marks"]) = try readMarks(marks, .v4, keys)
            }
        }
        if let marks6 {
            errors.note { () throws(FileError) in
                (state.marks6, state.markTexts["marks6"]) = try readMarks(marks6, .v6, keys)
            }
        }
        errors.note { () throws(FileError) in
            let host = if let known { Optional(known) } else { try hostRules() }
            state.rules = HostRulesInForce(host: host, givesMarks: marksFromHost, honours: honoursFirewall)
        }
        state.tunables = Self.hostTunables()
        if let sysctl {
            errors.note { () throws(FileError) in
                let file = try SysctlFile(text(sysctl), file: sysctl, over: state.tunables)
                (state.tunables, state.ignored) = (file.tunables, file.ignored)
            }
        }
        try errors.check()
        return state
    }

    /// - Returns: the keys of the services that the file adds.
    private func readServices(_ path: String, _ state: inout State) throws(FileError) -> [ServiceKey] {
        state.servicesText = try text(path)
        var errors = FileErrors()
        let file = ServicesFile(state.servicesText, name: path, names: SystemNames(), errors: &errors)
        Self.rehearse(file, &errors)
        errors.sortByLine()
        try errors.check()
        try state.take(file)
        return file.commands.addedServices
    }

    private func readMarks(_ path: String, _ family: IPFamily, _ services: [ServiceKey]?) throws(FileError) -> (MarkRules, String) {
        let text = try self.text(path)
        return (try MarksFile(text, file: path, family: family, services: services).rules, text)
    }

    /// The host's own rules, where they are wanted. Without an answer from a command the director goes on without its rules, unless
    /// it is for the marks.
    func hostRules() throws(FileError) -> HostRules? {
        guard readsHostRules else { return nil }
        let rules = try HostRules(output: output)
        if marksFromHost, let failure = rules.failures.first { throw failure }
        return rules
    }

    private func text(_ path: String) throws(FileError) -> String { try TextFile.read(try open(path), path) }

    /// Carries the rules out on a director that nobody sees, so that all that would be refused are found before anything is
    /// done, with their lines. Of a service that cannot be, the servers are not looked at.
    /// - Parameter errors: those of lines that are no rules; what is refused is added.
    private static func rehearse(_ file: ServicesFile, _ errors: inout FileErrors) {
        var director = Director(connections: 16)
        // The service that seems to be missing may stand in such a line.
        let mayBeUnread = !errors.isEmpty
        var added: [ServiceKey: Int] = [:], missing: Set<ServiceKey> = []
        for rule in file.rules {
            switch rule.command {
            case .startDaemon, .stopDaemon: continue
            case .addServer(let key, _, _) where missing.contains(key): continue
            default: break
            }
            do throws(CommandError) {
                try director.apply(rule.command)
                if case .addService(let key, _) = rule.command { added[key] = rule.line }
            } catch {
                if error == .noSuchService, mayBeUnread { continue }
                let text = RuleHint.text(error, of: rule.command, added: added)
                errors.add(FileError(file: file.name, line: rule.line, text: text))
                if case .addService(let key, _) = rule.command, error != .serviceExists { missing.insert(key) }
            }
        }
    }

    /// The host's own values of what the director answers in the host's place.
    private static func hostTunables() -> Tunables {
        var tunables = Tunables()
        for key in [
            "net.ipv4.ip_default_ttl", "net.ipv4.icmp_ratelimit", "net.ipv4.icmp_ratemask", "net.ipv6.icmp.ratelimit",
            "net.ipv4.icmp_echo_ignore_all", "net.ipv4.ip_unprivileged_port_start", "net.ipv4.ip_local_port_range",
            "net.ipv4.icmp_msgs_per_sec", "net.ipv4.icmp_msgs_burst", "net.ipv4.ipfrag_time", "net.ipv4.ipfrag_high_thresh",
            "net.ipv4.ipfrag_low_thresh", "net.ipv4.ipfrag_max_dist", "net.ipv6.ip6frag_time",
            "net.ipv6.ip6frag_high_thresh", "net.ipv6.ip6frag_low_thresh", "net.ipv4.ip_forward", "net.ipv6.conf.all.forwarding",
        ] {
            guard let value = Sysctl.read(key.split(separator: ".").joined(separator: "/")) else { continue }
            try? tunables.set(key, to: value)
        }
        return tunables
    }
}
