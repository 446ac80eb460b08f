import Wire

/// Why a snapshot cannot be adopted.
public struct RestoreError: Error, Hashable, Sendable {
    /// The entry, service or server that is wrong, by its place in the snapshot's list.
    public enum Place: Hashable, Sendable {
        case entry(Int)
        case service(Int)
        case server(Int)
        case gone(Int)
    }
    public var place: Place
    public var text: String
}

extension Director {
    /// Goes on where another director stood: its connections are bound and counted, their timers run on, schedulers and
    /// dice continue. To be called on a director that has the other one's services and settings and no connections yet.
    /// - Throws: the first thing that does not fit the services; the director is of no use then.
    public mutating func restore(_ snapshot: Snapshot) throws(RestoreError) {
        var made: [ServiceKey] = []
        for (place, gone) in snapshot.gone.enumerated() {
            if services.find(gone.key.service) == nil {
                try bring(.addService(gone.key.service, ServiceSettings(scheduler: Schedulers.none)), .gone(place))
                made.append(gone.key.service)
            }
            try bring(.addServer(gone.key.service, gone.key.server, gone.settings), .gone(place))
        }
        var places: [Int32: ConnectionID] = [:]
        for (place, entry) in snapshot.entries.enumerated() {
            let id = try insert(entry, .entry(place))
            if entry.connection.controller >= 0 {
                guard let controller = places[entry.connection.controller] else {
                    throw RestoreError(
                        place: .entry(place), text: "hangs under \(entry.connection.controller), which does not stand before it")
                }
                connections.hang(id, on: controller)
            }
            guard entry.number >= 0 else { continue }
            guard places.updateValue(id, forKey: entry.number) == nil else {
                throw RestoreError(place: .entry(place), text: "number \(entry.number) stands there twice")
            }
        }
        for gone in snapshot.gone { try? apply(.deleteServer(gone.key.service, gone.key.server)) }
        for key in made { try? apply(.deleteService(key)) }
        try adoptPositions(snapshot)
    }

    private mutating func bring(_ command: Command, _ place: RestoreError.Place) throws(RestoreError) {
        do throws(CommandError) { try apply(command) } catch { throw RestoreError(place: place, text: error.sentence) }
    }

    private mutating func insert(_ entry: Snapshot.Entry, _ place: RestoreError.Place) throws(RestoreError) -> ConnectionID {
        var connection = entry.connection
        func refuse(_ text: String) -> RestoreError { RestoreError(place: place, text: text) }
        var server: ServerID?
        if let key = entry.server {
            server = try find(key, place)
        } else if connection.method != .bypass, !connection.flags.contains(.synchronised) {
            throw refuse("a connection needs a server, unless its method is bypass")
        }
        let isTemplate = connection.flags.contains(.template), isSuperseded = connection.flags.contains(.superseded)
        if !isTemplate, !isSuperseded {
            let flow = Flow(
                source: connection.client, sourcePort: connection.clientPort, destination: connection.virtual,
                destinationPort: connection.virtualPort, proto: connection.proto)
            guard connections.find(flow).id < 0 else { throw refuse("the connection stands there twice") }
        }
        connection.flags.formIntersection(Self.adoptedFlags)
        connection.flags.insert(server == nil ? [.used, .inactive] : .used)
        connection.expires = clockwork.now &+ min(max(connection.expires, 0), Self.longestLife)
        connection.server = -1
        connection.controller = -1
        connection.children = 0
        var data: TemplateData?
        if isTemplate, !entry.engine.isEmpty {
            data = TemplateData(entry.engine, entry.data)
            if data == nil { throw refuse("no persistence engine \(entry.engine) finds \(entry.data.count) bytes") }
        }
        guard let id = connections.insert(connection, data, isTemplate ? nil : entry.stream) else {
            throw refuse("the table of \(connections.table.capacity) connections is full")
        }
        if connection.method == .fullNAT, !isTemplate {
            connections.portAllocator.occupy(
                connection.localPort, of: connection.localAddress, connection.proto,
                towards: ServerKey(address: connection.serverAddress, port: connection.serverPort))
        }
        if let server {
            bind(id, to: server)
            if !isTemplate, Transport.isActive(proto: connection.proto, state: connection.state) {
                servers[server].active += 1
                connections[id].flags.remove(.inactive)
            }
        }
        connections.wheel.file(id)
        if isSuperseded { connections.table.supersede(id) }
        return id
    }

    /// What is not derived from the rest of the snapshot.
    private static var adoptedFlags: Connection.Flags { [.template, .noOutput, .assured, .forced, .synchronised, .retired] }
    /// Nothing lives longer than a hundred days without a packet.
    private static var longestLife: Instant { 100 * 86_400 * second }

    private func find(_ key: Snapshot.ServiceServer, _ place: RestoreError.Place) throws(RestoreError) -> ServerID {
        guard let service = services.find(key.service) else {
            throw RestoreError(place: place, text: "there is no service \(key.service)")
        }
        guard let server = service.server(key.server) else {
            throw RestoreError(place: place, text: "the service \(key.service) has no server \(key.server)")
        }
        return server
    }

    private mutating func adoptPositions(_ snapshot: Snapshot) throws(RestoreError) {
        for (place, state) in snapshot.services.enumerated() {
            guard let service = services.find(state.key) else {
                throw RestoreError(place: .service(place), text: "there is no service \(state.key)")
            }
            if !state.memory.isEmpty { service.scheduler?.resume(state.memory, in: candidates(service), at: clockwork.now) }
            service.nextLocalAddress = max(state.nextLocalAddress, 0)
        }
        for (place, state) in snapshot.servers.enumerated() {
            let id = try find(state.key, .server(place))
            if state.isOverloaded { servers[id].flags.insert(.overloaded) } else { servers[id].flags.remove(.overloaded) }
            if let weight = state.lastWeight { servers[id].lastWeight = weight }
            servers.resumeRates(id, from: state.rates)
            for (isPartial, number) in zip([false, true], state.outerIDs) {
                guard let number else { continue }
                let outer = servers.outerPlace(id, isPartial: isPartial)
                servers[outer: outer].id = number
                // Laid down before, for a network that is outdated by now.
                servers[outer: outer].generation = .max
            }
        }
        for ports in snapshot.ports { connections.portAllocator.begin(at: ports.next, of: ports.local, ports.proto, towards: ports.server) }
        for path in snapshot.pathMTUs { host.network.learnMTU(path.address, path.mtu, until: clockwork.now &+ path.left) }
        if let due = snapshot.due {
            clockwork.schedule.nextEstimate = clockwork.now &+ due.estimate
            clockwork.schedule.nextSecond = clockwork.now &+ due.second
            clockwork.schedule.nextTrash = clockwork.now &+ due.trash
        }
        if let position = snapshot.generator { clockwork.generator.position = position }
    }
}
