import Wire

extension Director {
    /// A packet of no known connection: find its service, pick a server, make a connection; or say why not.
    @inline(never)
    mutating func setUpConnection(_ frame: inout Frame, _ packet: Packet, replacing old: ConnectionID = -1, _ context: inout PacketContext)
        -> Verdict
    {
        if synchronisation.anyPorts > 0, old < 0 {
            let known = takeUnknownPort(packet)
            if known >= 0 {
                var packet = packet
                return self.known(&frame, &packet, known, &context)
            }
        }
        var mark: UInt32 = 0
        if let refusal = applyRules(frame, packet, mark: &mark, &context) { return refusal }
        guard isLocal(packet, frame) else {
            if let recorder = context.recorder { noteMatch(nil, packet.flow, mark, recorder) }
            return passThrough(&frame, packet, &context)
        }
        if let refusal = unknownReply(&frame, packet, &context) { return refusal }
        guard !host.virtuals.isBackupOnly else { return leaveToHost(&frame, packet, .passBackupOnly, &context) }
        guard packet.holdsOpening else { return .shortTransport }
        guard mayOpen(packet, frame) else { return answerUnknown(&frame, packet, mark, &context) }
        guard let service = match(packet.flow, mark, &context) else { return leaveToHost(&frame, packet, .passNoService, &context) }
        guard !clockwork.defence.dropsPacket(tunables, at: clockwork.now) else { return .dropPacketDefence }
        // The data connection of active FTP comes from its own control connection or not at all.
        guard packet.flow.sourcePort != 20 else { return answer(frame, packet, &context) }

        // A connection whose place is taken stays until the next tick.
        if old < 0 { makeRoom() }
        switch place(packet.flow, on: service, mark, frame, &context) {
        case .connection(let id):
            // The packet's own new connection is found from now on.
            if old >= 0 {
                connections.table.supersede(old)
                context.replaced = old
            }
            defer { if connections[id].flags.contains(.onePacket) { expire(id) } }
            return first(&frame, packet, id, &context)
        case .noServer: return leave(&frame, packet, service, &context)
        case .refused(let verdict):
            if verdict == .localAddressesExhausted { tell(packet, of: frame, .portUnreachable(packet.family), &context) }
            return verdict
        }
    }

    /// Whether a packet of this kind may create a connection; it holds all that this is read from.
    mutating func mayOpen(_ packet: Packet, _ frame: Frame) -> Bool {
        switch packet.flow.proto {
        case IPProtocol.tcp:
            guard !packet.flags.contains(.rst) else { return false }
            return packet.flags.contains(.syn) || tunables.sloppyTCP != 0
        case IPProtocol.sctp:
            // The first chunk decides: an ABORT opens nothing, whatever follows it or is allowed.
            let chunk = frame.bytes[Int(packet.transport) + 12]
            return chunk == 1 || tunables.sloppySCTP != 0 && packet.detail != 0xff && chunk != 6
        default: return true
        }
    }

    mutating func match(_ flow: Flow, _ mark: UInt32, _ context: inout PacketContext) -> VirtualService? {
        let service = services.match(flow, mark: mark, unprivilegedPort: Int(tunables.unprivilegedPortStart))
        if let recorder = context.recorder { noteMatch(service, flow, mark, recorder) }
        return service
    }

    /// A packet that opens nothing. What is sent to a service never reaches the host, which is muted there, so the director
    /// answers in its place; but a host that is a server of the service may know a connection that another director made.
    private mutating func answerUnknown(_ frame: inout Frame, _ packet: Packet, _ mark: UInt32, _ context: inout PacketContext) -> Verdict {
        if let recorder = context.recorder { noteOpensNothing(packet, recorder) }
        guard let service = match(packet.flow, mark, &context) else { return leaveToHost(&frame, packet, .passNoService, &context) }
        guard isServedByHost(service), !host.answers(for: packet.flow.destination) else { return answer(frame, packet, &context) }
        return deliverLocally(&frame, packet, &context)
    }

    /// Leaves a packet for the director's own address to the host. One that the host is kept from seeing, because it might be a
    /// server's reply, is handed to it: the answer to the host's own check of that server's health, for example.
    private mutating func leaveToHost(_ frame: inout Frame, _ packet: Packet, _ passed: Verdict, _ context: inout PacketContext) -> Verdict
    {
        guard !host.emulation.isWholeHost, isMutedReply(packet), !host.answers(for: packet.flow.destination) else {
            return hostStack(frame, packet, passed, &context)
        }
        return deliverLocally(&frame, packet, &context)
    }

    /// Whether one of a service's servers is the host itself; looked for again when its servers or the host's addresses have changed.
    private func isServedByHost(_ service: VirtualService) -> Bool {
        let generation = host.network.localGeneration
        if let known = service.servedByHost, known.generation == generation { return known.answer }
        let answer = service.servers.contains { host.network.isLocal(servers[$0].key.address) }
        service.servedByHost = (generation, answer)
        return answer
    }

    /// What a request for a connection led to.
    enum Placement {
        case connection(ConnectionID)
        case noServer
        case refused(Verdict)
    }

    /// Picks a server for a flow and makes the connection, through a template where the service is persistent.
    mutating func place(_ flow: Flow, on service: VirtualService, _ mark: UInt32, _ frame: Frame, _ context: inout PacketContext)
        -> Placement
    {
        if service.isPersistent { return persist(flow, on: service, mark, frame, &context) }
        guard service.key.mark != 0 || service.covers(flow.destinationPort) else { return .noServer }
        guard let server = pick(flow, on: service, &context) else { return .noServer }
        let port = servers[server].key.port
        return connect(flow, to: server, port: port != 0 ? port : flow.destinationPort, on: service, mark, &context)
    }

    /// Asks the service's scheduler.
    mutating func pick(_ flow: Flow, on service: VirtualService, _ context: inout PacketContext) -> ServerID? {
        guard let scheduler = service.scheduler else { return nil }
        let request = SchedulingRequest(
            client: flow.source, clientPort: flow.sourcePort,
            destination: context.schedulesError ? flow.source : flow.destination,
            destinationPort: flow.destinationPort, proto: flow.proto, now: clockwork.now, random: clockwork.generator.next())
        let candidates = candidates(service)
        if let recorder = context.recorder { noteCandidates(scheduler, request, candidates, recorder) }
        let place = scheduler.pick(for: request, from: candidates)
        if memory.isLent { noteMemory(of: scheduler, request, service) }
        if let recorder = context.recorder { notePicked(place, recorder) }
        return place.map { service.servers[$0] }
    }

    /// Makes a connection to a server, bound and counted.
    mutating func connect(
        _ flow: Flow, to server: ServerID, port: UInt16, on service: VirtualService, _ mark: UInt32,
        under template: ConnectionID = -1, _ context: inout PacketContext
    ) -> Placement {
        let method = method(towards: server)
        var connection = Connection(
            client: flow.source, clientPort: flow.sourcePort, virtual: flow.destination,
            virtualPort: flow.destinationPort, proto: flow.proto,
            serverAddress: servers[server].key.address, serverPort: port, method: method,
            flags: method == .masquerading || method == .fullNAT ? [] : .noOutput)
        connection.mark = mark
        if service.settings.flags.contains(.onePacket), flow.proto == IPProtocol.udp { connection.flags.insert(.onePacket) }
        if method == .fullNAT, let refusal = allotLocalAddress(&connection, on: service, to: server) { return .refused(refusal) }
        guard let id = connections.table.insert(connection) else {
            if method == .fullNAT { connections.returnLocalAddress(connection) }
            return .refused(.tableFull)
        }
        bind(id, to: server)
        startTimer(id, seconds: 3)
        if template >= 0 { connections.hang(id, on: template) }
        noteUnanswered(id)
        countConnection(server, service.id)
        if let recorder = context.recorder { noteConnected(id, recorder) }
        return .connection(id)
    }

    /// The packet that made its connection.
    private mutating func first(_ frame: inout Frame, _ packet: Packet, _ id: ConnectionID, _ context: inout PacketContext) -> Verdict {
        countRequest(id, packet, &context)
        trackState(id, packet, isReply: false)
        shrinkTimeout(id)
        if packet.opensConnection { clampSegmentSize(frame, packet, id) }
        var packet = packet
        return forward(&frame, &packet, id, &context)
    }

    /// A service without a usable server (ip_vs_leave).
    mutating func leave(_ frame: inout Frame, _ packet: Packet, _ service: VirtualService, _ context: inout PacketContext) -> Verdict {
        if tunables.cacheBypass != 0, service.key.mark != 0, mayBypass(packet.flow.destination) {
            return admitBypass(&frame, packet, service, &context)
        }
        if service.key.mark == 0, service.key.port == 21, packet.flow.destinationPort != 21 {
            return hostStack(frame, packet, .passFTPService, &context)
        }
        // An old connection whose place it wanted to take is still there to be told about.
        if tell(packet, of: frame, .portUnreachable(packet.family), &context) { countOwnError(about: packet, &context) }
        return .noServer
    }

    /// Whether cache_bypass takes packets for an address: of IPv6, also for the director's own.
    private mutating func mayBypass(_ address: IPAddress) -> Bool {
        if address.family == .v6 { return !address.isMulticast }
        return !address.isMulticast && host.network.lookup(address)?.kind == .unicast && !host.isLocal(address)
    }

    private mutating func admitBypass(_ frame: inout Frame, _ packet: Packet, _ service: VirtualService, _ context: inout PacketContext)
        -> Verdict
    {
        let flow = packet.flow
        var connection = Connection(
            client: flow.source, clientPort: flow.sourcePort, virtual: flow.destination,
            virtualPort: flow.destinationPort, proto: flow.proto,
            serverAddress: .unspecified(packet.family), serverPort: 0, method: .bypass, flags: [.inactive])
        if service.settings.flags.contains(.onePacket), flow.proto == IPProtocol.udp { connection.flags.insert(.onePacket) }
        guard let id = connections.table.insert(connection) else { return .tableFull }
        startTimer(id, seconds: 3)
        noteUnanswered(id)
        defer { if connections[id].flags.contains(.onePacket) { expire(id) } }
        return first(&frame, packet, id, &context)
    }
}

extension VirtualService {
    /// Whether a port is one of the service's own.
    func covers(_ port: UInt16) -> Bool {
        key.ranges.isEmpty ? port == key.port : key.ranges.contains { $0.contains(port) }
    }
}
