import LVS
import Wire

/// Commands about a few services and servers, with settings of all kinds.
enum Commands {
    private static let schedulers = Schedulers.roster.map { $0.name } + [Schedulers.none, "nosuch"]
    private static let locals = [ip("10.2.0.200")...ip("10.2.0.203"), ip("fd00:2::200")...ip("fd00:2::201")]

    static func random(_ dice: inout Dice) -> Command {
        let key = service(&dice)
        switch dice.below(16) {
        case 0...3: return .addService(key, settings(&dice))
        case 4: return .editService(key, settings(&dice))
        case 5: return .deleteService(key)
        case 6...10: return .addServer(key, server(of: key, &dice), server(&dice))
        case 11: return .editServer(key, server(of: key, &dice), server(&dice))
        case 12: return .deleteServer(key, server(of: key, &dice))
        case 13: return .setTimeouts(tcp: dice.long(), fin: UInt32(dice.byte()), udp: UInt32(dice.byte()))
        case 14: return .zero(dice.flag() ? key : nil)
        default: return dice.below(16) == 0 ? .flush : .addServer(key, server(of: key, &dice), server(&dice))
        }
    }

    private static func service(_ dice: inout Dice) -> ServiceKey {
        let kind = dice.below(16), six = kind & 1 == 1
        if kind >= 14 { return ServiceKey(mark: UInt32(1 + dice.below(2)), family: six ? .v6 : .v4) }
        let proto = dice.pick([IPProtocol.tcp, IPProtocol.udp, IPProtocol.sctp])
        let address = six ? ip("2001:db8:f::10") : ip("203.0.113.10")
        let port = dice.pick([80, 80, 80, 0, 21, 5060] as [UInt16])
        return ServiceKey(proto: proto, address: address, port: port, ranges: port == 80 && dice.below(8) == 0 ? [80...90] : [])
    }

    private static func settings(_ dice: inout Dice) -> ServiceSettings {
        var settings = ServiceSettings(scheduler: dice.pick(schedulers), flags: ServiceFlags(rawValue: UInt32(dice.byte() & 0x3d)))
        if settings.flags.contains(.persistent) { settings.timeout = UInt32(dice.byte()) * 10 }
        settings.netmask = dice.pick([0xffff_ffff, 128, 64, 0xffff_ff00, dice.long()])
        if dice.below(8) == 0 { settings.persistenceEngine = "sip" }
        if dice.flag() { settings.localAddresses = locals }
        settings.clientAddress = dice.pick([.none, .toa, .proxyProtocol])
        settings.mssClamp = dice.pick([.off, .auto, .value(dice.word())])
        if dice.below(8) == 0 { (settings.timeoutTCP, settings.timeoutFIN, settings.timeoutUDP) = (dice.long(), 1, UInt32(dice.byte())) }
        return settings
    }

    private static func server(of key: ServiceKey, _ dice: inout Dice) -> ServerKey {
        let four = ["10.2.0.11", "10.2.0.12", "10.2.0.1", "127.0.0.1", "192.0.2.9"], six = ["fd00:2::11", "fd00:2::12", "::1"]
        let address = ip(dice.pick((key.family == .v4) == (dice.below(8) > 0) ? four : six))
        return ServerKey(address: address, port: dice.pick([key.port, key.port, 8080, 0, 80]))
    }

    private static func server(_ dice: inout Dice) -> ServerSettings {
        ServerSettings(
            method: ForwardingMethod(rawValue: dice.byte() % 6) ?? .directRouting, weight: dice.pick([1, 1, 2, 0, 65_535, -1, .max]),
            upperThreshold: dice.pick([0, 0, 2, 100]), lowerThreshold: dice.pick([0, 0, 1]),
            tunnel: TunnelType(rawValue: dice.byte() % 4), tunnelPort: dice.pick([6080, 0, 80]),
            tunnelFlags: TunnelFlags(rawValue: UInt16(dice.byte() & 3)))
    }

    private static func ip(_ text: String) -> IPAddress {
        guard let address = IPAddress(text) else { preconditionFailure("\(text) is no address") }
        return address
    }
}
