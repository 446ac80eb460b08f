public import LVS
import Wire

// Synchronisation daemons, the director itself, connections and questions.
extension NetlinkCodec {
    private typealias Daemon = ControlConstants.Daemon
    private typealias Info = ControlConstants.Info
    private typealias Entry = ControlConstants.Connection

    /// A daemon as a command describes it: defaults are not said.
    static func write(_ daemon: SyncDaemon, to out: inout AttributeWriter) {
        out.put(Daemon.state, u32: daemon.role.rawValue)
        out.put(Daemon.interface, string: daemon.interface)
        out.put(Daemon.syncID, u32: daemon.syncID)
        if daemon.maximumLength != 0 { out.put(Daemon.maximumLength, u16: daemon.maximumLength) }
        if let group = daemon.group {
            if group.isV4 {
                out.put(Daemon.group, big32: group.v4)
            } else {
                out.put(Daemon.group6, bytes: bytes(of: group))
            }
        }
        if daemon.port != 0 { out.put(Daemon.port, u16: daemon.port) }
        if daemon.timeToLive != 0 { out.put(Daemon.timeToLive, u8: daemon.timeToLive) }
    }

    static func role(_ daemon: NetlinkAttributes) throws(CommandError) -> SyncDaemon.Role {
        try need(SyncDaemon.Role(rawValue: need(daemon.u32(Daemon.state))))
    }

    static func daemon(_ attributes: NetlinkAttributes) throws(CommandError) -> SyncDaemon {
        var daemon = SyncDaemon(
            role: try role(attributes), interface: try need(try name(attributes, Daemon.interface)),
            syncID: try need(attributes.u32(Daemon.syncID)))
        daemon.maximumLength = try optional(attributes, Daemon.maximumLength) { $0.u16($1) } ?? 0
        if let group = attributes.bytes(Daemon.group) {
            guard group.count == 4 else { throw .invalid }
            daemon.group = try address(group, .v4)
        } else if let group = attributes.bytes(Daemon.group6) {
            daemon.group = try address(group, .v6)
        }
        daemon.port = try optional(attributes, Daemon.port) { $0.u16($1) } ?? 0
        daemon.timeToLive = try optional(attributes, Daemon.timeToLive) { $0.u8($1) } ?? 0
        return daemon
    }

    /// NEW_DAEMON of a dump, in which the defaults are numbers: clients print them as they come.
    public static func message(for daemon: SyncDaemon) -> GenericMessage {
        var listed = daemon
        if listed.maximumLength == 0 { listed.maximumLength = 1472 }
        if listed.group == nil { listed.group = IPAddress(v4: 0xe000_0051) }
        if listed.port == 0 { listed.port = 8848 }
        if listed.timeToLive == 0 { listed.timeToLive = 1 }
        var out = AttributeWriter()
        out.nest(Top.daemon) { write(listed, to: &$0) }
        return GenericMessage(command: Verb.newDaemon, attributes: out.bytes)
    }

    /// A daemon out of a dump.
    public static func daemon(_ message: GenericMessage) throws(CommandError) -> SyncDaemon {
        try daemon(need(need(NetlinkAttributes(message.attributes)).nest(Top.daemon)))
    }

    /// SET_INFO; with `total`, the director's own counters beside it.
    public static func info(tableSize: Int, total: Statistics?) -> GenericMessage {
        var out = AttributeWriter()
        out.put(Info.version, u32: ControlConstants.version)
        out.put(Info.tableSize, u32: UInt32(clamping: tableSize))
        if let total { out.nest(Top.total) { write(total, wide: true, to: &$0) } }
        return GenericMessage(command: Verb.setInfo, attributes: out.bytes)
    }

    /// Table size and the director's counters out of SET_INFO.
    public static func info(_ message: GenericMessage) throws(CommandError) -> (tableSize: Int, total: Statistics) {
        let top = try need(NetlinkAttributes(message.attributes))
        let size = try need(top.u32(Info.tableSize))
        let total = top.contains(Top.total) ? try statistics(need(top.nest(Top.total))) : Statistics()
        return (Int(size), total)
    }

    /// SET_CONFIG as an answer.
    public static func message(for timeouts: Timeouts) -> GenericMessage {
        var out = AttributeWriter()
        write(timeouts, to: &out)
        return GenericMessage(command: Verb.setConfig, attributes: out.bytes)
    }

    public static func timeouts(_ message: GenericMessage) throws(CommandError) -> Timeouts {
        try timeouts(need(NetlinkAttributes(message.attributes)))
    }

    /// One entry of the connection table. Longer names and data than a kernel knows are cut at 255 and 4096 bytes.
    public static func message(for connection: ConnectionRecord) -> GenericMessage {
        var out = AttributeWriter()
        out.nest(Top.connection) { entry in
            entry.put(Entry.proto, u8: connection.proto)
            entry.put(Entry.client, bytes: mappedBytes(of: connection.client, port: connection.clientPort))
            entry.put(Entry.virtual, bytes: mappedBytes(of: connection.virtual, port: connection.virtualPort))
            entry.put(Entry.server, bytes: mappedBytes(of: connection.server, port: connection.serverPort))
            entry.put(Entry.state, bytes: connection.state.utf8.prefix(255))
            entry.put(Entry.expires, u32: connection.expires)
            if connection.isTemplate { entry.put(Entry.template, bytes: EmptyCollection()) }
            if connection.isSynchronised { entry.put(Entry.synchronised, bytes: EmptyCollection()) }
            if !connection.persistenceEngine.isEmpty {
                entry.put(Entry.persistenceEngine, bytes: connection.persistenceEngine.utf8.prefix(255))
                entry.put(Entry.persistenceData, bytes: connection.persistenceData.prefix(4096))
            }
        }
        return GenericMessage(command: Verb.connection, attributes: out.bytes)
    }

    public static func connection(_ message: GenericMessage) throws(CommandError) -> ConnectionRecord {
        let top = try need(NetlinkAttributes(message.attributes))
        let entry = try need(top.nest(Top.connection))
        func end(_ type: UInt16) throws(CommandError) -> (IPAddress, UInt16) {
            guard let bytes = entry.bytes(type), bytes.count == 18 else { throw .invalid }
            return (mappedAddress(bytes, at: 0), bytes.big16(at: 16))
        }
        let (client, virtual, server) = (try end(Entry.client), try end(Entry.virtual), try end(Entry.server))
        return ConnectionRecord(
            proto: try need(entry.u8(Entry.proto)), client: client.0, clientPort: client.1, virtual: virtual.0,
            virtualPort: virtual.1, server: server.0, serverPort: server.1, state: try need(entry.string(Entry.state)),
            expires: try need(entry.u32(Entry.expires)), isTemplate: entry.contains(Entry.template), isSynchronised: entry.contains(Entry.synchronised),
            persistenceEngine: entry.string(Entry.persistenceEngine) ?? "",
            persistenceData: Array(entry.bytes(Entry.persistenceData) ?? []))
    }

    private static func mappedBytes(of address: IPAddress, port: UInt16) -> [UInt8] {
        var out = mappedBytes(of: address)
        out.appendBig(port)
        return out
    }
}
