public import LVS
import Wire

/// Writes what `-S` prints and `-R` reads: one `-A` line for each service, one `-a` line for each of its servers.
///
/// Thresholds are not saved, as in ipvsadm. Options that ipvsadm does not have follow the ones it has.
public enum SaveFormat {
    public static func text(of inventory: Inventory, numeric: Bool, names: some NameResolver) -> String {
        let naming = Naming(names: names, numeric: numeric)
        var text = ""
        for service in ListingOrder.services(inventory.services) {
            let name = self.name(of: service.key, naming)
            text += "-A \(name) -s \(service.settings.scheduler)\(options(of: service))\n"
            for server in ListingOrder.servers(service.servers) {
                let key = server.key
                let real = naming.name(key.address, key.address.family, key.port, proto: service.key.proto)
                text += "-a \(name) -r \(real) \(options(of: server.settings))\n"
            }
        }
        return text
    }

    static func name(of key: ServiceKey, _ naming: Naming<some NameResolver>) -> String {
        guard key.mark == 0 else {
            return "-f \(Int32(truncatingIfNeeded: key.mark))" + (key.family == .v6 ? " -6" : "")
        }
        let option =
            switch key.proto {
            case IPProtocol.tcp: "-t"
            case IPProtocol.udp: "-u"
            default: "--sctp-service"
            }
        return option + " " + naming.name(of: key)
    }

    static func options(of service: ServiceRecord) -> String {
        let settings = service.settings
        var text = ""
        if settings.flags.contains(.persistent) {
            text += " -p \(settings.timeout)"
            if let mask = settings.maskText(service.key.family) { text += " -M \(mask)" }
        }
        if !settings.persistenceEngine.isEmpty { text += " --pe \(settings.persistenceEngine)" }
        if settings.flags.contains(.onePacket) { text += " -o" }
        let flags = settings.schedulerFlagNames
        if !flags.isEmpty { text += " -b \(flags)" }
        for option in settings.furtherOptions { text += " --" + option.name + (option.value.map { " " + $0 } ?? "") }
        return text
    }

    static func options(of server: ServerSettings) -> String {
        let method =
            switch server.method {
            case .masquerading: "-m"
            case .tunneling: "-i"
            case .fullNAT: "--fullnat"
            default: "-g"
            }
        let text = "\(method) -w \(server.weight)"
        guard server.method == .tunneling else { return text }
        let checksum =
            server.tunnelFlags.contains(.remoteChecksum)
            ? "--tun-remcsum"
            : server.tunnelFlags.contains(.checksum) ? "--tun-csum" : "--tun-nocsum"
        return switch server.tunnel {
        case .gue: "\(text) --tun-type gue --tun-port \(server.tunnelPort) \(checksum)"
        case .gre: "\(text) --tun-type gre \(checksum)"
        default: "\(text) --tun-type ipip"
        }
    }
}
