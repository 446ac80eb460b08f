import LVS
import Wire

/// The effect of each option, in the order in which they are written.
extension Entry {
    /// Takes one option; `false` if it is a second command.
    mutating func take(_ meaning: Spelling.Meaning, _ value: String?, names: some NameResolver) throws(UsageError) -> Bool {
        let text = value ?? ""
        switch meaning {
        case .command, .help, .version:
            return false
        case .sort:
            break
        case .sixth:
            guard mark != 0 else { throw UsageError("-6 used before -f\n") }
            family = .v6
            service.netmask = 128
        case .service(let number):
            try note(.service)
            proto = number
            guard let endpoint = Endpoint(text, proto: proto, ranges: true, names: names) else {
                throw UsageError("illegal virtual server address[:port] specified")
            }
            family = endpoint.family
            address = endpoint.address
            port = endpoint.port ?? 0
            ranges = endpoint.ranges
            if family == .v6 { service.netmask = 128 }
        case .mark:
            try note(.service)
            family = .v4
            proto = IPProtocol.tcp
            guard let number = Number.within(1...Int64(UInt32.max), text) else {
                throw UsageError("invalid fwmark value `\(text)' specified")
            }
            mark = UInt32(number)
        case .method(let method):
            try note(.method)
            settings.method = method
        case .option(let name):
            // A service has as many local addresses as it needs.
            if name == .localAddress { options |= name.bit } else { try note(name) }
            if try !takeServiceOption(name, value, names: names) { try takeServerOption(name, text, names: names) }
        }
        return true
    }

    private mutating func note(_ option: OptionName) throws(UsageError) {
        guard !has(option) else { throw UsageError("multiple '\(option.row.text)' options specified") }
        options |= option.bit
    }

    private mutating func takeServiceOption(
        _ name: OptionName, _ value: String?,
        names: some NameResolver
    ) throws(UsageError) -> Bool {
        let text = value ?? ""
        switch name {
        case .scheduler:
            service.scheduler = Self.cut(text, to: 15)
        case .persistent:
            service.flags.insert(.persistent)
            service.timeout = if let value { try Self.timeout(value, from: 1) } else { 360 }
        case .netmask where family == .v6:
            let length = Number.atoi(text)
            guard (1...128).contains(length) else { throw UsageError("illegal ipv6 netmask specified") }
            service.netmask = UInt32(length)
        case .netmask:
            guard let mask = Endpoint.v4(text, names: names) else {
                throw UsageError("illegal virtual server persistent mask specified")
            }
            service.netmask = mask.v4
        case .engine:
            service.persistenceEngine = Self.cut(text, to: 16)
        case .schedulerFlags:
            schedulerFlags = text
        case .onePacket:
            service.flags.insert(.onePacket)
        case .localAddress:
            guard let ranges = Endpoint.localAddresses(text) else {
                throw UsageError("illegal local address `\(text)' specified")
            }
            service.localAddresses += ranges
        case .noTOA:
            service.clientAddress = .none
        case .proxyProtocol:
            service.clientAddress = .proxyProtocol
        case .mssClamp:
            switch text {
            case "auto": service.mssClamp = .auto
            case "off": service.mssClamp = .off
            default:
                guard let size = Number.within(1...65535, text) else { throw UsageError("illegal mss-clamp specified") }
                service.mssClamp = .value(UInt16(size))
            }
        case .timeoutTCP:
            service.timeoutTCP = try Self.timeout(text, from: 0)
        case .timeoutFIN:
            service.timeoutFIN = try Self.timeout(text, from: 0)
        case .timeoutUDP:
            service.timeoutUDP = try Self.timeout(text, from: 0)
        default:
            return false
        }
        return true
    }

    private mutating func takeServerOption(_ name: OptionName, _ text: String, names: some NameResolver) throws(UsageError) {
        switch name {
        case .server:
            guard let endpoint = Endpoint(text, proto: proto, ranges: false, names: names) else {
                throw UsageError("illegal real server address[:port] specified")
            }
            serverFamily = endpoint.family
            // The kernel refuses an IPv4-mapped server as it refuses `::`, which no IPv4 server can be mistaken for.
            let mapped = endpoint.family == .v6 && endpoint.address.isV4
            server = ServerKey(address: mapped ? .unspecified(.v6) : endpoint.address, port: endpoint.port ?? followedPort)
        case .weight:
            settings.weight = Int32(try Self.number(text, 0...Int64(Int32.max), "weight"))
        case .upperThreshold:
            settings.upperThreshold = UInt32(try Self.number(text, 0...Int64(Int32.max), "u_threshold"))
        case .lowerThreshold:
            settings.lowerThreshold = UInt32(try Self.number(text, 0...Int64(Int32.max), "l_threshold"))
        case .tunnelType:
            guard let type = TunnelRow.type(named: text) else { throw UsageError("illegal tunnel type specified") }
            settings.tunnel = type
        case .tunnelPort:
            settings.tunnelPort = UInt16(try Self.number(text, 1...65535, "tunnel port"))
        case .tunnelChecksum:
            settings.tunnelFlags.insert(.checksum)
        case .tunnelRemoteChecksum:
            settings.tunnelFlags.insert(.remoteChecksum)
        case .interface:
            daemon.interface = text.isEmpty ? "eth0" : Self.cut(text, to: 15)
        case .syncID:
            daemon.syncID = UInt32(try Self.number(text, 0...255, "syncid"))
        case .port:
            daemon.port = UInt16(try Self.number(text, 1...65535, "mcast-port"))
        case .timeToLive:
            daemon.timeToLive = UInt8(try Self.number(text, 1...255, "mcast-ttl"))
        case .maximumLength:
            daemon.maximumLength = UInt16(try Self.number(text, 1...65507, "sync-maxlen"))
        case .group:
            let isV6 = text.utf8.contains(UInt8(ascii: ":"))
            guard let group = IPAddress(text), group.isV4 != isV6, group.isMulticast else {
                throw UsageError("invalid \(isV6 ? "IPv6" : "IPv4") mcast-group `\(text)'")
            }
            daemon.group = group
        default:
            break
        }
    }

    private static func number(_ text: String, _ range: ClosedRange<Int64>, _ what: String) throws(UsageError) -> Int64 {
        guard let number = Number.within(range, text) else { throw UsageError("illegal \(what) specified") }
        return number
    }

    /// At most so many bytes, as the kernel's fixed fields hold them.
    private static func cut(_ text: String, to bytes: Int) -> String { String(decoding: text.utf8.prefix(bytes), as: UTF8.self) }
}
