import Wire

extension Director {
    /// A packet that is not for the director: plain routing carries it, unless a reply of a server it translates for.
    mutating func passThrough(_ frame: inout Frame, _ packet: Packet, _ context: inout PacketContext) -> Verdict {
        unknownReply(&frame, packet, &context) ?? passOn(frame, packet, &context)
    }

    /// What plain routing carries is the host's business. Where there is no host, only a refusal of it is seen, and ICMP
    /// errors, since those may concern a connection, are carried on.
    mutating func passOn(_ frame: Frame, _ packet: Packet, _ context: inout PacketContext) -> Verdict {
        let verdict = passRouted(frame, packet, &context)
        return verdict == .passNotLocal && host.virtuals.waiting.contains(packet.flow.destination) ? .passWaiting : verdict
    }

    private mutating func passRouted(_ frame: Frame, _ packet: Packet, _ context: inout PacketContext) -> Verdict {
        if !host.emulation.isWholeHost { return isMutedReply(packet) ? routeForHost(frame, packet, &context) : .passNotLocal }
        guard !packet.flow.destination.isMulticast, host.network.lookup(packet.flow.destination)?.kind != .broadcast else {
            return .passNotLocal
        }
        if packet.isICMPError, !packet.isFragment { return routeForHost(frame, packet, &context) }
        return refuseRouting(frame, packet, along: path(of: packet, frame), &context) ?? .passNotLocal
    }

    /// Why the host would not forward a packet from the server's side along `path`, which its sender is told; `nil` when it
    /// would. Forwarding is judged before IPVS sees such a packet, so a refused one counts and changes nothing.
    @inline(__always)
    mutating func refuseRouting(_ frame: Frame, _ packet: Packet, along path: Path, asRouter: Bool = true, _ context: inout PacketContext)
        -> Verdict?
    {
        guard !asRouter || (packet.family == .v4 ? host.network.forwards4 : host.network.forwards6) else { return .passNotLocal }
        guard path.kind == .ready || path.kind == .unknownNeighbor, packet.hops > 1,
            !packet.dontFragment || fits(frame, packet, path.mtu, &context)
        else {
            return explainRefusal(frame, packet, path, &context)
        }
        return nil
    }

    private mutating func explainRefusal(_ frame: Frame, _ packet: Packet, _ path: Path, _ context: inout PacketContext) -> Verdict {
        guard path.kind == .ready || path.kind == .unknownNeighbor else {
            if let message = ICMPMessage.refused(path.refusal, packet.family) { tellRouted(frame, packet, message, &context) }
            return .noRoute
        }
        guard packet.hops > 1 else {
            tellRouted(frame, packet, .timeExceeded(packet.family), &context)
            return .timeExceeded
        }
        tellRouted(frame, packet, .tooLong(packet.family, limit: UInt32(path.mtu)), &context)
        return packet.family == .v4 ? .fragmentationNeeded : .packetTooBig
    }

    /// Tells the sender of a packet to somebody else, from the director's own address towards the sender.
    private mutating func tellRouted(_ frame: Frame, _ packet: Packet, _ message: ICMPMessage, _ context: inout PacketContext) {
        tell(packet, of: frame, message, from: host.path(to: packet.flow.source).local, &context)
    }

    /// A packet from the address and port of a NAT server that belongs to no connection: with `nat_icmp_send` its sender is
    /// told that nobody waits for it, unless it is itself a refusal. `nil` leaves it to the host's routing.
    mutating func unknownReply(_ frame: inout Frame, _ packet: Packet, _ context: inout PacketContext) -> Verdict? {
        guard tunables.natICMPSend != 0, packet.isBalanced, isNATServer(packet.flow), !packet.isRefusal else { return nil }
        if isLocal(packet, frame) {
            tell(packet, of: frame, .portUnreachable(packet.family), &context)
            return .unknownReply
        }
        let path = path(of: packet, frame)
        if let refusal = refuseRouting(frame, packet, along: path, &context) { return refusal }
        takeHop(frame, packet)
        tellRouted(frame, packet, .portUnreachable(packet.family), &context)
        return .unknownReply
    }

    /// Whether a flow comes from a server that some service translates for (ip_vs_has_real_service).
    private func isNATServer(_ flow: Flow) -> Bool {
        host.natServers.contains(flow.source, flow.sourcePort, flow.proto)
    }

    /// Whether the host does not see a packet because it may be a reply that the director translates: from the port of a NAT
    /// server, or a fragment from such a server.
    func isMutedReply(_ packet: Packet) -> Bool {
        let flow = packet.flow
        if packet.isFragment { return host.natServers.contains(flow.source) }
        return packet.isBalanced && host.natServers.mayReply(flow.source, flow.sourcePort, flow.proto)
    }

    /// Does for a muted packet what the host's forwarding would have done.
    mutating func routeForHost(_ frame: Frame, _ packet: Packet, _ context: inout PacketContext) -> Verdict {
        let path = path(of: packet, frame)
        if path.kind == .local { return .passNotLocal }
        if let refusal = refuseRouting(frame, packet, along: path, &context) { return refusal }
        guard var copy = outbox.copy(frame) else { return .noBuffer }
        takeHop(copy, packet)
        // Fragments with DF are thought unbreakable once they are whole, as a server's reply is.
        if context.originalFragments?.hasDF == true {
            tellRouted(copy, packet, .tooLong(.v4, limit: UInt32(path.mtu)), &context)
            return .fragmentationNeeded
        }
        guard context.originalFragments?.isOnePiece(packet) ?? true, fits(copy, packet, path.mtu, &context) else {
            return sendFragments(of: copy, packet, limit: Int(path.mtu), along: path, as: .routed, &context)
        }
        trim(&copy, packet)
        return emit(&copy, along: path, frame.cause) ? .routed : .neighborQueueFull
    }
}
