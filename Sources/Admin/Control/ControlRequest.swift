public import LVS
import Wire

/// What a client asks the director over the control interface.
public enum ControlRequest: Sendable {
    case change(CommandDraft)
    case info
    case timeouts
    case services
    case service(ServiceKey)
    /// Servers of one service.
    case servers(ServiceKey)
    case daemons
    case inventory(ServiceKey?)
    case connections
    /// A file of /proc, by its name.
    case file(String)
    /// A `ControlQuestion` as it came.
    case question([UInt8])
}

/// A command as a request describes it. The kernel's interface can leave things as they are: flags outside a mask, and
/// whatever a client does not know. Those need the settings in force, which only the director has.
public struct CommandDraft: Sendable {
    /// The command as if nothing were in force yet.
    public var command: Command
    /// Flags that the request means; the others stay.
    public var flagMask: UInt32 = .max
    /// Our own attributes that the request leaves out, because its client does not know them: what they say stays.
    public var unnamed: Set<UInt16> = []

    /// Whether `resolved` needs the service.
    public var leavesThings: Bool {
        switch command {
        case .editService: flagMask != .max || !unnamed.isEmpty
        case .editServer: !unnamed.isEmpty
        default: false
        }
    }

    /// The command in full, `service` being the service it is about as it stands.
    public func resolved(with service: ServiceRecord) -> Command {
        switch command {
        case .editService(let key, let settings):
            var full = NetlinkCodec.keeping(service.settings, in: settings, unnamed: unnamed)
            let old = service.settings.flags.rawValue
            full.flags = ServiceFlags(rawValue: (old & ~flagMask) | (settings.flags.rawValue & flagMask))
            return .editService(key, full)
        case .editServer(let key, let server, let settings):
            guard let old = service.servers.first(where: { $0.key == server })?.settings else { return command }
            return .editServer(key, server, NetlinkCodec.keeping(old, in: settings, unnamed: unnamed))
        default: return command
        }
    }

    /// The service that the command is about; `nil` for the director itself.
    public var service: ServiceKey? {
        switch command {
        case .addService(let key, _), .editService(let key, _), .deleteService(let key), .addServer(let key, _, _),
            .editServer(let key, _, _), .deleteServer(let key, _):
            key
        case .zero(let key): key
        case .flush, .setTimeouts, .startDaemon, .stopDaemon: nil
        }
    }

    /// The same about another service.
    public func about(_ key: ServiceKey) -> CommandDraft {
        var other = self
        switch command {
        case .addService(_, let settings): other.command = .addService(key, settings)
        case .editService(_, let settings): other.command = .editService(key, settings)
        case .deleteService: other.command = .deleteService(key)
        case .addServer(_, let server, let settings): other.command = .addServer(key, server, settings)
        case .editServer(_, let server, let settings): other.command = .editServer(key, server, settings)
        case .deleteServer(_, let server): other.command = .deleteServer(key, server)
        case .zero: other.command = .zero(key)
        case .flush, .setTimeouts, .startDaemon, .stopDaemon: break
        }
        return other
    }
}

extension NetlinkCodec {
    /// What a request asks for; `nil` for a command that the family does not have in this form (EOPNOTSUPP): unknown, a
    /// dump of what can't be dumped, or a plain request for what comes only as a dump.
    public static func request(_ message: GenericMessage, isDump: Bool) throws(CommandError) -> ControlRequest? {
        let top = try need(NetlinkAttributes(message.attributes))
        switch (message.command, isDump) {
        case (Verb.getService, true): return .services
        case (Verb.getService, false): return .service(try key(need(top.nest(Top.service))))
        case (Verb.getServer, true): return .servers(try key(need(top.nest(Top.service))))
        case (Verb.getDaemon, true): return .daemons
        case (Verb.getInfo, false): return .info
        case (Verb.getConfig, false): return .timeouts
        case (Verb.getInventory, true):
            return .inventory(top.contains(Top.service) ? try key(need(top.nest(Top.service))) : nil)
        case (Verb.getConnections, true): return .connections
        case (Verb.readFile, _): return .file(try need(top.string(Top.file)))
        case (Verb.ask, _): return .question(Array(try need(top.bytes(Top.payload))))
        case (_, false): return try draft(message.command, top).map { .change($0) }
        default: return nil
        }
    }

    private static func draft(_ verb: UInt8, _ top: NetlinkAttributes) throws(CommandError) -> CommandDraft? {
        switch verb {
        case Verb.newService, Verb.setService:
            let service = try need(top.nest(Top.service))
            let key = try key(service)
            let (settings, mask, unnamed) = try settings(service, of: key)
            return CommandDraft(
                command: verb == Verb.newService ? .addService(key, settings) : .editService(key, settings),
                flagMask: mask, unnamed: unnamed)
        case Verb.deleteService: return CommandDraft(command: .deleteService(try key(need(top.nest(Top.service)))))
        case Verb.newServer, Verb.setServer, Verb.deleteServer:
            let service = try key(need(top.nest(Top.service)))
            let server = try need(top.nest(Top.server))
            let key = try key(server: server, of: service.family)
            if verb == Verb.deleteServer { return CommandDraft(command: .deleteServer(service, key)) }
            let (settings, unnamed) = try settings(server)
            return CommandDraft(
                command: verb == Verb.newServer
                    ? .addServer(service, key, settings)
                    : .editServer(service, key, settings),
                unnamed: unnamed)
        case Verb.newDaemon: return CommandDraft(command: .startDaemon(try daemon(need(top.nest(Top.daemon)))))
        case Verb.deleteDaemon: return CommandDraft(command: .stopDaemon(try role(need(top.nest(Top.daemon)))))
        case Verb.setConfig:
            let timeouts = try timeouts(top)
            return CommandDraft(command: .setTimeouts(tcp: timeouts.tcp, fin: timeouts.fin, udp: timeouts.udp))
        case Verb.zero:
            return CommandDraft(command: .zero(top.contains(Top.service) ? try key(need(top.nest(Top.service))) : nil))
        case Verb.flush: return CommandDraft(command: .flush)
        default: return nil
        }
    }
}
