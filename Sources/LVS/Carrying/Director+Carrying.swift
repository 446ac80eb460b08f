import Wire

/// Which flows are carried past the director, and from when to when.
extension Director {
    /// Who carries established flows past the director; `nil` while it sees every frame. To be set when the director knows its
    /// connections, before time passes or frames come: what a director before it had handed over is accounted and taken back.
    public var carrier: (any FlowCarrier)? {
        get { carrying.carrier }
        set {
            if carrying.isOn { endCarrying(.pause) }
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
        guard carrying.marks[Int(id)].since == 0 else { return meetCarried(id) }
        guard connections[id].method == .directRouting, !packet.takesSlowPath, connections[id].packetsIn &+ 1 >= threshold(of: id) else {
            return
        }
        carrying.add(candidate: id)
    }

    private func threshold(of id: ConnectionID) -> UInt32 {
        connections[id].proto == IPProtocol.udp ? carrying.policy.packetsUDP : carrying.policy.packetsTCP
    }

    /// A frame of a carried flow has come to the director all the same. What is known of one that was taken back with others
    /// comes before it.
    mutating func meetCarried(_ id: ConnectionID) {
        guard carrying.marks[Int(id)].since != 0 else { return }
        if carrying.isTakenBack(id, to: connections[id].server) { collect(id, .state) }
    }

    /// Hands over the flows that may be carried from here on. To be called between two batches, when what the director made of
    /// them has left.
    public mutating func handOver() {
        guard carrying.isOn else { return }
        followForCarrying()
        if mayCarry, carrying.refusedUntil <= clockwork.now {
            for place in 0..<carrying.candidateCount where !handOver(carrying.candidates[place]) {
                carrying.refusedUntil = clockwork.now + second
                break
            }
        }
        carrying.clearCandidates()
        collectSome()
    }

    /// Whether nothing speaks against carrying any flow at all.
    private var mayCarry: Bool {
        !carrying.isPaused && !synchronisation.isMaster && !clockwork.defence.isActive && !servers.isInheriting
            && !host.virtuals.isBackupOnly
    }

    /// False when the carrier takes no more.
    private mutating func handOver(_ id: ConnectionID) -> Bool {
        guard isCarriable(id) else { return true }
        let server = connections[id].server, flow = connections[id].clientFlow
        refreshPath(server)
        guard let carrier = carrying.carrier, Int(server) < carrier.serverLimit, carrying.backing.has(Int(server)),
            let way = CarriedWay(servers[server].path),
            !host.virtuals.mayBeHosts || host.isLocal(flow.destination)
        else { return true }
        guard carrier.carry(CarriedFlow(flow: flow, server: server, way: way, timeout: fullTimeout(of: id))) else { return false }
        carrying.note(id, to: server, way, at: clockwork.now)
        return true
    }

    /// Whether every packet of a connection's client has the same fate from here on.
    private func isCarriable(_ id: ConnectionID) -> Bool {
        let entry = connections[id]
        guard carrying.marks[Int(id)].since == 0, entry.flags.contains(.used),
            entry.flags.isDisjoint(with: [.template, .onePacket, .superseded, .anyClientPort]), entry.isFoundByClient,
            entry.method == .directRouting, entry.server >= 0, isServed(id), host.waiting.isEmpty
        else { return false }
        switch entry.proto {
        case IPProtocol.tcp: return entry.state == TCPState.established.rawValue && entry.packetsIn >= carrying.policy.packetsTCP
        case IPProtocol.udp: return entry.packetsIn >= carrying.policy.packetsUDP
        default: return false
        }
    }

    /// Takes back what may be carried no more since the host or the director's own switches have changed.
    mutating func followForCarrying() {
        guard carrying.isOn, carrying.counters.flows > 0 else { return }
        if !mayCarry { return stopAll(.pause) }
        guard carrying.generation != host.network.generation else { return }
        carrying.generation = host.network.generation
        for server in carrying.known { followWay(to: server) }
    }

    /// Takes back one flow, where it is carried, and accounts what was seen of it.
    @inline(__always)
    mutating func takeBack(_ id: ConnectionID, _ reason: TakeBackReason) {
        if carrying.isOn, carrying.marks[Int(id)].since != 0 { collect(id, reason) }
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
        guard carrying.isUnsettled else { return }
        carrying.isUnsettled = false
        carrying.carrier?.settle()
        for (server, service) in carrying.late { account(server, to: service) }
        carrying.late.removeAll(keepingCapacity: true)
        noteProgress()
    }
}
