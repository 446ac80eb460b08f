import Wire

extension Director {
    /// Protocols that no connections are kept for: ICMP, and whatever else. ICMP errors follow the connection of the packet
    /// that they quote.
    @inline(never)
    mutating func directOther(_ frame: inout Frame, _ packet: Packet, _ context: inout PacketContext) -> Verdict {
        if let verdict = tunnelError(frame, packet, &context) { return verdict }
        let isV4 = packet.family == .v4
        guard packet.flow.proto == (isV4 ? IPProtocol.icmp : IPProtocol.icmpv6) else {
            return relaySecured(&frame, packet, &context) ?? hostStack(frame, packet, .passNoService, &context)
        }
        guard packet.hasTransport else { return .icmpMalformed }
        let isRelayed =
            isV4
            ? [ICMPType.unreachable, ICMPType.sourceQuench, ICMPType.timeExceeded].contains(packet.detail)
            : packet.detail < 128
        guard isRelayed else { return hostStack(frame, packet, .passICMP, &context) }
        return relayError(&frame, packet, &context)
    }

    /// An ICMP error about a packet of a connection. A quote from the virtual address to the client comes from the client's
    /// side and goes to the server; one from the client to the server comes from the server's side.
    private mutating func relayError(_ frame: inout Frame, _ packet: Packet, _ context: inout PacketContext) -> Verdict {
        let quoted = Packet(quoted: frame.bytes.dropFirst(Int(packet.transport)).prefix(packet.transportLength).dropFirst(8))
        guard quoted.kind == .ip, quoted.family == packet.family, quoted.isBalanced, !quoted.isLaterFragment else {
            return hostStack(frame, packet, .passICMP, &context)
        }
        let schedules = tunables.scheduleICMP != 0 && !host.virtuals.isBackupOnly
        guard quoted.hasTransport else {
            // The scheduler wants to see ports.
            return schedules ? .icmpMalformed : hostStack(frame, packet, .passICMP, &context)
        }
        let flow = quoted.flow.reversed
        let match = connections.find(flow)
        if match.id >= 0 {
            if let recorder = context.recorder { noteQuoted(match.id, isReply: match.isReply, recorder) }
            if match.isReply { return relayToClient(&frame, packet, quoted, match.id, &context) }
            guard !host.virtuals.isBackupOnly else { return hostStack(frame, packet, .passBackupOnly, &context) }
            return relayToServer(&frame, packet, quoted, match.id, &context)
        }
        guard schedules else { return hostStack(frame, packet, .passICMP, &context) }
        return admitError(&frame, packet, quoted, &context)
    }

    /// An ICMP error about a packet of no known connection makes one (schedule_icmp).
    private mutating func admitError(_ frame: inout Frame, _ packet: Packet, _ quoted: Packet, _ context: inout PacketContext) -> Verdict {
        let flow = quoted.flow.reversed
        var mark: UInt32 = 0
        if applyRules(frame, packet, mark: &mark, &context) == .hostFirewall { return .hostFirewall }
        guard let service = match(flow, mark, &context) else { return hostStack(frame, packet, .passICMP, &context) }
        guard !clockwork.defence.dropsPacket(tunables, at: clockwork.now) else { return .dropPacketDefence }
        guard flow.sourcePort != 20 else { return hostStack(frame, packet, .passICMP, &context) }
        context.schedulesError = true
        makeRoom()
        let placement = place(flow, on: service, mark, frame, &context)
        context.schedulesError = false
        switch placement {
        case .connection(let id):
            defer { if connections[id].flags.contains(.onePacket) { expire(id) } }
            return relayToServer(&frame, packet, quoted, id, &context)
        case .noServer:
            let isFTP = service.key.mark == 0 && service.key.port == 21 && flow.destinationPort != 21
            return isFTP ? hostStack(frame, packet, .passFTPService, &context) : .icmpNoServer
        case .refused(let verdict): return verdict
        }
    }

    /// From the client's side: forwarded to the server like data, but counted only; timers and states stay as they are.
    private mutating func relayToServer(
        _ frame: inout Frame, _ packet: Packet, _ quoted: Packet, _ id: ConnectionID, _ context: inout PacketContext
    ) -> Verdict {
        var packet = packet
        if !isLocal(packet, frame) {
            // One hop is the host's own: it forwards the packet before it sees whom it concerns.
            if let refusal = refuseRouting(frame, packet, along: path(of: packet, frame), &context) { return relayed(refusal) }
            takeHop(frame, packet)
            packet.hops &-= 1
        }
        let translates = connections[id].translates
        guard !translates || isTranslatable(frame, packet, &context) else { return .icmpMalformed }
        countRequest(id, packet, &context)
        if translates { return relayed(translateToServer(&frame, packet, quoted, id, &context)) }
        guard connections[id].server >= 0 else { return relayed(forwardUnbound(&frame, packet, id, &context)) }
        return relayed(forward(&frame, &packet, id, &context))
    }

    /// The verdict of forwarding as that on an ICMP error.
    private mutating func relayed(_ verdict: Verdict) -> Verdict {
        switch verdict {
        case .directRouting, .tunneling, .bypass, .masquerading, .fullNAT: .icmpToServer
        case .timeExceeded: .icmpTimeExceeded
        default: verdict
        }
    }

    /// Only a message with a right checksum gets a new one. The kernel's sum runs over the IP header as well, whose own
    /// checksum it has not brought up to date yet where it wrote into the options.
    private mutating func isTranslatable(_ frame: Frame, _ packet: Packet, _ context: inout PacketContext) -> Bool {
        packet.hasValidMessageChecksum(in: frame) && context.options?.areChanged != true
    }

    private mutating func translateToServer(
        _ frame: inout Frame, _ packet: Packet, _ quoted: Packet, _ id: ConnectionID, _ context: inout PacketContext
    ) -> Verdict {
        let connection = connections[id]
        guard connection.serverAddress.family == packet.family else { return .icmpUnusable }
        let path = host.path(to: connection.serverAddress)
        if path.kind == .local, connection.serverAddress.isV4, connection.serverAddress.isLoopback { return .loopbackServer }
        if path.kind != .local {
            guard path.isUsable else { return .noRoute }
            guard packet.hops > 1 else { return .icmpTimeExceeded }
            takeHop(frame, packet)
        }
        rewriteError(
            .destination, of: frame, packet, to: connection.serverAddress,
            quoting: quoted, .source, as: connection.serverAddress, connection.serverPort, &context)
        if connection.method == .fullNAT {
            rewriteError(
                .source, of: frame, packet, to: connection.localAddress,
                quoting: quoted, .destination, as: connection.localAddress, connection.localPort, &context)
        }
        if path.kind == .local { return deliverLocally(&frame, packet, &context) }
        return sendRelayed(&frame, packet, along: path, as: .icmpToServer, &context)
    }

    /// From the server's side: it seems to come from the virtual address, whoever sent it, and to be about the packet as the
    /// client sent it. Where nothing is translated it is only counted.
    private mutating func relayToClient(
        _ frame: inout Frame, _ packet: Packet, _ quoted: Packet, _ id: ConnectionID, _ context: inout PacketContext
    ) -> Verdict {
        let connection = connections[id]
        let isForDirector = isLocal(packet, frame) && connection.method != .fullNAT
        let path = connection.method == .fullNAT ? pathBack(id, packet, frame) : path(of: packet, frame)
        if !isForDirector, connection.translates || host.emulation.isWholeHost,
            let refusal = refuseRouting(frame, packet, along: path, &context)
        {
            return relayed(refusal)
        }
        guard connection.translates else {
            countReply(id, length: Int(packet.length), &context)
            if isForDirector { return hostStack(frame, packet, .passICMP, &context) }
            return host.emulation.isWholeHost ? routeForHost(frame, packet, &context) : .passReply
        }
        guard isTranslatable(frame, packet, &context) else { return .icmpMalformed }
        guard connection.client.family == packet.family else { return .icmpUnusable }
        let way = isForDirector ? path : routedAgain(path, packet, frame, id)
        guard isForDirector || way.isUsable else { return .noRoute }
        countReply(id, length: Int(packet.length), &context)
        rewriteError(
            .source, of: frame, packet, to: connection.virtual,
            quoting: quoted, .destination, as: connection.virtual, connection.virtualPort, &context)
        if connection.method == .fullNAT {
            rewriteError(
                .destination, of: frame, packet, to: connection.client,
                quoting: quoted, .source, as: connection.client, connection.clientPort, &context)
        }
        guard !isForDirector else { return handBack(&frame, packet, .passICMP) }
        takeHop(frame, packet)
        return sendRelayed(&frame, packet, along: way, as: .icmpToClient, &context)
    }

    /// Nobody is told that an ICMP error is too long: IPv4 fragments it even against DF, IPv6 drops it.
    private mutating func sendRelayed(
        _ frame: inout Frame, _ packet: Packet, along path: Path, as verdict: Verdict, _ context: inout PacketContext
    ) -> Verdict {
        guard fits(frame, packet, path.mtu, &context) else {
            guard packet.family == .v4 else { return .packetTooBig }
            return sendFragments(of: frame, packet, limit: Int(path.mtu), along: path, as: verdict, &context)
        }
        return dispatch(&frame, packet, along: path, as: verdict, &context)
    }
}
