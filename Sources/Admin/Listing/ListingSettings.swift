import LVS
import Wire

extension ServiceSettings {
    /// The scheduler flags by name, with commas; empty without any.
    var schedulerFlagNames: String {
        let names =
            switch scheduler {
            case "sh": ["sh-fallback", "sh-port", "flag-3"]
            case "mh": ["mh-fallback", "mh-port", "flag-3"]
            default: ["flag-1", "flag-2", "flag-3"]
            }
        let flags: [ServiceFlags] = [.scheduler1, .scheduler2, .scheduler3]
        return zip(flags, names).filter { self.flags.contains($0.0) }.map(\.1).joined(separator: ",")
    }

    /// The mask of persistence where it is not the whole address: dotted for IPv4, a prefix length for IPv6.
    func maskText(_ family: IPFamily) -> String? {
        switch family {
        case .v4: netmask == .max ? nil : "\(IPAddress(v4: netmask))"
        case .v6: netmask == 128 ? nil : String(Int32(truncatingIfNeeded: netmask))
        }
    }

    /// What ipvsadm cannot say, as words: option names without their dashes, each with its value. Empty for a service that
    /// ipvsadm made.
    var furtherOptions: [(name: String, value: String?)] {
        var options: [(name: String, value: String?)] = []
        if !localAddresses.isEmpty {
            let ranges = localAddresses.map { $0.lowerBound == $0.upperBound ? "\($0.lowerBound)" : "\($0.lowerBound)-\($0.upperBound)" }
            options.append(("local-address", ranges.joined(separator: ",")))
        }
        switch clientAddress {
        case .toa: break
        case .none: options.append(("no-toa", nil))
        case .proxyProtocol: options.append(("proxy-protocol", nil))
        }
        switch mssClamp {
        case .off: break
        case .auto: options.append(("mss-clamp", "auto"))
        case .value(let size): options.append(("mss-clamp", String(size)))
        }
        for (name, seconds) in [("timeout-tcp", timeoutTCP), ("timeout-fin", timeoutFIN), ("timeout-udp", timeoutUDP)]
        where seconds != 0 {
            options.append((name, String(seconds)))
        }
        return options
    }
}

extension ServerSettings {
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

    private var checksumName: String {
        tunnelFlags.contains(.remoteChecksum) ? "r+c" : tunnelFlags.contains(.checksum) ? "+c" : "-c"
    }

    /// The TunnelInfo column.
    var tunnelName: String {
        guard method == .tunneling else { return "n/a" }
        return switch tunnel {
        case .ipip: "ipip"
        case .gue: "gue:\(tunnelPort):\(checksumName)"
        case .gre: "gre:\(checksumName)"
        default: "unknown"
        }
    }
}
