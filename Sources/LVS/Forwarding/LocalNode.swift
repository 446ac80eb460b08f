import Wire

extension Director {
    /// The host stack beside the director, as an interface: frames with this `egress` are for the host itself, and frames
    /// with this `ingress` are the host's own on their way out.
    public static var localInterface: Int32 { -2 }

    /// Hands a packet to the host, which is the real server.
    mutating func deliverLocally(_ frame: inout Frame, _ packet: Packet, _ context: inout PacketContext) -> Verdict {
        guard host.emulation.isWholeHost else {
            _ = frame.resize(to: Int(packet.network &+ packet.length))
            frame.egress = Self.localInterface
            return .localNode
        }
        _ = answer(frame, Packet(frame), &context)
        return .localNode
    }

    /// A packet of the host's own that was led through the director: to an address of the director's, or on its way to a
    /// client. To clients the host hands over whole datagrams, so that each has its ports; as their source it may fragment
    /// IPv6 too.
    @inline(never)
    mutating func directOwn(_ frame: inout Frame, _ packet: Packet, _ context: inout PacketContext) -> Verdict {
        guard !host.isLocal(packet.flow.destination) else { return directToSelf(&frame, packet, &context) }
        var path = path(leaving: packet, frame)
        guard path.isUsable else { return .noRoute }
        let verdict = leaveHost(&frame, packet, &context)
        // What was translated is looked up again under its new source.
        if verdict != .passReply, tunables.snatReroute != 0 { path = self.path(leaving: Packet(frame), frame) }
        guard path.isUsable else { return .noRoute }
        guard fits(frame, packet, path.mtu, &context) else {
            return sendFragments(of: frame, packet, limit: Int(path.mtu), along: path, as: verdict, &context)
        }
        return dispatch(&frame, packet, along: path, as: verdict, &context)
    }

    /// The host as a client of a service, or a local server's answer to such a client: from here on like a packet that came
    /// in, as in the kernel, whose output hook schedules what its input hook does.
    private mutating func directToSelf(_ frame: inout Frame, _ packet: Packet, _ context: inout PacketContext) -> Verdict {
        // IPVS lets nothing from a loopback address off the host, and the host takes nothing such from a device.
        guard !packet.flow.source.isLoopback else { return .martian }
        guard !packet.takesSlowPath else { return directOnSlowPath(&frame, packet, &context) }
        let verdict = resume(&frame, packet, &context)
        return handBack(&frame, packet, verdict)
    }

    /// What the director leaves to the host beside it, and the host has not seen, is given to it.
    mutating func handBack(_ frame: inout Frame, _ packet: Packet, _ verdict: Verdict) -> Verdict {
        guard verdict.fate == .passed, frame.egress == 0, !host.emulation.isWholeHost else { return verdict }
        trim(&frame, packet)
        frame.egress = Self.localInterface
        return verdict
    }

    /// The output handler for what the host sends: a reply of a local server is counted, observed and gets the virtual
    /// address back where its request was translated; an ICMP error about such a request as well.
    mutating func leaveHost(_ frame: inout Frame, _ packet: Packet, _ context: inout PacketContext) -> Verdict {
        guard packet.kind == .ip, services.hasServices(packet.family), !packet.isFragment else { return .passReply }
        guard packet.isBalanced else { return leaveHostAsError(frame, packet, &context) }
        let flow = packet.flow
        let match = connections.find(flow)
        guard match.id >= 0, match.isReply else { return .passReply }
        countReply(match.id, length: Int(packet.length), &context)
        trackState(match.id, packet, isReply: true)
        guard connections[match.id].translates, packet.hasTransport else { return .passReply }
        translate(.source, of: &frame, packet, to: connections[match.id].virtual, connections[match.id].virtualPort)
        return .replyTranslated
    }

    /// An ICMP error of the host's own about a request that was delivered to it.
    private mutating func leaveHostAsError(_ frame: Frame, _ packet: Packet, _ context: inout PacketContext) -> Verdict {
        guard packet.isICMPError, packet.hasTransport else { return .passReply }
        let message = frame.bytes.dropFirst(Int(packet.transport)).prefix(packet.transportLength)
        let quoted = Packet(quoted: message.dropFirst(8))
        guard quoted.kind == .ip, quoted.hasTransport, quoted.isBalanced, !quoted.isLaterFragment else { return .passReply }
        let flow = quoted.flow.reversed
        let match = connections.find(flow)
        guard match.id >= 0, match.isReply else { return .passReply }
        if let recorder = context.recorder { noteQuoted(match.id, isReply: true, recorder) }
        countReply(match.id, length: Int(packet.length), &context)
        guard connections[match.id].translates else { return .passReply }
        let virtual = connections[match.id].virtual
        rewriteError(
            .source, of: frame, packet, to: virtual, quoting: quoted, .destination, as: virtual, connections[match.id].virtualPort, &context
        )
        return .icmpToClient
    }
}

extension Frame {
    /// The host beside the director has sent it, and it was led into the director.
    @inline(__always)
    var isHostsOwn: Bool { ingress == Director.localInterface }
}
