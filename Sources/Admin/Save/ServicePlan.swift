public import LVS

/// What the rules of a services file add up to: services with their servers, in the order in which they were added.
///
/// The difference of two plans is the list of commands that leads from one to the other, so that what others have added to
/// a running director stays as it is.
public struct ServicePlan: Hashable, Sendable {
    public struct Service: Hashable, Sendable {
        public var key: ServiceKey
        public var settings: ServiceSettings
        public var servers: [Server]
    }
    public struct Server: Hashable, Sendable {
        public var key: ServerKey
        public var settings: ServerSettings
    }

    public private(set) var services: [Service] = []

    public init() {}

    /// Carries the rules out on paper.
    /// - Throws: file and line of a rule that a director would refuse, or that is no rule about services.
    public init(_ file: ServicesFile) throws(FileError) {
        for rule in file.rules {
            do throws(CommandError) { try apply(rule.command) } catch {
                throw FileError(file: file.name, line: rule.line, text: error.sentence)
            }
        }
    }

    private mutating func apply(_ command: Command) throws(CommandError) {
        switch command {
        case .addService(let key, let settings):
            guard index(key) == nil else { throw .serviceExists }
            services.append(Service(key: key, settings: settings, servers: []))
        case .editService(let key, let settings): services[try place(key)].settings = settings
        case .deleteService(let key): services.remove(at: try place(key))
        case .flush: services.removeAll()
        case .addServer(let key, let server, let settings):
            let place = try place(key)
            guard !services[place].servers.contains(where: { $0.key == server }) else { throw .serverExists }
            services[place].servers.append(Server(key: server, settings: settings))
        case .editServer(let key, let server, let settings):
            let place = try place(key)
            guard let i = services[place].servers.firstIndex(where: { $0.key == server }) else { throw .noSuchServer }
            services[place].servers[i].settings = settings
        case .deleteServer(let key, let server):
            let place = try place(key)
            guard let i = services[place].servers.firstIndex(where: { $0.key == server }) else { throw .noSuchServer }
            services[place].servers.remove(at: i)
        case .setTimeouts, .zero, .startDaemon, .stopDaemon: break
        }
    }

    private func index(_ key: ServiceKey) -> Int? { services.firstIndex { $0.key == key } }

    private func place(_ key: ServiceKey) throws(CommandError) -> Int {
        guard let place = index(key) else { throw .noSuchService }
        return place
    }

    /// The commands that lead from `old` to this plan: removals first, then edits and additions in the order of the file.
    public func changes(from old: ServicePlan) -> [Command] {
        var before: [ServiceKey: Service] = [:]
        for service in old.services { before[service.key] = service }
        let kept = Set(services.map(\.key))
        var commands = old.services.filter { !kept.contains($0.key) }.map { Command.deleteService($0.key) }
        for service in services {
            guard let was = before[service.key] else {
                commands.append(.addService(service.key, service.settings))
                commands += service.servers.map { .addServer(service.key, $0.key, $0.settings) }
                continue
            }
            if was.settings != service.settings { commands.append(.editService(service.key, service.settings)) }
            commands += Self.changes(of: service, from: was)
        }
        return commands
    }

    private static func changes(of service: Service, from was: Service) -> [Command] {
        var before: [ServerKey: ServerSettings] = [:]
        for server in was.servers { before[server.key] = server.settings }
        let kept = Set(service.servers.map(\.key))
        var commands = was.servers.filter { !kept.contains($0.key) }.map { Command.deleteServer(service.key, $0.key) }
        for server in service.servers {
            switch before[server.key] {
            case nil: commands.append(.addServer(service.key, server.key, server.settings))
            case server.settings: break
            default: commands.append(.editServer(service.key, server.key, server.settings))
            }
        }
        return commands
    }
}
