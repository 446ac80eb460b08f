import Wire

extension Director {
    /// NAT: the packet goes to the real server's own address and port; replies come back through the director.
    @inline(never)
    mutating func masquerade(_ frame: inout Frame, _ packet: Packet, _ id: ConnectionID, _ context: inout PacketContext) -> Verdict {
        let server = connections[id].server
        refreshPath(server)
        guard servers[server].path.isUsable else { return masqueradeAside(&frame, packet, servers[server].path, id, &context) }
        guard packet.hops > 1 else { return hopsUsedUp(frame, packet, id, &context) }
        takeHop(frame, packet)
        let isTooLong = !fits(frame, packet, servers[server].path.mtu, &context)
        // The client is told about the packet as it sent it.
        if isTooLong, packet.dontFragment { return tellLimit(frame, packet, servers[server].path.mtu, id, &context) }
        guard packet.hasTransport else { return .shortTransport }
        translate(.destination, of: &frame, packet, to: connections[id].serverAddress, connections[id].serverPort)
        guard !isTooLong else { return sendTranslated(&frame, packet, along: servers[server].path, as: .masquerading, &context) }
        return dispatch(&frame, packet, to: server, as: .masquerading, &context)
    }

    /// A NAT server that cannot be sent to: nobody knows the way, or it is the director's host itself.
    private mutating func masqueradeAside(
        _ frame: inout Frame, _ packet: Packet, _ path: Path, _ id: ConnectionID, _ context: inout PacketContext
    ) -> Verdict {
        guard path.kind == .local else { return unreachableServer(&frame, packet, path, &context) }
        // A stranger never reaches what listens on loopback only.
        if connections[id].serverAddress.isLoopback { return .loopbackServer }
        guard packet.hasTransport else { return .shortTransport }
        translate(.destination, of: &frame, packet, to: connections[id].serverAddress, connections[id].serverPort)
        return deliverLocally(&frame, packet, &context)
    }

    /// A server's packet to a client, which the host would forward: on the way its source becomes the virtual address again.
    @inline(__always)
    mutating func translateReply(
        _ frame: inout Frame, _ packet: Packet, _ id: ConnectionID, along path: Path, _ context: inout PacketContext
    ) -> Verdict {
        takeHop(frame, packet)
        translate(.source, of: &frame, packet, to: connections[id].virtual, connections[id].virtualPort)
        // The way of the virtual address may be narrower than the one that forwarding has judged.
        guard !packet.dontFragment || fits(frame, packet, path.mtu, &context) else {
            return refuseReply(frame, packet, limit: path.mtu, &context)
        }
        return sendTranslated(&frame, packet, along: path, as: .replyTranslated, &context)
    }

    /// A reply, already translated, that must not be fragmented and is too long for its way (IPv4: or whose longest fragment
    /// had DF, so that the kernel thinks it unbreakable once it is whole). The kernel tells the virtual address, where it
    /// seems to come from, and that passes it on to the server as any error about the connection.
    @inline(never)
    mutating func refuseReply(_ whole: Frame, _ packet: Packet, limit: Int32, _ context: inout PacketContext) -> Verdict {
        let flow = packet.flow, isV4 = packet.family == .v4
        let refusal = isV4 ? Verdict.fragmentationNeeded : .packetTooBig
        let connection = connections.find(flow)
        guard connection.id >= 0 else { return refusal }
        let quoted = whole.bytes.dropFirst(Int(packet.network)).prefix(Int(packet.length))
        var service: UInt8 = 0
        if let header = isV4 ? IPv4Header(quoted) : nil {
            header.source = flow.source
            header.fillChecksum()
            service = header.typeOfService & 0x1e | 0xc0
        } else if let header = IPv6Header(quoted) {
            header.source = flow.source
        }
        quoted.setBig16(flow.sourcePort, at: Int(packet.transport &- packet.network))
        let told = tell(
            flow.source, .tooLong(packet.family, limit: UInt32(limit)), quoting: quoted, from: connections[connection.id].virtual,
            typeOfService: service, whole.cause, hops: isV4 ? UInt8(clamping: tunables.defaultTTL - 1) : 63, isSourceChosen: true,
            &context)
        if told { countRequest(connection.id, length: Int32(context.answerLength), &context) }
        return refusal
    }

    /// Sends a translated packet, whole or, as it allows that, in fragments.
    @inline(__always)
    mutating func sendTranslated(
        _ frame: inout Frame, _ packet: Packet, along path: Path, as verdict: Verdict, _ context: inout PacketContext
    ) -> Verdict {
        guard fits(frame, packet, path.mtu, &context) else {
            return sendFragments(of: frame, packet, limit: Int(path.mtu), along: path, as: verdict, &context)
        }
        return dispatch(&frame, packet, along: path, as: verdict, &context)
    }
}
