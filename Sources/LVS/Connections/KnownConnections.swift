import Wire

extension Director {
    /// Whether a packet that opens a connection ends the one it was found to belong to: the server is quiesced
    /// (expire_nodest_conn), or the client uses its port again after the old connection ended (conn_reuse_mode).
    @inline(never)
    mutating func startsAfresh(_ id: ConnectionID) -> Bool {
        let connection = connections[id]
        if tunables.expireNoDestination != 0, connection.server >= 0, servers[connection.server].weight == 0 { return true }
        let mode = tunables.connectionReuseMode
        guard mode != 0, connection.controller < 0 else { return false }
        if connection.proto == IPProtocol.tcp {
            let state = TCPState(rawValue: connection.state)
            return state == .timeWait || state == .close
                || mode & 2 != 0 && state == .finWait && connection.flags.contains(.noOutput)
        }
        return connection.proto == IPProtocol.sctp && connection.state == SCTPState.closed.rawValue
    }

    /// A SYN or INIT of a known connection: sent again, or the beginning of a new one.
    @inline(never)
    mutating func openAgain(_ frame: inout Frame, _ packet: Packet, _ id: ConnectionID, _ context: inout PacketContext) -> Verdict {
        if startsAfresh(id) { return readmit(&frame, packet, replacing: id, &context) }
        guard isServed(id) else { return unserved(&frame, packet, id, &context) }
        countRequest(id, packet, &context)
        trackState(id, packet, isReply: false)
        shrinkTimeout(id)
        clampSegmentSize(frame, packet, id)
        var packet = packet
        return forward(&frame, &packet, id, &context)
    }

    /// The old connection is forgotten, the packet scheduled like a new one.
    @inline(never)
    mutating func readmit(_ frame: inout Frame, _ packet: Packet, replacing old: ConnectionID, _ context: inout PacketContext) -> Verdict {
        if let recorder = context.recorder { noteFreshStart(old, recorder) }
        guard connections[old].children == 0 else { return setUpConnection(&frame, packet, &context) }
        // It goes at the next tick: until the pick is made it still counts for its server, and a reset of the host's for the
        // packet keeps it.
        takeBack(old, .state)
        connections[old].expires = min(connections[old].expires, clockwork.now)
        connections.wheel.refileIfEarlier(old)
        return setUpConnection(&frame, packet, replacing: old, &context)
    }

    /// Whether the connection's server still belongs to a service and keeps what it has; connections without a server serve
    /// themselves.
    @inline(__always)
    func isServed(_ id: ConnectionID) -> Bool {
        let server = connections[id].server
        return server < 0 ? connections[id].method == .bypass : servers[server].flags.intersection([.available, .resetting]) == .available
    }

    /// The server was removed: the connection waits for its return, or is forgotten (expire_nodest_conn). Or it resets what it has.
    @inline(never)
    mutating func unserved(_ frame: inout Frame, _ packet: Packet, _ id: ConnectionID, _ context: inout PacketContext) -> Verdict {
        guard connections[id].server >= 0 else { return knownUnbound(&frame, packet, id, &context) }
        guard !servers[connections[id].server].flags.contains(.resetting) else { return endConnection(&frame, packet, id, &context) }
        guard tunables.expireNoDestination != 0 else { return .serverGone }
        if let recorder = context.recorder { noteFreshStart(id, recorder) }
        expire(id)
        return setUpConnection(&frame, packet, &context)
    }

    /// A packet from the server's side of a known connection. The host's forwarding judges it first, whose part the director
    /// plays when it translates.
    @inline(never)
    mutating func reply(_ frame: inout Frame, _ packet: Packet, _ id: ConnectionID, _ context: inout PacketContext) -> Verdict {
        if carrying.isOn { meetCarried(id) }
        let path = replyPath(packet, frame, id)
        guard path.kind != .local else { return replyToHost(&frame, packet, id, &context) }
        let translates = connections[id].translates
        // The host's routing takes no IPv4 packet that claims to come from the host itself, as a server's answer under a
        // virtual address does.
        guard translates || !isMartian(packet, frame) else { return .martian }
        // A packet for a local address is the director's own to answer, whether the host forwards or not.
        let mustForward = connections[id].method != .fullNAT
        if translates || host.emulation.isWholeHost,
            let refusal = refuseRouting(frame, packet, along: path, asRouter: mustForward, &context)
        {
            return refusal
        }
        guard packet.hasTransport || !translates else { return .shortTransport }
        let way = translates ? routedAgain(path, packet, frame, id) : path
        guard way.isUsable || !translates else {
            return way.kind == .local ? replyToHost(&frame, packet, id, &context) : .noRoute
        }
        countReply(id, length: Int(packet.length), &context)
        trackState(id, packet, isReply: true)
        guard translates else { return .passReply }
        if packet.opensConnection { clampSegmentSize(frame, packet, id) }
        return connections[id].method == .fullNAT
            ? translateFullReply(&frame, packet, id, along: way, &context)
            : translateReply(&frame, packet, id, along: way, &context)
    }

    /// The way to the client that the host's routing gives a server's packet as it came. What FULLNAT translates came to the
    /// director itself and leaves it as its own.
    @inline(__always)
    mutating func replyPath(_ packet: Packet, _ frame: Frame, _ id: ConnectionID) -> Path {
        host.network.uses(packet.family).isEmpty ? host.path(to: connections[id].client) : routedReplyPath(packet, frame, id)
    }

    @inline(never)
    private mutating func routedReplyPath(_ packet: Packet, _ frame: Frame, _ id: ConnectionID) -> Path {
        connections[id].method == .fullNAT ? pathBack(id, packet, frame) : path(of: packet, frame)
    }

    /// The way of a reply once it comes from the virtual address: it is looked up again, since rules may know that address
    /// (snat_reroute).
    @inline(__always)
    mutating func routedAgain(_ path: Path, _ packet: Packet, _ frame: Frame, _ id: ConnectionID) -> Path {
        guard !host.network.uses(packet.family).isEmpty, tunables.snatReroute != 0, connections[id].method != .fullNAT else { return path }
        return routeBack(id, packet, frame)
    }

    /// A reply whose client is the director's own host. The host beside the director does not see it: IPv4's routing would not
    /// take a packet from an address of its own.
    private mutating func replyToHost(_ frame: inout Frame, _ packet: Packet, _ id: ConnectionID, _ context: inout PacketContext) -> Verdict
    {
        let translates = connections[id].translates
        guard packet.hasTransport || !translates else { return .shortTransport }
        countReply(id, length: Int(packet.length), &context)
        trackState(id, packet, isReply: true)
        if packet.opensConnection, translates { clampSegmentSize(frame, packet, id) }
        guard translates else { return handBack(&frame, packet, .passReply) }
        if connections[id].method == .fullNAT {
            restoreEnds(of: &frame, packet, id)
        } else {
            translate(.source, of: &frame, packet, to: connections[id].virtual, connections[id].virtualPort)
        }
        return deliverLocally(&frame, packet, &context)
    }
}
