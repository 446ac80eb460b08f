import Wire

/// What a master says, and when (ip_vs_sync_conn).
extension Director {
    /// Says what is to be said of a connection after a packet of its client's, and of the template that it hangs on.
    @inline(never)
    mutating func synchronise(_ id: ConnectionID) {
        let isOnePacket = connections[id].flags.contains(.onePacket)
        synchronise(id, packets: isOnePacket ? tunables.syncThreshold : Int32(truncatingIfNeeded: connections[id].packetsIn))
    }

    /// The same of one that is given another minute, since others hang on it.
    @inline(never)
    mutating func synchroniseAgain(_ id: ConnectionID) { synchronise(id, packets: tunables.syncThreshold) }

    private mutating func synchronise(_ id: ConnectionID, packets: Int32) {
        var id = id, packets = packets
        while id >= 0 {
            let isSaid = !connections[id].flags.contains(.onePacket) && isToBeSaid(id, packets) && say(id)
            // Version 0 goes on to the template only from what it has said.
            guard isSaid || tunables.syncVersion != 0 else { return }
            id = connections[id].controller
            guard id >= 0 else { return }
            connections[id].packetsIn &+= 1
            packets = Int32(truncatingIfNeeded: connections[id].packetsIn)
        }
    }

    /// Whether a connection is to be said now: on a change of state, or when so many packets have come that it is its turn.
    private mutating func isToBeSaid(_ id: ConnectionID, _ packets: Int32) -> Bool {
        guard tunables.syncVersion != 0 || connections[id].client.isV4 else { return false }
        guard connections[id].method != .fullNAT || connections[id].flags.contains(.template) else { return false }
        let isTemplate = connections[id].flags.contains(.template), state = connections[id].state
        if !isTemplate {
            guard tunables.syncPersistMode == 0 || connections[id].controller < 0 else { return false }
            guard Transport.isSynchronised(proto: connections[id].proto, state: state) else { return false }
        }
        let timeout = timeout(of: id)
        var horizon = Synchronisation.tick(clockwork.now &+ Instant(timeout) * second) & ~3
        let hasStates = !isTemplate && connections[id].proto != IPProtocol.udp
        if !hasStates || state == connections[id].saidState || Transport.isEstablished(proto: connections[id].proto, state: state) {
            guard let next = refreshed(id, horizon, timeout) else { return false }
            horizon = next
            if tunables.syncPeriod > 0 {
                guard isTemplate || packets % tunables.syncPeriod == tunables.syncThreshold else { return false }
            } else if tunables.syncRefreshPeriod <= 0 {
                guard packets == tunables.syncThreshold else { return false }
            }
        }
        connections[id].saidState = state
        synchronisation[horizon: id] = horizon
        return true
    }

    /// The horizon with how often it was repeated; `nil` when what was said last is fresh enough (`sync_refresh_period`,
    /// `sync_retries`).
    private func refreshed(_ id: ConnectionID, _ horizon: Int64, _ timeout: UInt32) -> Int64? {
        let period = Int64(tunables.syncRefreshPeriod) * 100, ticks = Int64(timeout) * 100
        guard period > 0 else { return horizon }
        let said = synchronisation[horizon: id]
        guard abs(horizon - said) < min(period, max(ticks / 2, 1000)) else { return horizon }
        let retries = said & 3
        guard retries < Int64(tunables.syncRetries), Synchronisation.tick(clockwork.now) >= said - ticks + period / 8 else { return nil }
        return horizon | (retries + 1)
    }

    /// Seconds that a connection has with each packet, a template with each connection.
    private func timeout(of id: ConnectionID) -> UInt32 {
        if connections[id].flags.contains(.template) { return connections[id].timeout }
        return UInt32(clamping: max(connections[id].expires &- clockwork.now, 0) / second)
    }

    private mutating func say(_ id: ConnectionID) -> Bool {
        let entry = connections[id]
        var record = SyncRecord(
            proto: entry.proto, flags: syncFlags(of: id), state: UInt16(entry.state), client: entry.client, clientPort: entry.clientPort,
            virtual: entry.virtual, virtualPort: entry.virtualPort, server: entry.serverAddress, serverPort: entry.serverPort,
            mark: entry.mark, timeout: timeout(of: id))
        if entry.flags.contains(.template) { record.state = entry.flags.contains(.assured) ? 1 : 0 }
        if tunables.syncVersion != 0, let side = connections.templateData(of: id) {
            guard entry.server >= 0 else { return false }
            (record.engine, record.data) = side
        }
        if !record.flags.isDisjoint(with: .sequences) { record.sequences = synchronisation.sequences[id] }
        synchronisation.say(record, of: id, version: tunables.syncVersion == 0 ? 0 : 1, limit: tunables.syncQueueLimit, at: clockwork.now)
        return true
    }

    /// A connection's flags in the kernel's numbers. What is bound has those of its server.
    private func syncFlags(of id: ConnectionID) -> SyncFlags {
        let flags = connections[id].flags, method = connections[id].method
        let isTemplate = flags.contains(.template)
        var out = SyncFlags(method: method == .fullNAT ? .masquerading : method)
        if isTemplate { out.insert(.template) }
        if flags.contains(.synchronised) { out.insert(.synchronised) }
        if flags.contains(.noOutput) || isTemplate && flags.contains(.bound) && !connections[id].translates { out.insert(.noOutput) }
        if flags.contains(.inactive) || isTemplate && flags.contains(.bound) { out.insert(.inactive) }
        if flags.contains(.adjustsOutput) { out.insert(.adjustsOutput) }
        if flags.contains(.adjustsInput) { out.insert(.adjustsInput) }
        if flags.contains(.anyClientPort) { out.insert(.anyClientPort) }
        return out
    }
}

extension Transport {
    /// Whether connections in this state are said to backups: those that are established or end.
    fileprivate static func isSynchronised(proto: UInt8, state: UInt8) -> Bool {
        switch proto {
        case IPProtocol.tcp:
            [TCPState.established, .finWait, .timeWait, .close, .closeWait].contains { $0.rawValue == state }
        case IPProtocol.sctp:
            [SCTPState.established, .shutdownSent, .shutdownReceived, .shutdownAckSent, .closed].contains { $0.rawValue == state }
        default: true
        }
    }

    /// How many states a protocol has that messages tell of, 0 for one that connections are not kept for.
    static func stateCount(proto: UInt8) -> UInt16 {
        switch proto {
        case IPProtocol.tcp: 11
        case IPProtocol.sctp: 14
        case IPProtocol.udp: 1
        default: 0
        }
    }
}
