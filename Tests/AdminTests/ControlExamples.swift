import LVS
import Wire

/// Values that use every field of the vocabulary, for round trips.
enum ControlExamples {
    static let v4 = ServiceKey(proto: IPProtocol.tcp, address: IPAddress("10.9.0.1")!, port: 80)
    static let v6 = ServiceKey(proto: 132, address: IPAddress("2001:db8::80")!, port: 443)
    static let mark = ServiceKey(mark: 0xffff_ffff, family: .v4)
    static let mark6 = ServiceKey(mark: 7, family: .v6)
    static let ranged = ServiceKey(
        proto: IPProtocol.udp, address: IPAddress("10.9.0.2")!, port: 80,
        ranges: [80...80, 443...443, 8000...8099, 65535...65535])
    static let services = [v4, v6, mark, mark6, ranged]

    static let plain = ServiceSettings()
    static var full: ServiceSettings {
        var settings = ServiceSettings(
            scheduler: "fifteen-letters", flags: [.persistent, .onePacket, .scheduler1, .scheduler3],
            timeout: 2_678_400, netmask: 0xffff_ff00, persistenceEngine: "sip")
        settings.localAddresses = [IPAddress("10.8.0.1")!...IPAddress("10.8.0.9")!, IPAddress("fd00::1")!...IPAddress("fd00::1")!]
        settings.clientAddress = .proxyProtocol
        settings.mssClamp = .value(1400)
        (settings.timeoutTCP, settings.timeoutFIN, settings.timeoutUDP) = (1, 2, .max)
        return settings
    }
    static var clamped: ServiceSettings {
        var settings = ServiceSettings(netmask: 64)
        settings.clientAddress = .none
        settings.mssClamp = .auto
        return settings
    }
    static let settings = [plain, full, clamped]

    static let servers: [(ServerKey, ServerSettings)] = [
        (ServerKey(address: IPAddress("10.2.0.11")!, port: 8080), ServerSettings()),
        (
            ServerKey(address: IPAddress("2001:db8::1111:2222:3333:4444")!, port: 65535),
            ServerSettings(
                method: .tunneling, weight: .max, upperThreshold: .max, lowerThreshold: 1, tunnel: .gue,
                tunnelPort: 6080, tunnelFlags: [.checksum, .remoteChecksum])
        ),
        (ServerKey(address: IPAddress("0.0.0.0")!, port: 0), ServerSettings(method: .fullNAT, weight: -1)),
        (ServerKey(address: IPAddress("10.2.0.12")!, port: 1), ServerSettings(method: .masquerading, weight: 0)),
        (ServerKey(address: IPAddress("127.0.0.1")!, port: 1), ServerSettings(method: .localNode)),
        (ServerKey(address: IPAddress("10.2.0.13")!, port: 1), ServerSettings(method: .bypass, tunnel: TunnelType(rawValue: 200))),
    ]

    static let daemons = [
        SyncDaemon(role: .master),
        SyncDaemon(
            role: .backup, interface: "fifteen-letters", syncID: 255, maximumLength: 65507,
            group: IPAddress("224.1.2.3"), port: 1234, timeToLive: 255),
        SyncDaemon(role: .backup, interface: "", syncID: 0, maximumLength: 1, group: IPAddress("ff02::81"), port: 1, timeToLive: 1),
    ]

    static var statistics: Statistics {
        var counters = Counters()
        (counters.connections, counters.packetsIn, counters.packetsOut) = (0x8f, 0x1_0000_00b3, 3)
        (counters.bytesIn, counters.bytesOut) = (0x2238, .max)
        var rates = Counters()
        (rates.connections, rates.packetsIn, rates.packetsOut, rates.bytesIn, rates.bytesOut) = (1, 2, 0, 0x45, 6)
        return Statistics(counters: counters, rates: rates)
    }

    static let connections = [
        ConnectionRecord(
            proto: 6, client: IPAddress("192.0.2.2")!, clientPort: 1001, virtual: IPAddress("10.9.0.1")!,
            virtualPort: 2001, server: IPAddress("10.2.0.13")!, serverPort: 2001, state: "ESTABLISHED", expires: 899),
        ConnectionRecord(
            proto: 0, client: IPAddress("203.0.113.2")!, clientPort: 0, virtual: IPAddress("0.0.0.51")!,
            virtualPort: 0, server: IPAddress("10.2.0.12")!, serverPort: 0, state: "NONE", expires: 29, isTemplate: true),
        ConnectionRecord(
            proto: 17, client: IPAddress("192.0.2.1")!, clientPort: 0, virtual: IPAddress("10.9.0.1")!,
            virtualPort: 5060, server: IPAddress("10.2.0.12")!, serverPort: 5060, state: "NONE", expires: 59,
            isTemplate: true, persistenceEngine: "sip", persistenceData: Array("abc@1".utf8)),
        ConnectionRecord(
            proto: 132, client: IPAddress("2001:db8:c::7")!, clientPort: 103, virtual: IPAddress("2001:db8:9::1")!,
            virtualPort: 80, server: IPAddress("2001:db8:2::11")!, serverPort: 80, state: "ESTABLISHED", expires: 891),
    ]

    static var inventory: Inventory {
        var records: [ServiceRecord] = []
        for key in services {
            for setting in settings {
                var listed = setting
                listed.flags.insert(.hashed)
                records.append(
                    ServiceRecord(
                        key: key, settings: listed, statistics: statistics,
                        servers: servers.map {
                            ServerRecord(key: $0.0, settings: $0.1, active: 7, inactive: .max, persistent: 1, statistics: statistics)
                        }))
            }
        }
        return Inventory(
            services: records, timeouts: Timeouts(tcp: 1, fin: 2, udp: 3), daemons: [daemons[1]], tableSize: 1 << 20,
            total: statistics)
    }

    static var commands: [Command] {
        var all: [Command] = [.flush, .zero(nil), .setTimeouts(tcp: 1, fin: 0, udp: .max), .stopDaemon(.master), .stopDaemon(.backup)]
        for key in services {
            all += [.deleteService(key), .zero(key)]
            for setting in settings { all += [.addService(key, setting), .editService(key, setting)] }
            for (server, setting) in servers {
                all += [.addServer(key, server, setting), .editServer(key, server, setting), .deleteServer(key, server)]
            }
        }
        return all + daemons.map { .startDaemon($0) }
    }
}
