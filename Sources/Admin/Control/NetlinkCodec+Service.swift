public import LVS
import Wire

extension NetlinkCodec {
    private typealias Attribute = ControlConstants.Service

    /// What identifies a service, in the kernel's order.
    static func write(_ key: ServiceKey, to out: inout AttributeWriter) {
        out.put(Attribute.family, u16: number(of: key.family))
        if key.mark != 0 {
            out.put(Attribute.mark, u32: key.mark)
        } else {
            out.put(Attribute.proto, u16: UInt16(key.proto))
            out.put(Attribute.address, bytes: key.family == .v4 ? bytes(of: key.address) : mappedBytes(of: key.address))
            out.put(Attribute.port, big16: key.port)
        }
        guard key.mark == 0 else { return }
        var ranges: [UInt8] = []
        for range in key.ranges.prefix(ControlConstants.maximumRanges) {
            ranges.appendBig(range.lowerBound)
            ranges.appendBig(range.upperBound)
        }
        out.put(Attribute.portRanges, bytes: ranges)
    }

    static func key(_ service: NetlinkAttributes) throws(CommandError) -> ServiceKey {
        let family = try family(need(service.u16(Attribute.family)))
        if let mark = try optional(service, Attribute.mark, { $0.u32($1) }) {
            guard mark != 0, !service.contains(Attribute.portRanges) else { throw .invalid }
            return ServiceKey(mark: mark, family: family)
        }
        guard let proto = UInt8(exactly: try need(service.u16(Attribute.proto))) else { throw .invalid }
        let bytes = try need(service.bytes(Attribute.address))
        // The kernel takes an IPv4-mapped address for a service of IPv6, which then no packet reaches.
        let address = family == .v6 && bytes.count == 16 ? mappedAddress(bytes, at: 0) : try address(bytes, family)
        let port = try need(service.big16(Attribute.port))
        var key = ServiceKey(proto: proto, address: address, port: port, ranges: try ranges(service, from: port))
        key.family = family
        return key
    }

    private static func ranges(_ service: NetlinkAttributes, from port: UInt16) throws(CommandError) -> [ClosedRange<UInt16>] {
        guard let bytes = service.bytes(Attribute.portRanges) else { return [] }
        let count = bytes.count / 4
        guard bytes.count % 4 == 0, count <= ControlConstants.maximumRanges,
            count == 0 || bytes.big16(at: 0) == port
        else { throw .invalid }
        var ranges: [ClosedRange<UInt16>] = []
        for i in 0..<count {
            let (first, last) = (bytes.big16(at: 4 * i), bytes.big16(at: 4 * i + 2))
            guard first <= last else { throw .invalid }
            ranges.append(first...last)
        }
        return ranges
    }

    /// Whether the client knows of port ranges, and so means exactly the service it names.
    static func namesRanges(_ message: GenericMessage) -> Bool {
        NetlinkAttributes(message.attributes)?.nest(Top.service)?.contains(Attribute.portRanges) ?? false
    }

    /// What an administrator said about a service. `mask` tells which of its flags are meant.
    static func write(_ settings: ServiceSettings, of key: ServiceKey, mask: UInt32 = .max, to out: inout AttributeWriter) {
        out.put(Attribute.scheduler, string: settings.scheduler)
        if !settings.persistenceEngine.isEmpty { out.put(Attribute.persistenceEngine, string: settings.persistenceEngine) }
        var flags: [UInt8] = []
        flags.appendNative(settings.flags.rawValue)
        flags.appendNative(mask)
        out.put(Attribute.flags, bytes: flags)
        out.put(Attribute.timeout, u32: settings.timeout)
        if key.family == .v4 {
            out.put(Attribute.netmask, big32: settings.netmask)
        } else {
            out.put(Attribute.netmask, u32: settings.netmask)
        }
        var addresses: [UInt8] = []
        for range in settings.localAddresses.prefix(ControlConstants.maximumRanges) {
            addresses += mappedBytes(of: range.lowerBound)
            addresses += mappedBytes(of: range.upperBound)
        }
        out.put(Attribute.localAddresses, bytes: addresses)
        out.put(Attribute.clientAddress, u8: settings.clientAddress.rawValue)
        switch settings.mssClamp {
        case .off: out.put(Attribute.mssClamp, u32: 0)
        case .auto: out.put(Attribute.mssClamp, u32: 1)
        case .value(let size): out.put(Attribute.mssClamp, u32: 0x10000 + UInt32(size))
        }
        out.put(Attribute.timeoutTCP, u32: settings.timeoutTCP)
        out.put(Attribute.timeoutFIN, u32: settings.timeoutFIN)
        out.put(Attribute.timeoutUDP, u32: settings.timeoutUDP)
    }

    /// Settings with the flags that the request sets, the mask beside them, and which of our own attributes it names.
    static func settings(_ service: NetlinkAttributes, of key: ServiceKey) throws(CommandError)
        -> (settings: ServiceSettings, mask: UInt32, own: Set<UInt16>)
    {
        let scheduler = try need(try name(service, Attribute.scheduler))
        let flags = try need(service.bytes(Attribute.flags))
        let timeout = try need(service.u32(Attribute.timeout))
        let netmask = try need(key.family == .v4 ? service.big32(Attribute.netmask) : service.u32(Attribute.netmask))
        guard flags.count >= 8 else { throw .invalid }
        let mask = flags.native32(at: 4)
        var settings = ServiceSettings(
            scheduler: scheduler, flags: ServiceFlags(rawValue: flags.native32(at: 0) & mask), timeout: timeout, netmask: netmask,
            persistenceEngine: try name(service, Attribute.persistenceEngine, atMost: 16) ?? "")
        if let bytes = service.bytes(Attribute.localAddresses) { settings.localAddresses = try localAddresses(bytes) }
        if let number = try optional(service, Attribute.clientAddress, { $0.u8($1) }) {
            settings.clientAddress = try need(ClientAddressOption(rawValue: number))
        }
        switch try optional(service, Attribute.mssClamp, { $0.u32($1) }) {
        case .none, .some(0): break
        case .some(1): settings.mssClamp = .auto
        case .some(let number):
            guard 0x10000...0x1ffff ~= number else { throw .invalid }
            settings.mssClamp = .value(UInt16(number - 0x10000))
        }
        settings.timeoutTCP = try optional(service, Attribute.timeoutTCP) { $0.u32($1) } ?? 0
        settings.timeoutFIN = try optional(service, Attribute.timeoutFIN) { $0.u32($1) } ?? 0
        settings.timeoutUDP = try optional(service, Attribute.timeoutUDP) { $0.u32($1) } ?? 0
        return (settings, mask, Set(service.types.filter { $0 > Attribute.portRanges }))
    }

    private static func localAddresses(_ bytes: ArraySlice<UInt8>) throws(CommandError) -> [ClosedRange<IPAddress>] {
        let count = bytes.count / 32
        guard bytes.count % 32 == 0, count <= ControlConstants.maximumRanges else { throw .invalid }
        var ranges: [ClosedRange<IPAddress>] = []
        for i in 0..<count {
            let (first, last) = (mappedAddress(bytes, at: 32 * i), mappedAddress(bytes, at: 32 * i + 16))
            guard first.isV4 == last.isV4, first <= last else { throw .invalid }
            ranges.append(first...last)
        }
        return ranges
    }

    /// `settings` with our own attributes taken from `old` where a request did not name them.
    static func keeping(_ old: ServiceSettings, in settings: ServiceSettings, named: Set<UInt16>) -> ServiceSettings {
        var kept = settings
        if !named.contains(Attribute.localAddresses) { kept.localAddresses = old.localAddresses }
        if !named.contains(Attribute.clientAddress) { kept.clientAddress = old.clientAddress }
        if !named.contains(Attribute.mssClamp) { kept.mssClamp = old.mssClamp }
        if !named.contains(Attribute.timeoutTCP) { kept.timeoutTCP = old.timeoutTCP }
        if !named.contains(Attribute.timeoutFIN) { kept.timeoutFIN = old.timeoutFIN }
        if !named.contains(Attribute.timeoutUDP) { kept.timeoutUDP = old.timeoutUDP }
        return kept
    }

    /// Our own attributes, all of them: a request that names these needs no old settings.
    static var ownAttributes: Set<UInt16> {
        [
            Attribute.localAddresses, Attribute.clientAddress, Attribute.mssClamp, Attribute.timeoutTCP, Attribute.timeoutFIN,
            Attribute.timeoutUDP,
        ]
    }

    /// NEW_SERVICE of a dump; its flags always say `hashed`.
    public static func message(for record: ServiceRecord) -> GenericMessage {
        var settings = record.settings
        settings.flags.insert(.hashed)
        var out = AttributeWriter()
        out.nest(Top.service) { service in
            write(record.key, to: &service)
            write(settings, of: record.key, to: &service)
            service.nest(Attribute.statistics) { write(record.statistics, wide: false, to: &$0) }
            service.nest(Attribute.statistics64) { write(record.statistics, wide: true, to: &$0) }
        }
        return GenericMessage(command: Verb.newService, attributes: out.bytes)
    }

    /// A service out of a dump, without servers.
    public static func service(_ message: GenericMessage) throws(CommandError) -> ServiceRecord {
        let top = try need(NetlinkAttributes(message.attributes))
        let service = try need(top.nest(Top.service))
        let key = try key(service)
        return ServiceRecord(
            key: key, settings: try settings(service, of: key).settings,
            statistics: try statistics(need(service.nest(Attribute.statistics64))))
    }
}
