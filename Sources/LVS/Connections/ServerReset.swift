import Wire

/// Servers that are taken out for good: what they still have ends with its next packet, and both sides are told.
extension Director {
    /// Has connections of a server that takes no new ones end: TCP by a reset to the client and one to the server, whose numbers
    /// the client's next segment says; anything else goes to another server with its next packet, as do clients that a template
    /// remembers. Holds until the server has weight again.
    /// - Throws: `.invalid` for a server with weight, whose connections would come back as they go.
    public mutating func resetConnections(of server: ServerKey, of key: ServiceKey) throws(CommandError) {
        let service = try service(key)
        guard let place = service.place(of: server) else { throw .noSuchServer }
        let id = service.servers[place]
        guard servers[id].weight == 0 else { throw .invalid }
        stop(to: id, .server)
        settleCarrying()
        servers[id].flags.insert(.resetting)
    }

    /// A packet of a connection whose server resets what it has.
    mutating func endConnection(_ frame: inout Frame, _ packet: Packet, _ id: ConnectionID, _ context: inout PacketContext) -> Verdict {
        guard packet.flow.proto == IPProtocol.tcp, !packet.opensConnection else {
            if let recorder = context.recorder { noteFreshStart(id, recorder) }
            expire(id)
            return setUpConnection(&frame, packet, &context)
        }
        countRequest(id, packet, &context)
        guard !packet.flags.contains(.rst) else {
            trackState(id, packet, isReply: false)
            var packet = packet
            return forward(&frame, &packet, id, &context)
        }
        forwardReset(frame, packet, id, &context)
        let verdict = reset(frame, packet, &context)
        expire(id)
        return verdict
    }

    /// Tells the server, as if the client had: the segment in hand without its payload, as a reset.
    private mutating func forwardReset(_ frame: Frame, _ packet: Packet, _ id: ConnectionID, _ context: inout PacketContext) {
        let network = Int(packet.network), header = Int(packet.transport), length = header + 20
        guard packet.hasTransport, !packet.isFragment, var told = outbox.room(for: length) else { return }
        told.bytes.copy(frame.bytes.prefix(length))
        told.ingress = frame.ingress
        let ip = told.bytes.dropFirst(network), segment = told.bytes.dropFirst(header)
        if packet.family == .v4 {
            ip.setBig16(UInt16(length - network), at: 2)
            IPv4Header(ip)?.fillChecksum()
        } else {
            ip.setBig16(UInt16(length - network - 40), at: 4)
        }
        segment[12] = 5 << 4
        segment[13] = packet.flags.intersection(.ack).union(.rst).rawValue
        segment.setBig32(0, at: 16)
        segment.setBig16(
            transportChecksum(segment, from: packet.flow.source, to: packet.flow.destination, IPProtocol.tcp), at: 16)
        var short = Packet(told)
        _ = forward(&told, &short, id, &context)
        if told.egress != 0 { _ = outbox.emit(told, on: told.egress, causedBy: frame.cause) }
    }
}
