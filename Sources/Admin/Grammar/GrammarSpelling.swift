import LVS
import Wire

/// One spelling of a command or an option.
struct Spelling: Sendable {
    /// What follows the option.
    enum Value: Sendable { case none, required, optional }

    enum Meaning: Sendable {
        case command(CommandName)
        case help, version
        /// `-t`, `-u`, `--sctp-service`, by IP protocol number.
        case service(UInt8)
        case mark
        case sixth, sort
        case method(ForwardingMethod)
        case option(OptionName)
    }

    let long: String
    /// ASCII, 0 without one.
    let short: UInt8
    let value: Value
    let meaning: Meaning

    init(_ long: String, _ short: Unicode.Scalar?, _ value: Value, _ meaning: Meaning) {
        self.long = long
        self.short = short.map { UInt8(ascii: $0) } ?? 0
        self.value = value
        self.meaning = meaning
    }

    static func long(_ name: some Sequence<UInt8>) -> Spelling? { all.first { $0.long.utf8.elementsEqual(name) } }
    static func short(_ letter: UInt8) -> Spelling? { letter == 0 ? nil : all.first { $0.short == letter } }

    static let all: [Spelling] = [
        Spelling("add-service", "A", .none, .command(.addService)),
        Spelling("edit-service", "E", .none, .command(.editService)),
        Spelling("delete-service", "D", .none, .command(.deleteService)),
        Spelling("clear", "C", .none, .command(.flush)),
        Spelling("list", "L", .none, .command(.list)),
        Spelling("list", "l", .none, .command(.list)),
        Spelling("zero", "Z", .none, .command(.zero)),
        Spelling("add-server", "a", .none, .command(.addServer)),
        Spelling("edit-server", "e", .none, .command(.editServer)),
        Spelling("delete-server", "d", .none, .command(.deleteServer)),
        Spelling("set", nil, .none, .command(.set)),
        Spelling("start-daemon", nil, .required, .command(.startDaemon)),
        Spelling("stop-daemon", nil, .required, .command(.stopDaemon)),
        Spelling("restore", "R", .none, .command(.restore)),
        Spelling("save", "S", .none, .command(.save)),
        Spelling("help", "h", .none, .help),
        Spelling("version", "v", .none, .version),
        Spelling("tcp-service", "t", .required, .service(IPProtocol.tcp)),
        Spelling("udp-service", "u", .required, .service(IPProtocol.udp)),
        Spelling("sctp-service", nil, .required, .service(IPProtocol.sctp)),
        Spelling("fwmark-service", "f", .required, .mark),
        Spelling("ipv6", "6", .none, .sixth),
        Spelling("scheduler", "s", .required, .option(.scheduler)),
        Spelling("persistent", "p", .optional, .option(.persistent)),
        Spelling("netmask", "M", .required, .option(.netmask)),
        Spelling("pe", nil, .required, .option(.engine)),
        Spelling("sched-flags", "b", .required, .option(.schedulerFlags)),
        Spelling("ops", "o", .none, .option(.onePacket)),
        Spelling("real-server", "r", .required, .option(.server)),
        Spelling("gatewaying", "g", .none, .method(.directRouting)),
        Spelling("ipip", "i", .none, .method(.tunneling)),
        Spelling("masquerading", "m", .none, .method(.masquerading)),
        Spelling("fullnat", nil, .none, .method(.fullNAT)),
        Spelling("tun-type", nil, .required, .option(.tunnelType)),
        Spelling("tun-port", nil, .required, .option(.tunnelPort)),
        Spelling("tun-nocsum", nil, .none, .option(.tunnelNoChecksum)),
        Spelling("tun-csum", nil, .none, .option(.tunnelChecksum)),
        Spelling("tun-remcsum", nil, .none, .option(.tunnelRemoteChecksum)),
        Spelling("weight", "w", .required, .option(.weight)),
        Spelling("u-threshold", "x", .required, .option(.upperThreshold)),
        Spelling("l-threshold", "y", .required, .option(.lowerThreshold)),
        Spelling("numeric", "n", .none, .option(.numeric)),
        Spelling("connection", "c", .none, .option(.connection)),
        Spelling("timeout", nil, .none, .option(.timeout)),
        Spelling("daemon", nil, .none, .option(.daemon)),
        Spelling("stats", nil, .none, .option(.statistics)),
        Spelling("rate", nil, .none, .option(.rates)),
        Spelling("thresholds", nil, .none, .option(.thresholds)),
        Spelling("persistent-conn", nil, .none, .option(.persistentConnections)),
        Spelling("tun-info", nil, .none, .option(.tunnelInfo)),
        Spelling("nosort", nil, .none, .option(.nosort)),
        Spelling("sort", nil, .none, .sort),
        Spelling("exact", "X", .none, .option(.exact)),
        Spelling("mcast-interface", nil, .required, .option(.interface)),
        Spelling("syncid", nil, .required, .option(.syncID)),
        Spelling("mcast-group", nil, .required, .option(.group)),
        Spelling("mcast-port", nil, .required, .option(.port)),
        Spelling("mcast-ttl", nil, .required, .option(.timeToLive)),
        Spelling("sync-maxlen", nil, .required, .option(.maximumLength)),
        Spelling("local-address", nil, .required, .option(.localAddress)),
        Spelling("no-toa", nil, .none, .option(.noTOA)),
        Spelling("proxy-protocol", nil, .none, .option(.proxyProtocol)),
        Spelling("mss-clamp", nil, .required, .option(.mssClamp)),
        Spelling("timeout-tcp", nil, .required, .option(.timeoutTCP)),
        Spelling("timeout-fin", nil, .required, .option(.timeoutFIN)),
        Spelling("timeout-udp", nil, .required, .option(.timeoutUDP)),
    ]
}
