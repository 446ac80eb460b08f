import Wire

extension Director {
    /// Places a flow on a persistent service: one client's connections go where its template points, which is made by the
    /// first of them (ip_vs_sched_persist).
    mutating func persist(_ flow: Flow, on service: VirtualService, _ mark: UInt32, _ frame: Frame, _ context: inout PacketContext)
        -> Placement
    {
        let isOwnPort = service.key.mark == 0 && service.key.ranges.isEmpty && flow.destinationPort == service.key.port
        var proto = flow.proto
        var virtual = flow.destination
        var port: UInt16 = 0
        if isOwnPort {
            if service.key.port != 21 { port = flow.destinationPort }
        } else if service.key.mark != 0 {
            proto = 0
            virtual = Self.address(of: service.key.mark, service.key.family)
        } else if !service.key.ranges.isEmpty {
            port = service.key.port
        }
        let client = service.maskedClient(flow.source)

        var data: [UInt8] = []
        if !service.settings.persistenceEngine.isEmpty {
            guard let found = engineData(service.settings.persistenceEngine, flow, frame) else { return .refused(.noCallID) }
            data = found
        }
        let template: ConnectionID
        if let known = findTemplate(client, virtual, port, proto, data), isUsable(known, &context) {
            template = known
            context.recorder?.add(.template(entry(known), isNew: false))
        } else {
            guard let server = pick(flow, on: service, &context) else { return .noServer }
            let serverPort = isOwnPort && service.key.port != 21 ? servers[server].key.port : 0
            guard let made = makeTemplate(client, virtual, port, proto, server, serverPort, mark, service, data) else {
                return .refused(.tableFull)
            }
            template = made
            context.recorder?.add(.template(entry(made), isNew: true))
        }
        let server = connections[template].server
        var serverPort = flow.destinationPort
        if isOwnPort || service.key.mark != 0 && flow.destinationPort == 0, servers[server].key.port != 0 {
            serverPort = servers[server].key.port
        }
        let placement = connect(flow, to: server, port: serverPort, on: service, mark, under: template, &context)
        if case .connection = placement { restart(template) }
        return placement
    }

    /// A mark as the address that its templates carry: 51 is 0.0.0.51, for IPv6 the first word.
    static func address(of mark: UInt32, _ family: IPFamily) -> IPAddress {
        family == .v4 ? IPAddress(v4: mark) : IPAddress(high: UInt64(mark) << 32, low: 0)
    }

    /// A template whose server is gone, or quiesced where that counts, is taken out of everybody's way and dies in time.
    private mutating func isUsable(_ template: ConnectionID, _ context: inout PacketContext) -> Bool {
        let server = connections[template].server
        let isQuiescent =
            server >= 0 && servers[server].weight == 0
            && (tunables.expireQuiescentTemplate != 0 || servers[server].flags.contains(.resetting))
        if server >= 0, servers[server].isAvailable, !isQuiescent { return true }
        if let recorder = context.recorder { noteRetired(template, recorder) }
        connections.table.retire(template)
        return false
    }

    private mutating func findTemplate(_ client: IPAddress, _ virtual: IPAddress, _ port: UInt16, _ proto: UInt8, _ data: [UInt8])
        -> ConnectionID?
    {
        connections.table.findTemplate(client: client, virtual: virtual, virtualPort: port, proto: proto) { connections.holds(data, $0) }
    }

    private mutating func makeTemplate(
        _ client: IPAddress, _ virtual: IPAddress, _ port: UInt16, _ proto: UInt8,
        _ server: ServerID, _ serverPort: UInt16, _ mark: UInt32,
        _ service: VirtualService, _ data: [UInt8]
    ) -> ConnectionID? {
        var template = Connection(
            client: client, clientPort: 0, virtual: virtual, virtualPort: port, proto: proto,
            serverAddress: servers[server].key.address, serverPort: serverPort,
            method: servers[server].settings.method, flags: .template)
        template.timeout = service.settings.timeout
        template.mark = mark
        guard let id = connections.insert(template, TemplateData(service.settings.persistenceEngine, data)) else { return nil }
        bind(id, to: server)
        startTimer(id, seconds: template.timeout)
        return id
    }

    /// A new connection gives its template the full time again.
    private mutating func restart(_ template: ConnectionID) {
        connections[template].expires = clockwork.now + Instant(connections[template].timeout) * second
        connections.wheel.refileIfEarlier(template)
    }

    private mutating func engineData(_ name: String, _ flow: Flow, _ frame: Frame) -> [UInt8]? {
        PersistenceEngines.named(name)?.data(flow, frame)
    }
}

extension VirtualService {
    /// The client's address as templates know it: only the network that `-M` leaves.
    func maskedClient(_ client: IPAddress) -> IPAddress {
        client.isV4 ? IPAddress(v4: client.v4 & settings.netmask) : client.masked(to: Int(settings.netmask))
    }
}
