import Wire

/// A walk over what stands in a director, a few commands at a time while others go on changing it: the commands that make the
/// same services and servers in a new director, in the same order of both.
///
/// What is changed meanwhile has to be repeated behind the walk's commands where the walk has passed already (`passed`); where
/// it has not, it will come upon it.
public struct InventoryWalk {
    /// Services by age, as they stood at the beginning.
    private let order: [VirtualService]
    private var place = 0
    /// Servers of the service at `place` that were named, oldest first; `nil` when the service itself was not.
    private var named: Int?
    private var isDone = false

    /// What a command means to a walk under way; found out before the command is carried out.
    public struct Step {
        /// The walk was there already.
        public var isRepeated: Bool
        fileprivate var removesNamed = false
    }

    public init(over director: borrowing Director) {
        order = director.services.byAge
    }

    /// Calls `each` for the next commands, about `limit` of them; daemons and timeouts come last.
    /// - Returns: false when there are no more.
    public mutating func next(_ limit: Int, of director: borrowing Director, _ each: (Command) -> Void) -> Bool {
        var left = limit
        while place < order.count {
            let service = order[place]
            guard director.services.find(service.key) === service else {
                (place, named) = (place + 1, nil)
                continue
            }
            guard left > 0 else { return true }
            if let count = named, count == service.servers.count {
                (place, named) = (place + 1, nil)
            } else if let count = named {
                let server = director.servers[service.servers[service.servers.count - 1 - count]]
                left -= Self.add(server, to: service.key, each)
                named = count + 1
            } else {
                each(.addService(service.key, service.settings))
                named = 0
                left -= 1
            }
        }
        guard !isDone else { return false }
        isDone = true
        let summary = director.summary()
        for daemon in summary.daemons { each(.startDaemon(daemon)) }
        each(.setTimeouts(tcp: summary.timeouts.tcp, fin: summary.timeouts.fin, udp: summary.timeouts.udp))
        return false
    }

    /// A drained server remembers the weight that it had.
    private static func add(_ server: RealServer, to service: ServiceKey, _ each: (Command) -> Void) -> Int {
        guard server.settings.weight == 0, server.lastWeight > 0 else {
            each(.addServer(service, server.key, server.settings))
            return 1
        }
        var weighty = server.settings
        weighty.weight = server.lastWeight
        each(.addServer(service, server.key, weighty))
        each(.editServer(service, server.key, server.settings))
        return 2
    }

    /// Whether a command, which has not been carried out yet, is about something that was named already.
    public func passed(_ command: Command, in director: borrowing Director) -> Step {
        switch command {
        case .addService, .flush: return Step(isRepeated: true)
        case .setTimeouts, .startDaemon, .stopDaemon: return Step(isRepeated: isDone)
        case .zero: return Step(isRepeated: false)
        case .editService(let key, _), .deleteService(let key):
            guard let service = director.services.find(key) else { return Step(isRepeated: false) }
            return Step(isRepeated: hasNamed(service))
        case .addServer(let key, let server, _), .editServer(let key, let server, _), .deleteServer(let key, let server):
            guard let service = director.services.find(key) else { return Step(isRepeated: false) }
            guard let count = named, isAt(service) else { return Step(isRepeated: hasNamed(service)) }
            guard let index = service.place(of: server), index >= service.servers.count - count else {
                return Step(isRepeated: false)
            }
            if case .deleteServer = command { return Step(isRepeated: true, removesNamed: true) }
            return Step(isRepeated: true)
        }
    }

    /// The command was carried out.
    public mutating func took(_ step: Step) {
        if step.removesNamed { named = named.map { $0 - 1 } }
    }

    private func isAt(_ service: VirtualService) -> Bool { place < order.count && order[place] === service }

    private func hasNamed(_ service: VirtualService) -> Bool {
        guard place < order.count, let last = order.last, service.sequence <= last.sequence else { return true }
        return order[place] === service ? named != nil : service.sequence < order[place].sequence
    }
}
