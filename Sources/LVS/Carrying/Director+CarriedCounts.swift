import Wire

/// What was carried past the director counts as if it had passed it.
extension Director {
    /// Begins with a carrier: what a director before had it carry is accounted.
    mutating func beginCarrying(_ carrier: any FlowCarrier) {
        carrying.begin(carrier, connections: connections.table.capacity)
        carrying.generation = host.network.generation
        carrier.takeOver { flow, progress in
            let match = connections.find(flow)
            if match.id >= 0, !match.isReply { connections[match.id].take(progress) }
        }
        carrier.settle()
        for server in servers.all where Int(server) < carrier.serverLimit && carrying.backing.has(Int(server)) { account(server) }
        noteProgress()
    }

    /// Takes back a flow that is carried, or was; its connection has had what was seen of it.
    @inline(never)
    mutating func collect(_ id: ConnectionID, _ reason: TakeBackReason) {
        let progress = carrying.carrier?.stop(connections[id].clientFlow)
        carrying.forget(id, to: connections[id].server, reason)
        if let progress { connections[id].take(progress) }
    }

    /// Reads what was seen of every flow that was taken back, so that a copy of this director needs no carrier to know.
    public mutating func collectCarried() {
        while carrying.uncollected > 0 { collectSome() }
    }

    /// Reads what was seen of some of the flows that were taken back with others.
    mutating func collectSome() {
        guard carrying.uncollected > 0 else { return }
        let highWater = connections.table.highWater
        var looks = min(4096, Int(highWater)), left = 64
        while looks > 0, left > 0, carrying.uncollected > 0 {
            if carrying.hand >= highWater { carrying.hand = 0 }
            let id = carrying.hand
            (carrying.hand, looks) = (id + 1, looks - 1)
            guard carrying.has(id), carrying.isTakenBack(id, to: connections[id].server) else { continue }
            collect(id, .state)
            left -= 1
        }
    }

    /// Whether a carried flow's connection that is due has had packets since, and lives on.
    mutating func livesOn(_ id: ConnectionID) -> Bool {
        guard carrying.isOn, carrying.has(id) else { return false }
        connections[id].expires = carrying.upToDate(connections[id], at: id).expires
        // The last frames may pass while the flow is taken back.
        if isOver(id) { takeBack(id, .expiry) }
        guard !isOver(id) else { return false }
        connections.wheel.file(id)
        return true
    }

    /// Whether a connection's time is up, by the ticks of the timer wheel.
    private func isOver(_ id: ConnectionID) -> Bool {
        connections[id].expires >> TimerWheel.tickShift < clockwork.now >> TimerWheel.tickShift
    }

    /// Counts what was carried since this was last asked.
    public mutating func accountCarried() {
        guard carrying.isOn else { return }
        var place = 0
        while place < carrying.known.count {
            let server = carrying.known[place], isNews = account(server)
            if isNews || carrying.servers[Int(server)].flows > 0 { place += 1 } else { carrying.leaveOut(at: place) }
        }
        noteProgress()
    }

    /// The same of one server's, for the service that it belongs to.
    @discardableResult
    mutating func account(_ server: ServerID) -> Bool { account(server, to: servers[server].service) }

    /// - Returns: whether something was carried since.
    @discardableResult
    mutating func account(_ server: ServerID, to service: Int32) -> Bool {
        guard let counted = carrying.carrier?.counters(of: server) else { return false }
        let before = carrying.accounted[Int(server)]
        guard counted != before else { return false }
        // Whoever is stopped between the two loses these frames, and does not count them twice.
        carrying.accounted[Int(server)] = counted
        SlabView<CarriedCounters>.publish()
        // Another carrier has begun to count.
        guard counted.packets >= before.packets, counted.bytes >= before.bytes else { return true }
        count(counted.packets - before.packets, bytes: counted.bytes - before.bytes, to: server, of: service)
        return true
    }

    private mutating func count(_ packets: UInt64, bytes: UInt64, to server: ServerID, of service: Int32) {
        carrying.counters.frames &+= packets
        verdicts.count(.directRouting, times: packets)
        guard service >= 0 else { return }
        servers[server].counters.packetsIn &+= packets
        servers[server].counters.bytesIn &+= bytes
        traffic[service].packetsIn &+= packets
        traffic[service].bytesIn &+= bytes
        traffic.all.packetsIn &+= packets
        traffic.all.bytesIn &+= bytes
    }
}
