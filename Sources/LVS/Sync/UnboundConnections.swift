import Wire

/// Connections that a master told of and whose server this director does not have: their packets go where the master said, by
/// the method that it said.
extension Director {
    /// A packet of such a connection, from the client's side.
    mutating func knownUnbound(_ frame: inout Frame, _ packet: Packet, _ id: ConnectionID, _ context: inout PacketContext) -> Verdict {
        countRequest(id, packet, &context)
        trackState(id, packet, isReply: false)
        return forwardUnbound(&frame, packet, id, &context)
    }

    /// Sends a packet on its way without a server's help.
    @inline(never)
    mutating func forwardUnbound(_ frame: inout Frame, _ packet: Packet, _ id: ConnectionID, _ context: inout PacketContext) -> Verdict {
        let method = connections[id].method
        switch method {
        case .bypass: return bypass(&frame, packet, &context)
        case .localNode: return deliverLocally(&frame, packet, &context)
        // What the tunnel is like only the server says.
        case .tunneling, .fullNAT: return .serverGone
        case .directRouting, .masquerading: break
        }
        let path = host.path(to: connections[id].serverAddress), translates = method == .masquerading
        guard path.isUsable || path.kind == .local else { return unreachableServer(&frame, packet, path, &context) }
        if path.isUsable {
            guard packet.hops > 1 else { return hopsUsedUp(frame, packet, id, &context) }
            takeHop(frame, packet)
            if translates, packet.dontFragment, !fits(frame, packet, path.mtu, &context) {
                return tellLimit(frame, packet, path.mtu, id, &context)
            }
        }
        if translates {
            guard packet.hasTransport else { return .shortTransport }
            translate(.destination, of: &frame, packet, to: connections[id].serverAddress, connections[id].serverPort)
        }
        guard path.isUsable else { return deliverLocally(&frame, packet, &context) }
        guard fits(frame, packet, path.mtu, &context) else {
            guard translates else { return routeTooLong(&frame, packet, along: path, id, &context) }
            return sendTranslated(&frame, packet, along: path, as: .masquerading, &context)
        }
        return dispatch(&frame, packet, along: path, as: translates ? .masquerading : .directRouting, &context)
    }

    /// A flow of no known connection may belong to one that was told of without the client's port, which is known from now on
    /// where packets are translated.
    @inline(never)
    mutating func takeUnknownPort(_ packet: Packet) -> ConnectionID {
        let id = anyPortConnection(of: packet.flow)
        guard id >= 0, connections[id].method == .masquerading else { return id }
        connections.table.unlink(id)
        connections[id].clientPort = packet.flow.sourcePort
        connections[id].flags.remove(.anyClientPort)
        connections[id].check = connections[id].expectedCheck
        connections.table.link(id)
        synchronisation.anyPorts -= 1
        return id
    }
}
