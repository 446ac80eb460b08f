import Wire

/// Takes down what is decided about one frame. The director has one only while it explains.
final class ExplanationRecorder {
    var explanation = Explanation()
    /// The connection that the frame belongs to, -1 without, and its state before.
    var connection: ConnectionID = -1
    var stateBefore = ""
    var isReply = false
    /// Bytes of the longest segment that a superframe stands for.
    var longestSegment: Int?

    func add(_ step: Explanation.Step) {
        // Nothing that a packet says makes an explanation long; this is for chains of rules without end.
        if explanation.steps.count < 256 { explanation.steps.append(step) }
    }
}

extension Director {
    /// An entry of the table as an explanation shows it.
    func entry(_ id: ConnectionID) -> Explanation.Entry {
        let entry = carrying.upToDate(connections[id], at: id)
        let isTemplate = entry.flags.contains(.template)
        let timeout = isTemplate ? Instant(entry.timeout) * second : connections.timeouts.timeout(proto: entry.proto, state: entry.state)
        let remaining = max(entry.expires &- clockwork.now, 0)
        let state =
            isTemplate ? entry.flags.contains(.assured) ? "ASSURED" : "NONE" : Transport.stateName(proto: entry.proto, state: entry.state)
        return Explanation.Entry(
            proto: entry.proto, client: entry.client, clientPort: entry.clientPort, virtual: entry.virtual,
            virtualPort: entry.virtualPort, server: entry.serverAddress, serverPort: entry.serverPort,
            local: entry.method == .fullNAT && !isTemplate ? entry.localAddress : nil, localPort: entry.localPort,
            method: entry.method, state: state, isTemplate: isTemplate, packets: entry.packetsIn,
            idle: max(timeout - remaining, 0), remaining: remaining, children: Int(entry.children),
            carried: carrying.standing(of: entry, at: id, clockwork.now))
    }

    /// What the connection table said about a flow.
    @inline(never)
    mutating func noteFound(_ match: ConnectionTable.Match, _ flow: Flow, _ recorder: ExplanationRecorder) {
        guard match.id >= 0 else { return recorder.add(.unknownFlow(flow)) }
        noteConnection(match.id, isReply: match.isReply, recorder)
        recorder.add(.found(entry(match.id), isReply: match.isReply))
    }

    /// What a batch asks the connection table before anything else; asked beforehand, so that the way of a batch has no
    /// question whether it is to be explained.
    @inline(never)
    mutating func noteKnown(_ packet: Packet, _ frame: Frame, at now: Instant, _ recorder: ExplanationRecorder) {
        clockwork.reach(now)
        host.follow()
        guard host.interfaces.isMine(frame), !packet.takesSlowPath, packet.isBalanced, services.hasServices(packet.family) else { return }
        let flow = packet.flow
        noteFound(connections.find(flow), flow, recorder)
    }

    /// The connection that an ICMP error is about.
    @inline(never)
    func noteQuoted(_ id: ConnectionID, isReply: Bool, _ recorder: ExplanationRecorder) {
        recorder.add(.found(entry(id), isReply: isReply))
    }

    private func noteConnection(_ id: ConnectionID, isReply: Bool, _ recorder: ExplanationRecorder) {
        recorder.connection = id
        recorder.isReply = isReply
        recorder.stateBefore = entry(id).state
    }

    @inline(never)
    func noteConnected(_ id: ConnectionID, _ recorder: ExplanationRecorder) {
        noteConnection(id, isReply: false, recorder)
        recorder.add(.connected(entry(id)))
    }

    @inline(never)
    mutating func noteMatch(_ service: VirtualService?, _ flow: Flow, _ mark: UInt32, _ recorder: ExplanationRecorder) {
        guard let service else {
            recorder.add(.unmatched(nearest(to: flow, mark)))
            return
        }
        let key = service.key
        let match: Explanation.Match =
            if key.mark != 0 { .mark } else if !key.ranges.isEmpty { .range } else if key.port == flow.destinationPort {
                .endpoint
            } else if key.port == 0 { .anyPort } else { .ftp }
        recorder.add(.matched(key, match))
    }

    /// The services that a flow misses by least, at most three.
    private func nearest(to flow: Flow, _ mark: UInt32) -> [Explanation.Miss] {
        var misses: [(score: Int, miss: Explanation.Miss)] = []
        for service in services.all where service.key.family == flow.destination.family {
            let key = service.key
            guard key.mark == 0 else {
                misses.append(
                    (
                        mark != 0 ? 3 : 1,
                        Explanation.Miss(service: key, reason: mark == 0 ? "the packet has no mark" : "the packet has mark \(mark)")
                    ))
                continue
            }
            let sameAddress = key.address == flow.destination, samePort = service.covers(flow.destinationPort) || key.port == 0,
                sameProto = key.proto == flow.proto
            var reasons: [String] = []
            if !sameProto {
                reasons.append("it takes \(ServiceKey.protocolName(key.proto)), the packet is \(ServiceKey.protocolName(flow.proto))")
            }
            if !sameAddress { reasons.append("the packet is for \(flow.destination)") }
            if !samePort { reasons.append("the packet is for port \(flow.destinationPort)") }
            // A service that takes the packet and was not asked: the host has not got its address.
            if reasons.isEmpty {
                reasons.append("\(key.address) is no address of the host, nor one that the director owns: it waits for it")
            }
            let score = (sameAddress ? 4 : 0) + (samePort ? 2 : 0) + (sameProto ? 1 : 0)
            misses.append((score, Explanation.Miss(service: key, reason: reasons.joined(separator: ", "))))
        }
        // Stable among equals: the order of the services.
        return misses.enumerated().sorted { ($1.element.score, $0.offset) < ($0.element.score, $1.offset) }.prefix(3).map(\.element.miss)
    }

    /// Why a packet may not open a connection.
    @inline(never)
    mutating func noteOpensNothing(_ packet: Packet, _ recorder: ExplanationRecorder) {
        let words =
            switch packet.flow.proto {
            case IPProtocol.tcp where packet.flags.contains(.rst): "a TCP reset opens no connection"
            case IPProtocol.tcp: "a TCP segment without SYN [\(packet.flags.letters)] opens no connection (sloppy_tcp is 0)"
            default: "an SCTP packet that does not begin with INIT opens no connection (sloppy_sctp is \(tunables.sloppySCTP))"
            }
        recorder.add(.opensNothing(words))
    }

    /// The candidates as they are before the choice.
    @inline(never)
    func noteCandidates(_ scheduler: any Scheduler, _ request: SchedulingRequest, _ servers: Candidates, _ recorder: ExplanationRecorder) {
        let shown = (0..<min(servers.count, 1024)).map { place in
            let server = servers[place]
            return Explanation.Candidate(
                server: server.key, weight: server.weight, active: server.active, inactive: server.inactive,
                isOverloaded: server.isOverloaded, score: scheduler.score(of: place, for: request, in: servers))
        }
        recorder.add(.scheduled(Explanation.Schedule(scheduler: type(of: scheduler).name, candidates: shown, picked: nil)))
    }

    @inline(never)
    func notePicked(_ place: Int?, _ recorder: ExplanationRecorder) {
        guard let last = recorder.explanation.steps.indices.last,
            case .scheduled(var schedule) = recorder.explanation.steps[last]
        else { return }
        schedule.picked = place
        recorder.explanation.steps[last] = .scheduled(schedule)
    }

    /// Why the packet's connection is not continued.
    @inline(never)
    mutating func noteFreshStart(_ id: ConnectionID, _ recorder: ExplanationRecorder) {
        let old = entry(id)
        let server = connections[id].server
        let words =
            if server >= 0, servers[server].flags.contains(.resetting) {
                "its server was taken out and resets what it has"
            } else if server >= 0, !servers[server].isAvailable {
                "its server was removed (expire_nodest_conn is 1)"
            } else if tunables.expireNoDestination != 0, server >= 0, servers[server].weight == 0 {
                "its server has weight 0 (expire_nodest_conn is 1)"
            } else {
                "the client uses its port again, and the old connection is in \(old.state) (conn_reuse_mode is \(tunables.connectionReuseMode))"
            }
        recorder.add(.startsAfresh(old, words))
        recorder.connection = -1
    }

    /// Why no ICMP error is sent about a packet.
    @inline(never)
    mutating func noteUntold(_ packet: Packet, _ recorder: ExplanationRecorder) {
        let words =
            if packet.isLaterFragment { "the packet is a later fragment" } else if packet.isICMPError {
                "the packet is itself an ICMP error"
            } else if !packet.flow.source.isTellable {
                "its source \(packet.flow.source) is no single host"
            } else if !packet.flow.destination.isTellable { "its destination \(packet.flow.destination) is no single host" } else {
                "the limit of ICMP errors to \(packet.flow.source) is reached (icmp_ratelimit)"
            }
        recorder.add(.untold(words))
    }

    @inline(never)
    mutating func noteRetired(_ template: ConnectionID, _ recorder: ExplanationRecorder) {
        let server = connections[template].server
        let isGone = server < 0 || !servers[server].isAvailable
        recorder.add(
            .retired(entry(template), isGone ? "its server was removed" : "its server has weight 0 (expire_quiescent_template is 1)"))
    }

    /// What can be said when the frame has been directed: the state of its connection, its way, its length against the MTU.
    mutating func noteOutcome(_ packet: Packet, _ frame: Frame, _ verdict: Verdict, _ recorder: ExplanationRecorder) {
        let id = recorder.connection
        if id >= 0, verdict != .serverGone {
            if connections[id].flags.contains(.used) {
                let now = entry(id)
                recorder.add(.observed(Explanation.StateTracking(before: recorder.stateBefore, after: now.state, remaining: now.remaining)))
            }
            noteWay(of: id, packet, frame, recorder)
        }
        recorder.explanation.verdict = verdict
        recorder.explanation.server = server(of: 0)
        recorder.explanation.service = service(of: 0)
    }

    private mutating func noteWay(of id: ConnectionID, _ packet: Packet, _ frame: Frame, _ recorder: ExplanationRecorder) {
        let connection = connections[id]
        guard !recorder.isReply || connection.translates else { return }
        let target = recorder.isReply ? connection.client : connection.method == .bypass ? connection.virtual : connection.serverAddress
        let path =
            recorder.isReply
            ? routedAgain(replyPath(packet, frame, id), packet, frame, id)
            : connection.server < 0 ? host.path(to: target) : servers[connection.server].path
        recorder.add(
            .way(
                Explanation.Way(
                    method: connection.method, to: target, kind: path.kind, interface: host.network.interface(path.interface)?.name ?? "",
                    nextHop: path.nextHop, mac: path.kind == .ready ? path.destination : nil)))
        // The pieces of a datagram leave as they came.
        guard path.isUsable, !packet.isFragment else { return }
        var overhead = 0
        if connection.method == .tunneling, connection.server >= 0, !recorder.isReply {
            overhead = servers[outer: servers.outerPlace(connection.server, isPartial: frame.offload.hasPartialChecksum)].length
        }
        let length = recorder.longestSegment ?? Int(packet.length)
        recorder.add(
            .measured(
                Explanation.Length(
                    packet: length, overhead: overhead, limit: Int(path.mtu), dontFragment: packet.dontFragment,
                    isSuperframe: recorder.longestSegment != nil)))
    }
}
