import Wire

/// Which flows are carried past the director, and from when to when.
extension Director {
    /// Who carries established flows past the director; `nil` while it sees every frame. To be set when the director knows its
    /// connections, before time passes or frames come: what a director before it had handed over is accounted and taken back.
    public var carrier: (any FlowCarrier)? {
        get { carrying.carrier }
        set {
            if carrying.isOn {
                endCarrying(.pause)
                collectCarried()
            }
            carrying.end()
            if let newValue { beginCarrying(newValue) }
            looksAtKnown = carrying.isOn || host.virtuals.mayBeHosts
        }
    }

    /// From when on flows are handed over.
    public var carryingPolicy: CarryingPolicy {
        get { carrying.policy }
        set { carrying.policy = newValue }
    }

    /// Somebody wants to see every frame: nothing is carried from when this has been set.
    public var pausesCarrying: Bool {
        get { carrying.isPaused }
        set {
            carrying.isPaused = newValue
            if newValue, carrying.isOn { endCarrying(.pause) }
        }
    }

    /// Commands that follow each other are waited for together: while this is set, frames may still be carried that were under way
    /// when one of them forbade it, and none any more when it has been taken away.
    public var settlesLater: Bool {
        get { carrying.settlesLater }
        set {
            carrying.settlesLater = newValue
            settleCarrying()
        }
    }

    /// Flows go on as they are, and this director, which is a copy of another one, only reads how far they have come.
    public mutating func leaveCarrying() { carrying.leave() }

    /// How much is carried, and was; up to date after `accountCarried`.
    public var carryingCounters: CarryingCounters { carrying.counters }

    /// A frame of a known connection has come to the director.
    @inline(never)
    mutating func lookAtKnown(_ frame: inout Frame, _ packet: Packet, _ id: ConnectionID, _ context: inout PacketContext) -> Verdict? {
        if host.virtuals.mayBeHosts, let verdict = passKnown(&frame, packet, &context) { return verdict }
        if carrying.isOn { meet(id, packet) }
        return nil
    }

    private mutating func meet(_ id: ConnectionID, _ packet: Packet) {
        guard !carrying.has(id) else { return meetCarried(id) }
        let isUDP = connections[id].proto == IPProtocol.udp
        guard connections[id].method == .directRouting, !packet.takesSlowPath,
            connections[id].packetsIn &+ 1 >= (isUDP ? carrying.policy.packetsUDP : carrying.policy.packetsTCP)
        else { return }
        carrying.add(candidate: id)
    }

    /// A frame of a carried flow has come to the director all the same. What is known of one that was taken back with others
    /// comes before it.
    @inline(never)
    mutating func meetCarried(_ id: ConnectionID) {
        guard carrying.has(id) else { return }
        if carrying.isTakenBack(id, to: connections[id].server) { collect(id, .state) }
    }

    /// Hands over the flows that may be carried from here on. To be called between two batches, when what the director made of
    /// them has left.
    public mutating func handOver() {
        guard carrying.isOn else { return }
        takeBackOutdated()
        if mayCarry(), carrying.refusedUntil <= clockwork.now {
            for place in 0..<carrying.candidateCount where !handOver(carrying.candidates[place]) {
                carrying.refusedUntil = clockwork.now + second
                break
            }
        }
        carrying.clearCandidates()
        collectSome()
    }

    /// Whether nothing speaks against carrying any flow at all.
    private mutating func mayCarry() -> Bool {
        !carrying.isPaused && !synchronisation.isMaster && !clockwork.defence.isActive && !servers.isInheriting
            && !host.virtuals.isBackupOnly
    }

    /// False when the carrier takes no more.
    private mutating func handOver(_ id: ConnectionID) -> Bool {
        guard isCarriable(id) else { return true }
        let server = connections[id].server, flow = connections[id].clientFlow
        refreshPath(server)
        guard let carrier = carrying.carrier, Int(server) < carrier.serverLimit, carrying.backing.has(Int(server)),
            let way = CarriedWay(servers[server].path), host.waiting.isEmpty || !host.waiting.holds(for: servers[server].path),
            !host.virtuals.mayBeHosts || host.isLocal(flow.destination)
        else { return true }
        guard carrier.carry(CarriedFlow(flow: flow, server: server, way: way, timeout: fullTimeout(of: id))) else { return false }
        carrying.note(id, to: server, way, at: clockwork.now)
        return true
    }

    /// Whether every packet of a connection's client has the same fate from here on.
    private mutating func isCarriable(_ id: ConnectionID) -> Bool {
        let entry = connections[id]
        guard !carrying.has(id), entry.flags.contains(.used),
            entry.flags.isDisjoint(with: [.template, .onePacket, .superseded, .anyClientPort]), entry.isFoundByClient,
            entry.method == .directRouting, entry.server >= 0, isServed(id)
        else { return false }
        switch entry.proto {
        case IPProtocol.tcp: return entry.state == TCPState.established.rawValue && entry.packetsIn >= carrying.policy.packetsTCP
        case IPProtocol.udp: return entry.packetsIn >= carrying.policy.packetsUDP
        default: return false
        }
    }

    /// Takes back what may be carried no more since the host's network or the director's own switches have changed. Happens by
    /// itself with the next command, batch or passing of time.
    public mutating func takeBackOutdated() {
        guard carrying.isOn, carrying.counters.flows > 0 else { return }
        if !mayCarry() { return stopAll(.pause) }
        guard carrying.generation != host.network.generation else { return }
        carrying.generation = host.network.generation
        for server in carrying.known { followWay(to: server) }
    }

    /// Takes back one flow, where it is carried, and accounts what was seen of it.
    @inline(__always)
    mutating func takeBack(_ id: ConnectionID, _ reason: TakeBackReason) {
        if carrying.isOn, carrying.has(id) { collect(id, reason) }
    }

    /// Takes back all flows to a server; what was seen of each is read later.
    mutating func stop(to server: ServerID, _ reason: TakeBackReason) {
        guard carrying.isOn, carrying.servers[Int(server)].flows > 0 else { return }
        carrying.carrier?.stop(to: server)
        carrying.end(server, reason)
    }

    mutating func stopAll(_ reason: TakeBackReason) {
        guard carrying.isOn, carrying.counters.flows > 0 else { return }
        carrying.carrier?.stopAll()
        carrying.endAll(reason)
    }

    /// Takes back everything, and returns when no frame is carried any more.
    mutating func endCarrying(_ reason: TakeBackReason) {
        stopAll(reason)
        settleCarrying()
        accountCarried()
    }

    /// Takes back the flows to a server that is about to leave its service, which has what was carried to it.
    mutating func endCarrying(to server: ServerID, of service: VirtualService) {
        guard carrying.isOn, carrying.servers[Int(server)].place != 0 else { return }
        stop(to: server, .server)
        account(server)
        carrying.late.append((server, service.id))
    }

    /// Takes back the flows to a server whose way has changed.
    mutating func followWay(to server: ServerID) {
        guard carrying.isOn, carrying.servers[Int(server)].flows > 0 else { return }
        refreshPath(server)
        if !carrying.isUnchanged(server, CarriedWay(servers[server].path)) { stop(to: server, .way) }
    }

    /// Returns when no frame is under way any more that is carried though its flow was taken back; the last of those that were
    /// count as well.
    mutating func settleCarrying() {
        guard carrying.isUnsettled, !carrying.settlesLater else { return }
        carrying.isUnsettled = false
        carrying.carrier?.settle()
        for (server, service) in carrying.late { account(server, to: service) }
        carrying.late.removeAll(keepingCapacity: true)
        noteProgress()
    }
}
