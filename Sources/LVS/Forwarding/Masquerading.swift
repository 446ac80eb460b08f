import Wire

extension Director {
    /// NAT: the packet goes to the real server's own address and port; replies come back through the director.
    @inline(__always)
    mutating func masquerade(_ frame: inout Frame, _ packet: Packet, _ id: ConnectionID) -> Verdict {
        let server = connections[id].server
        refreshPath(server)
        let path = servers[server].path
        guard path.kind == .ready || path.kind == .unknownNeighbor else { return masqueradeAside(&frame, packet, path, id) }
        guard packet.hops > 1 else { return hopsUsedUp(frame, packet, id) }
        takeHop(frame, packet)
        let isTooLong = !fits(frame, packet, path.mtu)
        // The client is told about the packet as it sent it.
        if isTooLong, packet.dontFragment { return tellLimit(frame, packet, path.mtu, id) }
        guard packet.hasTransport else { return .shortTransport }
        translate(.destination, of: &frame, packet, to: connections[id].serverAddress, connections[id].serverPort)
        guard !isTooLong else { return sendFragments(of: frame, packet, limit: Int(path.mtu), along: path, as: .masquerading) }
        return dispatch(&frame, packet, along: path, as: .masquerading)
    }

    /// A NAT server that cannot be sent to: nobody knows the way, or it is the director's host itself.
    private mutating func masqueradeAside(_ frame: inout Frame, _ packet: Packet, _ path: Path, _ id: ConnectionID) -> Verdict {
        guard path.kind == .local else { return unreachableServer(&frame, packet, path) }
        // A stranger never reaches what listens on loopback only.
        if connections[id].serverAddress.isLoopback { return .loopbackServer }
        guard packet.hasTransport else { return .shortTransport }
        translate(.destination, of: &frame, packet, to: connections[id].serverAddress, connections[id].serverPort)
        return deliverLocally(&frame, packet)
    }

    /// A server's packet to a client, which the host would forward: on the way its source becomes the virtual address again.
    @inline(__always)
    mutating func translateReply(_ frame: inout Frame, _ packet: Packet, _ id: ConnectionID, along path: Path) -> Verdict {
        guard packet.hasTransport else { return .shortTransport }
        takeHop(frame, packet)
        translate(.source, of: &frame, packet, to: connections[id].virtual, connections[id].virtualPort)
        guard fits(frame, packet, path.mtu) else {
            return sendFragments(of: frame, packet, limit: Int(path.mtu), along: path, as: .replyTranslated)
        }
        return dispatch(&frame, packet, along: path, as: .replyTranslated)
    }
}
