import Wire

extension Director {
    /// Goes on with what another director left in the memory: connections, templates, servers that only they know, numbers.
    /// Nothing of the memory is believed unseen; what does not stand is given up and counted. To be called once, when commands
    /// have made services and servers as they stood, before the first frame; on a fresh state it does nothing.
    public mutating func adopt() -> AdoptionReport {
        var report = AdoptionReport()
        guard servers.isInheriting else { return report }
        services.slots.isInheriting = false
        report.trash = servers.endInheritance()
        takeOverConnections(&report)
        hangConnections(&report)
        keepTranslatingForTrash()
        connections.portAllocator.takeOver()
        resumeSchedulers()
        resumeMTUs()
        report.absence = resumeProgress()
        for id in servers.all { servers[id].thresholdsChanged() }
        remembered.forget(exceptOf: Set(services.all.map(\.id)))
        for service in services.all { noteForgotten(by: service) }
        noteProgress()
        return report
    }

    private mutating func takeOverConnections(_ report: inout AdoptionReport) {
        let verifier = RecordVerifier(
            now: clockwork.now, pool: connections.table.pool, servers: servers.slots, serverLimit: memory.limits[0].servers)
        var free: [ConnectionID] = []
        for id in 0..<connections.table.highWater {
            guard connections[id].flags.contains(.used) else {
                free.append(id)
                continue
            }
            if let fault = verifier.fault(of: Int(id)) ?? connections.prepare(id, at: clockwork.now) {
                report.dropped[fault, default: 0] += 1
                free.append(id)
                continue
            }
            takeOver(id)
            if connections[id].flags.contains(.template) { report.templates += 1 } else { report.connections += 1 }
        }
        connections.table.makeFree(free)
    }

    /// Counts a record that is sound for its server, indexes it and files it in the wheel.
    private mutating func takeOver(_ id: ConnectionID) {
        connections.table.takeOver(id)
        connections.wheel.file(id)
        if connections[id].flags.contains(.anyClientPort) { synchronisation.anyPorts += 1 }
        let server = connections[id].server
        guard server >= 0 else { return }
        if connections[id].flags.contains(.template) {
            servers[server].persistent += 1
        } else {
            servers[server].total += 1
            if !connections[id].flags.contains(.inactive) { servers[server].active += 1 }
        }
    }

    /// Hangs connections on their templates.
    private mutating func hangConnections(_ report: inout AdoptionReport) {
        for id in 0..<connections.table.highWater where connections[id].flags.contains(.used) {
            let controller = connections[id].controller
            guard controller != -1 else { continue }
            if connections.isTemplate(controller, of: id) {
                connections.hang(id, on: controller)
            } else {
                connections[id].controller = -1
                report.untied += 1
            }
        }
    }
}

extension ConnectionState {
    /// Whether a record hangs on another one, as a connection does on a template of its server.
    fileprivate func isTemplate(_ controller: ConnectionID, of id: ConnectionID) -> Bool {
        controller >= 0 && controller < table.highWater && !self[id].flags.contains(.template)
            && self[controller].flags.isSuperset(of: [.used, .template]) && self[controller].server == self[id].server
    }

    /// Makes a sound record's derived fields those of one that is about to be taken over; says when that can't be, since
    /// others have what it claims. Each step may be done again by yet another director.
    fileprivate mutating func prepare(_ id: ConnectionID, at now: Instant) -> AdoptionReport.Fault? {
        let isTemplate = self[id].flags.contains(.template)
        self[id].next = -1
        self[id].previous = -1
        self[id].wheelSlot = 0
        self[id].children = 0
        self[id].flags.remove([.indexedForReplies, .bound])
        if self[id].server >= 0 { self[id].flags.insert(.bound) }
        if self[id].server >= 0, !isTemplate, Transport.isActive(proto: self[id].proto, state: self[id].state) {
            self[id].flags.remove(.inactive)
        } else if !isTemplate {
            self[id].flags.insert(.inactive)
        }
        if self[id].flags.contains(.retired) {
            self[id].takeRetiredKey()
            self[id].check = self[id].expectedCheck
        }
        guard !self[id].hasSide || holdsSide(id) else {
            guard !isTemplate else { return .side }
            self[id].flags.remove(.hasSide)
            return claim(id, at: now)
        }
        return claim(id, at: now)
    }

    private func holdsSide(_ id: ConnectionID) -> Bool {
        self[id].flags.contains(.template)
            ? sides[template: id].engineName != nil : self[id].method == .fullNAT && sides.holdsStream(at: id)
    }

    /// Of two records of one key the one that lives longer has it.
    private mutating func claim(_ id: ConnectionID, at now: Instant) -> AdoptionReport.Fault? {
        if !self[id].flags.contains(.superseded), let other = namesake(of: id) {
            guard self[other].expires < self[id].expires, !self[id].flags.contains(.template) else { return .duplicate }
            table.supersede(other)
            self[other].expires = min(self[other].expires, now)
            wheel.refileIfEarlier(other)
        }
        guard self[id].method == .fullNAT, !self[id].flags.contains(.template) else { return nil }
        let target = ServerKey(address: self[id].serverAddress, port: self[id].serverPort)
        let isFree = portAllocator.occupy(self[id].localPort, of: self[id].localAddress, self[id].proto, towards: target)
        return isFree ? nil : .port
    }

    /// The record that has the key of another one.
    private func namesake(of id: ConnectionID) -> ConnectionID? {
        let record = self[id]
        guard !record.flags.contains(.retired), record.isFoundByClient else { return nil }
        if record.flags.contains(.template) {
            return table.findTemplate(
                client: record.client, virtual: record.virtual, virtualPort: record.virtualPort, proto: record.proto
            ) { isSameSession($0, id) }
        }
        let match = table.find(
            Flow(
                source: record.client, sourcePort: record.clientPort, destination: record.virtual, destinationPort: record.virtualPort,
                proto: record.proto))
        return match.id >= 0 && !match.isReply ? match.id : nil
    }

    private func isSameSession(_ one: ConnectionID, _ other: ConnectionID) -> Bool {
        holds(self[other].hasSide ? sides[template: other].data : [], one)
    }
}
