public import Wire

/// What a backup does with what it hears (ip_vs_process_message).
extension Director {
    /// Hears a master's message, as it came behind the UDP header. While no backup daemon runs nobody listens.
    public mutating func hear(_ message: Bytes, at now: Instant) {
        guard let daemon = services.daemons.first(where: { $0.role == .backup }) else { return }
        clockwork.reach(now)
        synchronisation.counters.messagesHeard &+= 1
        // What is longer than the buffer is cut off, and then not as long as it says.
        guard message.count <= Int(daemon.maximumLength),
            var reader = SyncReader(message, syncID: UInt8(truncatingIfNeeded: daemon.syncID))
        else { return synchronisation.counters.messagesRefused &+= 1 }
        while let entry = reader.next() {
            if case .record(let record) = entry, take(record) {
                synchronisation.counters.recordsTaken &+= 1
            } else {
                synchronisation.counters.recordsRefused &+= 1
            }
        }
        if reader.isBroken { synchronisation.counters.recordsRefused &+= 1 }
        noteProgress()
    }

    /// Makes a connection or template what a record says; false when it is none that this director could keep.
    private mutating func take(_ record: SyncRecord) -> Bool {
        let isTemplate = record.flags.contains(.template)
        guard record.state < (isTemplate ? 2 : Transport.stateCount(proto: record.proto)) else { return false }
        // No master says what lasts for one packet only, nor a template whose client's port is to come.
        guard !record.flags.contains(.onePacket), !isTemplate || !record.flags.contains(.anyClientPort) else { return false }
        var data: TemplateData?
        if !record.data.isEmpty {
            data = TemplateData(record.engine, record.data)
            guard data != nil else { return false }
        }
        let id: ConnectionID
        switch isTemplate ? known(record, data) : known(record) {
        case .outdated: return false
        case .found(let found):
            id = found
            takeBack(id, .pause)
            update(id, record)
        case .unknown:
            guard let made = make(record, isTemplate ? data : nil) else { return false }
            id = made
        }
        if let sequences = record.sequences { synchronisation.sequences[id] = sequences }
        connections[id].packetsIn = UInt32(bitPattern: tunables.syncThreshold)
        setState(id, record)
        return true
    }

    /// What the table has of a record's key.
    private enum Known {
        case unknown
        case found(ConnectionID)
        /// The connection has gone to another server since.
        case outdated
    }

    private mutating func known(_ record: SyncRecord) -> Known {
        let id = connection(of: record)
        guard id >= 0 else { return .unknown }
        if connections[id].serverAddress == record.server, connections[id].serverPort == record.serverPort { return .found(id) }
        takeBack(id, .state)
        // The client uses its port again: the old connection goes. What says that it ended comes too late.
        guard !record.flags.contains(.inactive) else { return .outdated }
        connections[id].expires = min(connections[id].expires, clockwork.now)
        connections.wheel.refileIfEarlier(id)
        // Others may still belong to one whose client's port nobody knows.
        if !connections[id].flags.contains(.anyClientPort) { connections.table.supersede(id) }
        return .unknown
    }

    private func connection(of record: SyncRecord) -> ConnectionID {
        let flow = record.flow
        if record.clientPort != 0 {
            let match = connections.find(flow)
            if match.id >= 0, !match.isReply { return match.id }
        }
        return anyPortConnection(of: flow)
    }

    private func known(_ record: SyncRecord, _ data: TemplateData?) -> Known {
        let found = connections.table.findTemplate(
            client: record.client, clientPort: record.clientPort, virtual: record.virtual, virtualPort: record.virtualPort,
            proto: record.proto
        ) { data == nil || connections.holds(record.data, $0) }
        return found.map { .found($0) } ?? .unknown
    }

    /// The connection whose client's port nobody knew yet, of a flow from any port.
    func anyPortConnection(of flow: Flow) -> ConnectionID {
        guard synchronisation.anyPorts > 0 else { return -1 }
        var anyPort = flow
        anyPort.sourcePort = 0
        let match = connections.find(anyPort)
        return match.id >= 0 && !match.isReply && connections[match.id].flags.contains(.anyClientPort) ? match.id : -1
    }

    /// A record of what is known: only whether it is active and how sequence numbers are moved changes.
    private mutating func update(_ id: ConnectionID, _ record: SyncRecord) {
        let isInactive = record.flags.contains(.inactive), server = connections[id].server
        if connections[id].flags.contains(.inactive) != isInactive, !record.flags.contains(.template), server >= 0 {
            servers[server].active += isInactive ? -1 : 1
        }
        connections[id].flags.remove([.inactive, .adjustsOutput, .adjustsInput])
        connections[id].flags.formUnion(record.changingFlags)
        if server < 0, connections[id].method != .bypass, let found = self.server(of: id) { bindLate(id, to: found) }
    }

    /// A connection or template that is not known; `nil` when there is no place for it, or no way to send its packets.
    private mutating func make(_ record: SyncRecord, _ data: TemplateData?) -> ConnectionID? {
        let server = server(
            of: record.flow, mark: record.mark, translates: record.flags.method == ForwardingMethod.masquerading.rawValue,
            at: ServerKey(address: record.server, port: record.serverPort))
        let isTemplate = record.flags.contains(.template)
        var told = ForwardingMethod(rawValue: record.flags.method)
        if let server { told = method(towards: server) }
        guard let method = told, method != .fullNAT || isTemplate && server != nil else { return nil }
        var flags: Connection.Flags = [.synchronised]
        flags.formUnion(record.changingFlags)
        if isTemplate { flags.insert(.template) }
        if server == nil ? record.flags.contains(.noOutput) : !isTemplate && method != .masquerading { flags.insert(.noOutput) }
        if record.flags.contains(.anyClientPort) { flags.insert(.anyClientPort) }
        var connection = Connection(
            client: record.client, clientPort: record.clientPort, virtual: record.virtual, virtualPort: record.virtualPort,
            proto: record.proto, serverAddress: record.server, serverPort: record.serverPort, method: method, flags: flags)
        connection.mark = record.mark
        guard let id = connections.insert(connection, data) else { return nil }
        if flags.contains(.anyClientPort) { synchronisation.anyPorts += 1 }
        if let server { bindSynchronised(id, to: server) }
        startTimer(id, seconds: 3)
        return id
    }

    /// The server of a known connection, by what the connection is: the record that made it may have told another mark than later
    /// ones.
    private func server(of id: ConnectionID) -> ServerID? {
        let known = connections[id]
        let flow = Flow(
            source: known.client, sourcePort: known.clientPort, destination: known.virtual, destinationPort: known.virtualPort,
            proto: known.proto)
        let key = ServerKey(address: known.serverAddress, port: known.serverPort)
        return server(of: flow, mark: known.mark, translates: known.method == .masquerading, at: key)
    }

    /// The server that a connection belongs to: the service is looked for as for a packet, and in it the server, by its own port
    /// or as one for all ports.
    private func server(of flow: Flow, mark: UInt32, translates: Bool, at key: ServerKey) -> ServerID? {
        guard let service = services.match(flow, mark: mark, unprivilegedPort: Int(tunables.unprivilegedPortStart)) else { return nil }
        for port in mark != 0 && !translates ? [0, key.port] : [key.port, 0] {
            if let server = service.server(ServerKey(address: key.address, port: port)) { return server }
        }
        return nil
    }

    /// Binds a connection that keeps being active or inactive as its master said.
    private mutating func bindSynchronised(_ id: ConnectionID, to server: ServerID) {
        let isInactive = connections[id].flags.contains(.inactive)
        bind(id, to: server)
        guard !isInactive, !connections[id].flags.contains(.template) else { return }
        connections[id].flags.remove(.inactive)
        servers[server].active += 1
    }

    /// A server has come that a connection had none of before: from now on its packets go as they go to that server.
    private mutating func bindLate(_ id: ConnectionID, to server: ServerID) {
        let method = method(towards: server)
        guard method != .fullNAT || connections[id].flags.contains(.template) else { return }
        connections.table.unlink(id)
        connections[id].method = method
        connections[id].check = connections[id].expectedCheck
        connections.table.link(id)
        connections[id].flags.remove(.noOutput)
        if method != .masquerading, !connections[id].flags.contains(.template) { connections[id].flags.insert(.noOutput) }
        bindSynchronised(id, to: server)
    }

    /// State and time as the record says, or else as the protocol has it.
    private mutating func setState(_ id: ConnectionID, _ record: SyncRecord) {
        var timeout = record.timeout
        if connections[id].flags.contains(.template) {
            connections[id].state = 0
            if record.state & 1 != 0 { connections[id].flags.insert(.assured) } else { connections[id].flags.remove(.assured) }
            if timeout == 0 { timeout = 180 }
        } else {
            connections[id].state = UInt8(truncatingIfNeeded: record.state)
            if timeout == 0, !Transport.roster.contains(record.proto) { timeout = 180 }
            if timeout == 0 {
                timeout = UInt32(clamping: connections.timeouts.timeout(proto: record.proto, state: connections[id].state) / second)
            }
        }
        connections[id].saidState = connections[id].state
        connections[id].timeout = timeout
        connections[id].expires = clockwork.now &+ Instant(timeout) * second
        connections.wheel.refileIfEarlier(id)
    }
}

extension SyncRecord {
    fileprivate var flow: Flow {
        Flow(source: client, sourcePort: clientPort, destination: virtual, destinationPort: virtualPort, proto: proto)
    }

    /// Those of the flags that later records change (IP_VS_CONN_F_BACKUP_UPD_MASK).
    fileprivate var changingFlags: Connection.Flags {
        var out: Connection.Flags = []
        if flags.contains(.inactive) { out.insert(.inactive) }
        if flags.contains(.adjustsOutput) { out.insert(.adjustsOutput) }
        if flags.contains(.adjustsInput) { out.insert(.adjustsInput) }
        return out
    }
}
