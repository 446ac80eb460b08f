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
        for attribute in ServiceSettings.ownAttributes { attribute.write(settings, &out) }
    }

    /// Settings with the flags that the request sets, the mask beside them, and which of our own attributes it leaves out.
    static func settings(_ service: NetlinkAttributes, of key: ServiceKey) throws(CommandError)
        -> (settings: ServiceSettings, mask: UInt32, unnamed: Set<UInt16>)
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
        let unnamed = try readOwn(service, into: &settings)
        return (settings, mask, unnamed)
    }

    /// Reads SVS's own attributes; which of them are left out.
    static func readOwn<Owner: OptionOwner>(_ attributes: NetlinkAttributes, into owner: inout Owner) throws(CommandError) -> Set<UInt16> {
        var unnamed: Set<UInt16> = []
        for attribute in Owner.ownAttributes {
            if attributes.contains(attribute.number) { try attribute.read(attributes, &owner) } else { unnamed.insert(attribute.number) }
        }
        return unnamed
    }

    /// `settings` with what our own attributes `unnamed` would carry as it is in `old`.
    static func keeping<Owner: OptionOwner>(_ old: Owner, in settings: Owner, unnamed: Set<UInt16>) -> Owner {
        var kept = settings
        for attribute in Owner.ownAttributes where unnamed.contains(attribute.number) { attribute.keep(old, &kept) }
        return kept
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
