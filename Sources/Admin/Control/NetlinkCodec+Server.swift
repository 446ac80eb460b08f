public import LVS
public import Wire

extension NetlinkCodec {
    private typealias Attribute = ControlConstants.Server

    static func write(_ key: ServerKey, to out: inout AttributeWriter) {
        out.put(Attribute.address, bytes: bytes(of: key.address))
        out.put(Attribute.port, big16: key.port)
        out.put(Attribute.family, u16: number(of: key.address.family))
    }

    /// Address and port; the family is the service's unless it is named.
    static func key(server: NetlinkAttributes, of service: IPFamily) throws(CommandError) -> ServerKey {
        let bytes = try need(server.bytes(Attribute.address))
        let port = try need(server.big16(Attribute.port))
        let named = try optional(server, Attribute.family) { $0.u16($1) } ?? 0
        return ServerKey(address: try address(bytes, named == 0 ? service : family(named)), port: port)
    }

    static func write(_ settings: ServerSettings, to out: inout AttributeWriter) {
        // To a client that does not know FULLNAT it is a kind of masquerading.
        let known = settings.method == .fullNAT ? ForwardingMethod.masquerading : settings.method
        out.put(Attribute.method, u32: UInt32(known.rawValue))
        out.put(Attribute.weight, u32: UInt32(bitPattern: settings.weight))
        out.put(Attribute.upperThreshold, u32: settings.upperThreshold)
        out.put(Attribute.lowerThreshold, u32: settings.lowerThreshold)
        out.put(Attribute.tunnel, u8: settings.tunnel.rawValue)
        out.put(Attribute.tunnelPort, big16: settings.tunnelPort)
        out.put(Attribute.tunnelFlags, u16: settings.tunnelFlags.rawValue)
        for attribute in ServerSettings.ownAttributes { attribute.write(settings, &out) }
    }

    /// Settings, and which of our own attributes are left out.
    static func settings(_ server: NetlinkAttributes) throws(CommandError) -> (settings: ServerSettings, unnamed: Set<UInt16>) {
        let flags = try need(server.u32(Attribute.method))
        var settings = ServerSettings()
        // IP_VS_CONN_F_FWD_MASK; 5 to 7 mean nothing there, to whatever our own attribute says.
        let method = ForwardingMethod(rawValue: UInt8(flags & 7))
        if let method, method != .fullNAT { settings.method = method }
        let unnamed = try readOwn(server, into: &settings)
        guard method != nil && method != .fullNAT || !unnamed.contains(ServerSettings.methodAttribute) else { throw .invalid }
        settings.weight = Int32(bitPattern: try need(server.u32(Attribute.weight)))
        settings.upperThreshold = try need(server.u32(Attribute.upperThreshold))
        settings.lowerThreshold = try need(server.u32(Attribute.lowerThreshold))
        settings.tunnel = TunnelType(rawValue: try optional(server, Attribute.tunnel) { $0.u8($1) } ?? 0)
        settings.tunnelPort = try optional(server, Attribute.tunnelPort) { $0.big16($1) } ?? 0
        settings.tunnelFlags = TunnelFlags(rawValue: try optional(server, Attribute.tunnelFlags) { $0.u16($1) } ?? 0)
        return (settings, unnamed)
    }

    /// NEW_DEST of a dump.
    public static func message(for record: ServerRecord) -> GenericMessage {
        var out = AttributeWriter()
        out.nest(Top.server) { server in
            write(record.key, to: &server)
            write(record.settings, to: &server)
            server.put(Attribute.active, u32: record.active)
            server.put(Attribute.inactive, u32: record.inactive)
            server.put(Attribute.persistent, u32: record.persistent)
            server.nest(Attribute.statistics) { write(record.statistics, wide: false, to: &$0) }
            server.nest(Attribute.statistics64) { write(record.statistics, wide: true, to: &$0) }
        }
        return GenericMessage(command: Verb.newServer, attributes: out.bytes)
    }

    /// A server out of a dump.
    public static func server(_ message: GenericMessage, of service: IPFamily) throws(CommandError) -> ServerRecord {
        let top = try need(NetlinkAttributes(message.attributes))
        let server = try need(top.nest(Top.server))
        return ServerRecord(
            key: try key(server: server, of: service), settings: try settings(server).settings,
            active: try need(server.u32(Attribute.active)), inactive: try need(server.u32(Attribute.inactive)),
            persistent: try need(server.u32(Attribute.persistent)),
            statistics: try statistics(need(server.nest(Attribute.statistics64))))
    }
}
