import Wire

extension Director {
    /// Direct routing: the packet goes to the real server's MAC as it is, with one hop less. The server holds the virtual
    /// address itself and answers the client without the director.
    @inline(__always)
    mutating func routeDirectly(_ frame: inout Frame, _ packet: inout Packet, _ id: ConnectionID, _ context: inout PacketContext) -> Verdict
    {
        let server = connections[id].server
        refreshPath(server)
        guard servers[server].path.isUsable else { return unreachableServer(&frame, packet, servers[server].path, &context) }
        guard packet.hops > 1 else { return hopsUsedUp(frame, packet, id, &context) }
        takeHop(frame, packet)
        let limit = servers[server].path.mtu
        guard packet.length &+ context.fragmentExcess <= limit || fitsInPieces(frame, packet, limit, &context) else {
            return routeTooLong(&frame, packet, along: servers[server].path, id, &context)
        }
        return dispatch(&frame, packet, to: server, as: .directRouting, &context)
    }

    /// A packet over the way's MTU: told to the client, or fragmented when it allows that.
    @inline(never)
    mutating func routeTooLong(
        _ frame: inout Frame, _ packet: Packet, along path: Path, _ id: ConnectionID,
        as verdict: Verdict = .directRouting, _ context: inout PacketContext
    ) -> Verdict {
        // An ICMP error is fragmented rather than answered by another.
        guard !packet.dontFragment || packet.family == .v4 && packet.flow.proto == IPProtocol.icmp else {
            return tellLimit(frame, packet, path.mtu, id, &context)
        }
        return sendFragments(of: frame, packet, limit: Int(path.mtu), along: path, as: verdict, &context)
    }

    /// A connection that found no server and goes to its own destination (cache_bypass).
    @inline(never)
    mutating func bypass(_ frame: inout Frame, _ packet: Packet, _ context: inout PacketContext) -> Verdict {
        let path = host.path(to: packet.flow.destination)
        guard path.kind != .local else { return .bypassLocal }
        guard path.kind == .ready || path.kind == .unknownNeighbor else { return unreachableServer(&frame, packet, path, &context) }
        guard packet.hops > 1 else { return hopsUsedUp(frame, packet, -1, &context) }
        takeHop(frame, packet)
        guard fits(frame, packet, path.mtu, &context) else { return routeTooLong(&frame, packet, along: path, -1, as: .bypass, &context) }
        return dispatch(&frame, packet, along: path, as: .bypass, &context)
    }
}
