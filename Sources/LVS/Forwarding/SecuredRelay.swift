import Wire

extension Director {
    /// AH and ESP (RFC 4302, RFC 4303) have no ports: they follow the connection of the key exchange between the same two
    /// hosts, UDP port 500 to 500. `nil` without one, or where it is translated by ports (FULLNAT).
    mutating func relaySecured(_ frame: inout Frame, _ packet: Packet, _ context: inout PacketContext) -> Verdict? {
        guard packet.flow.proto == IPProtocol.esp || packet.flow.proto == IPProtocol.ah else { return nil }
        let flow = Flow(
            source: packet.flow.source, sourcePort: 500, destination: packet.flow.destination, destinationPort: 500,
            proto: IPProtocol.udp)
        let match = connections.find(flow)
        guard match.id >= 0, connections[match.id].method != .fullNAT else { return nil }
        if match.isReply { return relaySecuredReply(&frame, packet, match.id, &context) }
        if looksAtKnown, let verdict = lookAtKnown(&frame, packet, match.id, &context) { return verdict }
        return relaySecuredRequest(&frame, packet, match.id, &context)
    }

    private mutating func relaySecuredRequest(_ frame: inout Frame, _ packet: Packet, _ id: ConnectionID, _ context: inout PacketContext)
        -> Verdict?
    {
        let isUnbound = connections[id].server < 0
        guard isUnbound || isServed(id) else {
            guard tunables.expireNoDestination != 0 else { return .serverGone }
            expire(id)
            return nil
        }
        countRequest(id, packet, &context)
        touch(id, connections.timeouts.timeout(proto: IPProtocol.udp, state: 0))
        if synchronisation.isMaster { synchronise(id) }
        var packet = packet
        if isUnbound, connections[id].method != .masquerading { return forwardUnbound(&frame, packet, id, &context) }
        guard connections[id].method == .masquerading else { return forward(&frame, &packet, id, &context) }
        let server = connections[id].serverAddress
        let path = host.path(to: server)
        guard path.isUsable else { return unreachableServer(&frame, packet, path, &context) }
        guard packet.hops > 1 else { return hopsUsedUp(frame, packet, id, &context) }
        takeHop(frame, packet)
        let isTooLong = !fits(frame, packet, path.mtu, &context)
        if isTooLong, packet.dontFragment { return tellLimit(frame, packet, path.mtu, id, &context) }
        writeAddress(.destination, of: frame, packet, from: packet.flow.destination, to: server)
        guard !isTooLong else { return sendFragments(of: frame, packet, limit: Int(path.mtu), along: path, as: .masquerading, &context) }
        return dispatch(&frame, packet, along: path, as: .masquerading, &context)
    }

    private mutating func relaySecuredReply(_ frame: inout Frame, _ packet: Packet, _ id: ConnectionID, _ context: inout PacketContext)
        -> Verdict?
    {
        let path = path(of: packet, frame)
        guard path.kind != .local else { return nil }
        let translates = connections[id].translates
        if translates || host.emulation.isWholeHost, let refusal = refuseRouting(frame, packet, along: path, &context) { return refusal }
        let way = translates ? routedAgain(path, packet, frame, id) : path
        guard way.isUsable || !translates else { return .noRoute }
        countReply(id, length: Int(packet.length), &context)
        touch(id, connections.timeouts.timeout(proto: IPProtocol.udp, state: 0))
        guard translates else { return .passReply }
        takeHop(frame, packet)
        writeAddress(.source, of: frame, packet, from: packet.flow.source, to: connections[id].virtual)
        guard fits(frame, packet, way.mtu, &context) else {
            return sendFragments(of: frame, packet, limit: Int(way.mtu), along: way, as: .replyTranslated, &context)
        }
        return dispatch(&frame, packet, along: way, as: .replyTranslated, &context)
    }
}
