public import Wire

/// Everything an administrator can ask the director to change.
public enum Command: Hashable, Sendable {
    case addService(ServiceKey, ServiceSettings)
    case editService(ServiceKey, ServiceSettings)
    case deleteService(ServiceKey)
    /// Removes every service; connections live on.
    case flush
    case addServer(ServiceKey, ServerKey, ServerSettings)
    case editServer(ServiceKey, ServerKey, ServerSettings)
    case deleteServer(ServiceKey, ServerKey)
    /// Seconds for established TCP, TCP after FIN, and UDP; 0 leaves one as it is.
    case setTimeouts(tcp: UInt32, fin: UInt32, udp: UInt32)
    /// Takes the shown counters of one service, or of all, as the new zero.
    case zero(ServiceKey?)
    case startDaemon(SyncDaemon)
    case stopDaemon(SyncDaemon.Role)
}

extension Sequence<Command> {
    /// The services that the commands add.
    public var addedServices: [ServiceKey] {
        compactMap { if case .addService(let key, _) = $0 { key } else { nil } }
    }
}

/// A connection synchronisation daemon as `--start-daemon` describes it.
public struct SyncDaemon: Hashable, Sendable {
    public enum Role: UInt32, Hashable, Sendable {
        case master = 1
        case backup = 2
    }
    public var role: Role
    public var interface: String
    public var syncID: UInt32
    /// Payload bytes of one message; 0 is the default.
    public var maximumLength: UInt16
    /// `nil` is the default group 224.0.0.81.
    public var group: IPAddress?
    /// 0 is the default, 8848.
    public var port: UInt16
    /// 0 is the default, 1.
    public var timeToLive: UInt8

    public init(
        role: Role, interface: String = "eth0", syncID: UInt32 = 0, maximumLength: UInt16 = 0,
        group: IPAddress? = nil, port: UInt16 = 0, timeToLive: UInt8 = 0
    ) {
        self.role = role
        self.interface = interface
        self.syncID = syncID
        self.maximumLength = maximumLength
        self.group = group
        self.port = port
        self.timeToLive = timeToLive
    }
}

/// Why the director refused a command. `errno` is the number the kernel's control interface answers with; nothing was changed.
public enum CommandError: Error, Hashable, Sendable {
    case serviceExists
    case noSuchService
    case serverExists
    case noSuchServer
    /// No scheduler or persistence engine of that name.
    case notFound
    /// Weight below 0, or the lower threshold above the upper one.
    case outOfRange
    case invalid
    case noSuchDevice
    case daemonRunning
    case daemonNotRunning
    case noMemory
    case familyNotSupported
    /// What outlives the director has no room for what the command adds.
    case noRoom

    /// Linux errno, positive.
    public var errno: Int32 {
        switch self {
        case .serviceExists, .serverExists, .daemonRunning: 17
        case .noSuchService, .daemonNotRunning: 3
        case .noSuchServer, .notFound: 2
        case .outOfRange: 34
        case .invalid: 22
        case .noSuchDevice: 19
        case .noMemory: 12
        case .familyNotSupported: 97
        case .noRoom: 28
        }
    }
}

extension CommandError {
    /// Why, in words for people.
    public var sentence: String {
        switch self {
        case .serviceExists: "the service exists already"
        case .noSuchService: "no such service"
        case .serverExists: "the service has this server already"
        case .noSuchServer: "the service has no such server"
        case .notFound: "no such scheduler or persistence engine"
        case .outOfRange: "a weight below 0, or a lower threshold above the upper one"
        case .invalid: "not possible: the address is no single host's, of the wrong family, or an option contradicts another"
        case .noSuchDevice: "no such interface"
        case .daemonRunning: "the daemon runs already"
        case .daemonNotRunning: "no such daemon runs"
        case .noMemory: "too many services or servers"
        case .familyNotSupported: "the address family is not supported"
        case .noRoom: "the journal of commands is full: nothing more can be kept across a restart"
        }
    }
}

extension Command {
    /// The command in a few words, for logs.
    public var summary: String {
        switch self {
        case .addService(let key, _): "add service \(key)"
        case .editService(let key, _): "edit service \(key)"
        case .deleteService(let key): "delete service \(key)"
        case .flush: "delete all services"
        case .addServer(let key, let server, _): "add server \(server) to \(key)"
        case .editServer(let key, let server, _): "edit server \(server) of \(key)"
        case .deleteServer(let key, let server): "delete server \(server) of \(key)"
        case .setTimeouts: "set timeouts"
        case .zero: "zero counters"
        case .startDaemon(let daemon): "start \(daemon.role) daemon"
        case .stopDaemon(let role): "stop \(role) daemon"
        }
    }
}
