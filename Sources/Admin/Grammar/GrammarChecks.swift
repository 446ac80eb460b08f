import LVS
import Wire

/// What a line must satisfy as a whole, in ipvsadm's order.
extension Entry {
    mutating func check() throws(UsageError) {
        if has(.schedulerFlags) { service.flags.formUnion(try service.schedulerFlags(named: schedulerFlags)) }
        try checkCombination()
        switch command {
        case .addService, .editService: try checkService()
        case .addServer, .editServer: try checkServer()
        case .list: try checkListing()
        default: break
        }
    }

    private func checkCombination() throws(UsageError) {
        let required = Options.required[command.rawValue]
        // What is neither given nor required is right.
        let rest = required.filter { !has($0) }
        try check(
            rest.isEmpty ? given : (given + rest).sorted { $0.place < $1.place }, { $0.legality[command.rawValue] }, what: command.text,
            of: "command")
        for option in given where !option.rivals.isEmpty {
            // Named after the one before it in the roster, as ipvsadm names the conflicts of its own options.
            if let rival = given.last(where: { $0.place < option.place && option.rivals.contains($0.name) }) {
                throw conflict(option, rival, command.text, of: "command")
            }
        }
    }

    /// Holds the options given against the marks of a table's row, see `GrammarOption.legality`.
    private func check(_ options: [GrammarOption], _ mark: (GrammarOption) -> UInt8, what: String, of kind: String) throws(UsageError) {
        var alternative: GrammarOption?
        for option in options {
            let mark = mark(option)
            guard has(option) else {
                if mark == UInt8(ascii: "+") {
                    throw UsageError("You need to supply the '\(option.name)' option for the '\(what)' \(kind)")
                }
                continue
            }
            if mark == UInt8(ascii: ".") { throw UsageError("Illegal '\(option.name)' option with the '\(what)' \(kind)") }
            guard mark == UInt8(ascii: "1") else { continue }
            if let alternative { throw conflict(option, alternative, what, of: kind) }
            alternative = option
        }
    }

    private func conflict(_ option: GrammarOption, _ other: GrammarOption, _ what: String, of kind: String) -> UsageError {
        UsageError("The option '\(option.name)' conflicts with the '\(other.name)' option in the '\(what)' \(kind)")
    }

    private mutating func checkService() throws(UsageError) {
        if mark == 0, port == 0, !service.flags.contains(.persistent) {
            throw UsageError("Zero port specified for non-persistent service")
        }
        if service.flags.contains(.onePacket), mark == 0, proto != IPProtocol.udp {
            throw UsageError("One-Packet Scheduling is only for UDP virtual services")
        }
        if service.scheduler.isEmpty { service.scheduler = Schedulers.usual }
    }

    private mutating func checkServer() throws(UsageError) {
        // Direct routing and tunnels leave ports alone, so a server has the port of its service.
        if mark == 0, settings.method == .directRouting || settings.method == .tunneling { server.port = followedPort }
        if serverFamily != family, settings.method != .tunneling {
            throw UsageError("Different address family is allowed only for tunneling servers")
        }
        let given = TunnelRow.options.filter(has)
        guard settings.method == .tunneling else {
            if has(.tunnelType) || !given.isEmpty { throw UsageError("Tunnel options conflict with forward method") }
            return
        }
        let (type, row) = TunnelRow.legality(of: settings.tunnel)
        let marks = Dictionary(uniqueKeysWithValues: zip(TunnelRow.options.map(\.name), row))
        try check(TunnelRow.options, { marks[$0.name] ?? UInt8(ascii: ".") }, what: type, of: "tunnel type")
    }

    private func checkListing() throws(UsageError) {
        let other = has(.timeout) || has(.daemon)
        if (other || has(.connection)) && (has(.statistics) || has(.rates) || has(.thresholds))
            || other && has(.persistentConnections)
        {
            throw UsageError("options conflicts in the list command")
        }
    }
}
