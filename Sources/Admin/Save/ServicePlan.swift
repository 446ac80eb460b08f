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

    /// Carries the rules out on draft.
    /// - Throws: file and line of a rule that a director would refuse, or that is no rule about services.
    public init(_ file: ServicesFile) throws(FileError) {
        var draft = Draft()
        for rule in file.rules {
            do throws(CommandError) { try draft.apply(rule.command) } catch {
                throw FileError(file: file.name, line: rule.line, text: error.sentence)
            }
        }
        services = draft.services
    }

    /// Services and servers by their keys, so that a rule costs the same in a file of any length. What is removed leaves its place.
    private struct Draft {
        private var pages: [Page?] = []
        private var places: [ServiceKey: Int] = [:]

        private struct Page {
            var key: ServiceKey
            var settings: ServiceSettings
            var servers: [Server?] = []
            var places: [ServerKey: Int] = [:]
        }

        var services: [Service] {
            pages.compactMap { $0 }.map { Service(key: $0.key, settings: $0.settings, servers: $0.servers.compactMap { $0 }) }
        }

        mutating func apply(_ command: Command) throws(CommandError) {
            switch command {
            case .addService(let key, let settings):
                guard places[key] == nil else { throw .serviceExists }
                places[key] = pages.count
                pages.append(Page(key: key, settings: settings))
            case .editService(let key, let settings): pages[try place(key)]?.settings = settings
            case .deleteService(let key):
                pages[try place(key)] = nil
                places[key] = nil
            case .flush: self = Draft()
            case .addServer(let key, let server, let settings):
                let place = try place(key)
                guard pages[place]?.places[server] == nil else { throw .serverExists }
                let row = pages[place]?.servers.count
                pages[place]?.places[server] = row
                pages[place]?.servers.append(Server(key: server, settings: settings))
            case .editServer(let key, let server, let settings):
                let (place, row) = try self.place(key, server)
                pages[place]?.servers[row]?.settings = settings
            case .deleteServer(let key, let server):
                let (place, row) = try self.place(key, server)
                pages[place]?.servers[row] = nil
                pages[place]?.places[server] = nil
            case .setTimeouts, .zero, .startDaemon, .stopDaemon: break
            }
        }

        private func place(_ key: ServiceKey) throws(CommandError) -> Int {
            guard let place = places[key] else { throw .noSuchService }
            return place
        }

        private func place(_ key: ServiceKey, _ server: ServerKey) throws(CommandError) -> (Int, Int) {
            let place = try place(key)
            guard let row = pages[place]?.places[server] else { throw .noSuchServer }
            return (place, row)
        }
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
