import LVS
import Wire

/// What a line must satisfy as a whole, in ipvsadm's order.
extension Entry {
    mutating func check() throws(UsageError) {
        if has(.schedulerFlags) { service.flags.formUnion(try flags()) }
        try checkCombination()
        switch command {
        case .addService, .editService: try checkService()
        case .addServer, .editServer: try checkServer()
        case .list: try checkListing()
        default: break
        }
    }

    /// The comma list of `-b`; flags named after a scheduler belong to that scheduler.
    private func flags() throws(UsageError) -> ServiceFlags {
        var flags: ServiceFlags = []
        for word in schedulerFlags.split(separator: ",") {
            let (flag, owner): (ServiceFlags, String?) =
                switch word {
                case "flag-1": (.scheduler1, nil)
                case "flag-2": (.scheduler2, nil)
                case "flag-3": (.scheduler3, nil)
                case "sh-fallback": (.scheduler1, "sh")
                case "sh-port": (.scheduler2, "sh")
                case "mh-fallback": (.scheduler1, "mh")
                case "mh-port": (.scheduler2, "mh")
                default: throw UsageError("invalid scheduler flag `\(word)'")
                }
            if let owner, owner != service.scheduler { throw UsageError("incompatible scheduler flag `\(word)'") }
            flags.insert(flag)
        }
        return flags
    }

    private func checkCombination() throws(UsageError) {
        var alternative: OptionName?
        for option in OptionName.allCases {
            let mark = option.row.legality[command.rawValue]
            guard has(option) else {
                if mark == UInt8(ascii: "+") {
                    throw UsageError("You need to supply the '\(option.row.text)' option for the '\(command.text)' command")
                }
                continue
            }
            if mark == UInt8(ascii: ".") {
                throw UsageError("Illegal '\(option.row.text)' option with the '\(command.text)' command")
            }
            guard mark == UInt8(ascii: "1") else { continue }
            if let alternative {
                throw UsageError(
                    "The option '\(option.row.text)' conflicts with the '\(alternative.row.text)' option "
                        + "in the '\(command.text)' command")
            }
            alternative = option
        }
    }

    private mutating func checkService() throws(UsageError) {
        if mark == 0, port == 0, !service.flags.contains(.persistent) {
            throw UsageError("Zero port specified for non-persistent service")
        }
        if service.flags.contains(.onePacket), mark == 0, proto != IPProtocol.udp {
            throw UsageError("One-Packet Scheduling is only for UDP virtual services")
        }
        if service.scheduler.isEmpty { service.scheduler = "wlc" }
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
        let (type, marks) = TunnelRow.legality(of: settings.tunnel)
        var alternative: OptionName?
        for (option, mark) in zip(TunnelRow.options, marks) {
            guard has(option) else {
                if mark == UInt8(ascii: "+") {
                    throw UsageError("You need to supply the '\(option.row.text)' option for the '\(type)' tunnel type")
                }
                continue
            }
            if mark == UInt8(ascii: ".") {
                throw UsageError("Illegal '\(option.row.text)' option with the '\(type)' tunnel type")
            }
            guard mark == UInt8(ascii: "1") else { continue }
            if let alternative {
                throw UsageError(
                    "The option '\(option.row.text)' conflicts with the '\(alternative.row.text)' option "
                        + "in the '\(type)' tunnel type")
            }
            alternative = option
        }
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
