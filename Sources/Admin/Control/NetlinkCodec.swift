public import LVS
import Wire

/// Translates between the director's vocabulary and the messages of generic netlink family `IPVS`, in both directions.
///
/// What comes in is checked to the last byte before anything is made of it: a missing or short attribute is
/// `CommandError.invalid` (EINVAL), an address family other than AF_INET and AF_INET6 `.familyNotSupported`.
public enum NetlinkCodec {
    typealias Verb = ControlConstants.Verb
    typealias Top = ControlConstants.Top

    /// AF_INET and AF_INET6 as the wire says them.
    static func number(of family: IPFamily) -> UInt16 { family == .v4 ? 2 : 10 }

    static func family(_ number: UInt16) throws(CommandError) -> IPFamily {
        switch number {
        case 2: .v4
        case 10: .v6
        default: throw .familyNotSupported
        }
    }

    /// 16 bytes in network order; IPv4 stands in front, zeros behind.
    static func bytes(of address: IPAddress) -> [UInt8] {
        var out: [UInt8] = []
        if address.isV4 {
            out.appendBig(address.v4)
            out += [UInt8](repeating: 0, count: 12)
        } else {
            out.appendBig(address.high)
            out.appendBig(address.low)
        }
        return out
    }

    /// 16 bytes, or 4 of an IPv4 address. An IPv6 address of the form ::ffff:a.b.c.d is refused: here it would mean IPv4.
    static func address(_ bytes: ArraySlice<UInt8>, _ family: IPFamily) throws(CommandError) -> IPAddress {
        if family == .v4 {
            guard bytes.count == 4 || bytes.count == 16 else { throw .invalid }
            return IPAddress(v4: bytes.big32(at: 0))
        }
        guard bytes.count == 16 else { throw .invalid }
        let address = IPAddress(high: bytes.big64(at: 0), low: bytes.big64(at: 8))
        guard !address.isV4 else { throw .invalid }
        return address
    }

    /// 16 bytes in which IPv4 is ::ffff:a.b.c.d, as our own attributes carry addresses.
    static func mappedBytes(of address: IPAddress) -> [UInt8] {
        var out: [UInt8] = []
        out.appendBig(address.high)
        out.appendBig(address.low)
        return out
    }

    static func mappedAddress(_ bytes: ArraySlice<UInt8>, at offset: Int) -> IPAddress {
        IPAddress(high: bytes.big64(at: offset), low: bytes.big64(at: offset + 8))
    }

    /// A required value, else EINVAL.
    static func need<Value>(_ value: Value?) throws(CommandError) -> Value {
        guard let value else { throw .invalid }
        return value
    }

    /// The value of an attribute that may be missing, but not too short.
    static func optional<Value>(
        _ attributes: NetlinkAttributes, _ type: UInt16,
        _ read: (NetlinkAttributes, UInt16) -> Value?
    ) throws(CommandError) -> Value? {
        attributes.contains(type) ? try need(read(attributes, type)) : nil
    }

    /// A name of at most 15 bytes, as the kernel's policy wants scheduler and interface names; an engine's has 16.
    static func name(_ attributes: NetlinkAttributes, _ type: UInt16, atMost longest: Int = 15) throws(CommandError) -> String? {
        guard let text = attributes.string(type) else { return nil }
        guard text.utf8.count <= longest else { throw .invalid }
        return text
    }

    /// The request that a command travels as.
    /// - Throws: `.invalid` when a service has more ranges than an attribute holds (`ControlConstants.maximumRanges`).
    public static func message(for command: Command) throws(CommandError) -> GenericMessage {
        var out = AttributeWriter()
        func refuseLong(_ key: ServiceKey) throws(CommandError) {
            guard key.ranges.count <= ControlConstants.maximumRanges else { throw .invalid }
        }
        switch command {
        case .addService(let key, let settings), .editService(let key, let settings):
            try refuseLong(key)
            guard ServiceSettings.ownAttributes.allSatisfy({ $0.fits(settings) }) else { throw .invalid }
            out.nest(Top.service) {
                write(key, to: &$0); write(settings, of: key, to: &$0)
            }
        case .deleteService(let key), .zero(.some(let key)):
            try refuseLong(key)
            out.nest(Top.service) { write(key, to: &$0) }
        case .addServer(let service, let key, let settings), .editServer(let service, let key, let settings):
            try refuseLong(service)
            guard ServerSettings.ownAttributes.allSatisfy({ $0.fits(settings) }) else { throw .invalid }
            out.nest(Top.service) { write(service, to: &$0) }
            out.nest(Top.server) {
                write(key, to: &$0); write(settings, to: &$0)
            }
        case .deleteServer(let service, let key):
            try refuseLong(service)
            out.nest(Top.service) { write(service, to: &$0) }
            out.nest(Top.server) { write(key, to: &$0) }
        case .setTimeouts(let tcp, let fin, let udp): write(Timeouts(tcp: tcp, fin: fin, udp: udp), to: &out)
        case .startDaemon(let daemon): out.nest(Top.daemon) { write(daemon, to: &$0) }
        case .stopDaemon(let role): out.nest(Top.daemon) { $0.put(ControlConstants.Daemon.state, u32: role.rawValue) }
        case .flush, .zero(.none): break
        }
        return GenericMessage(command: verb(of: command), attributes: out.bytes)
    }

    static func verb(of command: Command) -> UInt8 {
        switch command {
        case .addService: Verb.newService
        case .editService: Verb.setService
        case .deleteService: Verb.deleteService
        case .addServer: Verb.newServer
        case .editServer: Verb.setServer
        case .deleteServer: Verb.deleteServer
        case .setTimeouts: Verb.setConfig
        case .startDaemon: Verb.newDaemon
        case .stopDaemon: Verb.deleteDaemon
        case .zero: Verb.zero
        case .flush: Verb.flush
        }
    }

    static func write(_ timeouts: Timeouts, to out: inout AttributeWriter) {
        out.put(Top.timeoutTCP, u32: timeouts.tcp)
        out.put(Top.timeoutFIN, u32: timeouts.fin)
        out.put(Top.timeoutUDP, u32: timeouts.udp)
    }

    /// Timeouts of SET_CONFIG, request or answer; one that is not named is 0, which leaves it as it is.
    static func timeouts(_ top: NetlinkAttributes) throws(CommandError) -> Timeouts {
        Timeouts(
            tcp: try optional(top, Top.timeoutTCP) { $0.u32($1) } ?? 0,
            fin: try optional(top, Top.timeoutFIN) { $0.u32($1) } ?? 0,
            udp: try optional(top, Top.timeoutUDP) { $0.u32($1) } ?? 0)
    }

    /// Ten counters of 64 bits (STATS64), or of 32 bits apart from the two byte counters (STATS).
    static func write(_ statistics: Statistics, wide: Bool, to out: inout AttributeWriter) {
        for (start, part) in [(UInt16(1), statistics.counters), (6, statistics.rates)] {
            let values = [part.connections, part.packetsIn, part.packetsOut, part.bytesIn, part.bytesOut]
            for (type, value) in zip(start..<(start + 5), values) {
                if wide || type == 4 || type == 5 {
                    out.put(type, u64: value)
                } else {
                    out.put(type, u32: UInt32(truncatingIfNeeded: value))
                }
            }
        }
    }

    /// STATS64.
    static func statistics(_ attributes: NetlinkAttributes) throws(CommandError) -> Statistics {
        func part(from start: UInt16) throws(CommandError) -> Counters {
            var part = Counters()
            part.connections = try need(attributes.u64(start))
            part.packetsIn = try need(attributes.u64(start + 1))
            part.packetsOut = try need(attributes.u64(start + 2))
            part.bytesIn = try need(attributes.u64(start + 3))
            part.bytesOut = try need(attributes.u64(start + 4))
            return part
        }
        return Statistics(counters: try part(from: 1), rates: try part(from: 6))
    }
}
