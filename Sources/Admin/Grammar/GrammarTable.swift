import LVS

/// The commands of the language, by the names ipvsadm's messages use; columns of `OptionName.rows`.
enum CommandName: Int, Sendable {
    case addService, editService, deleteService, flush, list, addServer, deleteServer, editServer
    case set, startDaemon, stopDaemon, restore, save, zero

    var text: String {
        switch self {
        case .addService: "add-service"
        case .editService: "edit-service"
        case .deleteService: "delete-service"
        case .flush: "flush"
        case .list: "list"
        case .addServer: "add-server"
        case .deleteServer: "delete-server"
        case .editServer: "edit-server"
        case .set: "set"
        case .startDaemon: "start-daemon"
        case .stopDaemon: "stop-daemon"
        case .restore: "restore"
        case .save: "save"
        case .zero: "zero"
        }
    }
}

/// What an option says, whatever its spelling; in the order in which ipvsadm checks the combinations.
enum OptionName: Int, CaseIterable, Sendable {
    case numeric, connection, service, scheduler, persistent, netmask, server, method, weight, upperThreshold, lowerThreshold
    case interface, timeout, daemon, statistics, rates, thresholds, persistentConnections, nosort, syncID, exact, onePacket
    case engine, schedulerFlags, group, port, timeToLive, maximumLength, tunnelInfo
    case tunnelType, tunnelPort, tunnelNoChecksum, tunnelChecksum, tunnelRemoteChecksum
    case localAddress, noTOA, proxyProtocol, mssClamp, timeoutTCP, timeoutFIN, timeoutUDP

    /// Name in messages, and which commands take it: `+` required, `o` optional, `1` at most one of these, `.` illegal.
    struct Row: Sendable {
        let text: String
        let legality: [UInt8]

        init(_ text: String, _ legality: StaticString) {
            self.text = text
            self.legality = Array(String(describing: legality).utf8)
        }
    }

    var row: Row { Self.rows[rawValue] }
    var bit: UInt64 { 1 << UInt64(rawValue) }

    /// Options against commands: -A -E -D -C -L -a -d -e --set --start-daemon --stop-daemon -R -S -Z.
    static let rows: [Row] = [
        //                       AEDCLadesptRSZ
        Row("numeric", "....o.......o."),
        Row("connection", "....1........."),
        Row("service-address", "+++.1+++.....o"),
        Row("scheduler", "oo............"),
        Row("persistent", "oo............"),
        Row("netmask", "oo............"),
        Row("real-server", ".....+++......"),
        Row("forwarding-method", ".....o.o......"),
        Row("weight", ".....o.o......"),
        Row("u-threshold", ".....o.o......"),
        Row("l-threshold", ".....o.o......"),
        Row("mcast-interface", ".........o...."),
        Row("timeout", "....1........."),
        Row("daemon", "....1........."),
        Row("stats", "....o........."),
        Row("rate", "....o........."),
        Row("thresholds", "....o........."),
        Row("persistent-conn", "....o........."),
        Row("nosort", "....o........."),
        Row("syncid", "....o....oo..."),
        Row("exact", "....o........."),
        Row("ops", "oo............"),
        Row("pe", "oo............"),
        Row("sched-flags", "oo............"),
        Row("mcast-group", ".........o...."),
        Row("mcast-port", ".........o...."),
        Row("mcast-ttl", ".........o...."),
        Row("sync-maxlen", ".........o...."),
        Row("tun-info", "....o........."),
        Row("tun-type", ".....o.o......"),
        Row("tun-port", ".....o.o......"),
        Row("tun-nocsum", ".....o.o......"),
        Row("tun-csum", ".....o.o......"),
        Row("tun-remcsum", ".....o.o......"),
        // What ipvsadm does not know.
        Row("local-address", "oo............"),
        Row("no-toa", "11............"),
        Row("proxy-protocol", "11............"),
        Row("mss-clamp", "oo............"),
        Row("timeout-tcp", "oo............"),
        Row("timeout-fin", "oo............"),
        Row("timeout-udp", "oo............"),
    ]
}

/// The tunnel types, and which tunnel options go with each; marks as in `OptionName.rows`.
enum TunnelRow {
    static let options: [OptionName] = [.tunnelPort, .tunnelNoChecksum, .tunnelChecksum, .tunnelRemoteChecksum]

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
