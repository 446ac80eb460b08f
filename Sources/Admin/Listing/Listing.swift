public import LVS
import Wire

/// Writes what `-L` shows, byte by byte as ipvsadm 1.31 does.
public enum Listing {
    /// The text of one listing. `connections` is looked at only by `-c`. `nil` if the service asked for does not exist.
    public static func text(
        _ request: ListRequest, of inventory: Inventory, connections: [ConnectionRecord] = [],
        names: some NameResolver
    ) -> String? {
        if request.json { return ListingJSON.text(request, of: inventory) }
        let naming = Naming(names: names, numeric: request.numeric)
        switch request.subject {
        case .timeouts:
            let timeouts = inventory.timeouts
            return "Timeout (tcp tcpfin udp): \(timeouts.tcp) \(timeouts.fin) \(timeouts.udp)\n"
        case .daemons:
            return inventory.daemons.sorted { $0.role.rawValue < $1.role.rawValue }.map(line).joined()
        case .connections:
            return ConnectionListing.text(connections, engines: request.columns == .persistence, naming: naming)
        case .service(let key):
            guard let service = inventory.services.first(where: { $0.key == key }) else { return nil }
            return title(request.columns) + lines(service, request, naming)
        case .services:
            let services = request.sorted ? ListingOrder.services(inventory.services) : inventory.services
            return "IP Virtual Server version 1.2.1 (size=\(inventory.tableSize))\n" + title(request.columns)
                + services.map { lines($0, request, naming) }.joined()
        }
    }

    /// The two lines that name the columns; blanks at their ends included.
    private static func title(_ columns: ListRequest.Columns) -> String {
        let usual = "Prot LocalAddress:Port Scheduler Flags\n"
        let service = "Prot LocalAddress:Port".left(33)
        let server = "  -> RemoteAddress:Port"
        switch columns {
        case .usual:
            return usual + server + "           Forward Weight ActiveConn InActConn\n"
        case .tunnels:
            return usual + server + "           Forward TunnelInfo    Weight ActiveConn InActConn\n"
        case .statistics:
            return service + ["Conns", "InPkts", "OutPkts", "InBytes", "OutBytes"].map { " " + $0.right(8) }.joined()
                + "\n" + server + "\n"
        case .rates:
            return service + ["CPS", "InPPS", "OutPPS", "InBPS", "OutBPS"].map { " " + $0.right(8) }.joined()
                + "\n" + server + "\n"
        case .thresholds:
            return service + ["Uthreshold", "Lthreshold", "ActiveConn", "InActConn"].map { " " + $0.left(10) }.joined()
                + "\n" + server + "\n"
        case .persistence:
            return service + " " + "Weight".left(9) + " " + "PersistConn".left(11) + " " + "ActiveConn".left(10)
                + " " + "InActConn".left(10) + "\n" + server + "\n"
        }
    }

    private static func lines(_ service: ServiceRecord, _ request: ListRequest, _ naming: Naming<some NameResolver>) -> String {
        let servers = request.sorted ? ListingOrder.servers(service.servers) : service.servers
        return head(service, request, naming) + "\n"
            + servers.map { line($0, of: service.key, request, naming) + "\n" }.joined()
    }

    private static func head(_ service: ServiceRecord, _ request: ListRequest, _ naming: Naming<some NameResolver>) -> String {
        let key = service.key
        let name: String
        if key.mark != 0 {
            name = "FWM  \(Int32(truncatingIfNeeded: key.mark))" + (key.family == .v6 ? " IPv6" : "")
        } else {
            let whole = protocolName(key.proto).left(4) + " " + naming.name(of: key)
            // Only a name of several ports may be longer than the column: cut it would hide a port.
            name = key.family == .v4 && key.ranges.isEmpty ? whole.cut(to: 33) : whole
        }
        switch request.columns {
        case .statistics:
            return name.left(33) + fields(service.statistics.counters).map { largeNumber($0, exact: request.exact) }.joined()
        case .rates:
            return name.left(33) + fields(service.statistics.rates).map { largeNumber($0, exact: request.exact) }.joined()
        default:
            return name + service.settings.listed(key.family)
        }
    }

    private static func line(
        _ server: ServerRecord, of service: ServiceKey, _ request: ListRequest,
        _ naming: Naming<some NameResolver>
    ) -> String {
        let family = server.key.address.family
        let whole = naming.name(server.key.address, family, server.key.port, proto: service.proto)
        let name = "  -> " + (family == .v4 ? whole.cut(to: 28) : whole).left(28)
        let settings = server.settings
        let connections = " \(server.active.left(10)) \(server.inactive.left(10))"
        switch request.columns {
        case .usual:
            return name + " \(settings.methodName.left(7)) \(settings.weight.left(6))" + connections + settings.listed(service.family)
        case .tunnels:
            return name + " \(settings.methodName.left(7)) \(settings.tunnelName.left(13)) \(settings.weight.left(6))" + connections
        case .thresholds:
            return name + " \(settings.upperThreshold.left(10)) \(settings.lowerThreshold.left(10))" + connections
        case .persistence:
            return name + " \(UInt32(bitPattern: settings.weight).left(9)) \(server.persistent.left(11))" + connections
        case .statistics:
            return name + fields(server.statistics.counters).map { largeNumber($0, exact: request.exact) }.joined()
        case .rates:
            // Connections and packets a second of a server are never scaled.
            let rates = fields(server.statistics.rates)
            return name + rates[..<3].map { " " + $0.right(8) }.joined()
                + rates[3...].map { largeNumber($0, exact: request.exact) }.joined()
        }
    }

    private static func line(_ daemon: SyncDaemon) -> String {
        var text = "\(daemon.role == .master ? "master" : "backup") sync daemon (mcast=\(daemon.interface), syncid=\(daemon.syncID)"
        if daemon.maximumLength != 0 { text += ", maxlen=\(daemon.maximumLength)" }
        text += ", group=\(daemon.group.map(\.description) ?? "224.0.0.81")"
        text += ", port=\(daemon.port == 0 ? 8848 : daemon.port), ttl=\(daemon.timeToLive == 0 ? 1 : daemon.timeToLive))\n"
        return text
    }

    private static func fields(_ counters: Counters) -> [UInt64] {
        [counters.connections, counters.packetsIn, counters.packetsOut, counters.bytesIn, counters.bytesOut]
    }

    static func protocolName(_ proto: UInt8) -> String {
        switch proto {
        case IPProtocol.tcp: "TCP"
        case IPProtocol.udp: "UDP"
        case IPProtocol.sctp: "SCTP"
        case 0: "IP"
        case IPProtocol.icmp: "ICMP"
        case IPProtocol.icmpv6: "ICMPv6"
        // As the kernel names them.
        default: "IP_\(proto)"
        }
    }
}
