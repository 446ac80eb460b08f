import Wire

extension Director {
    /// FULLNAT: the server sees one of the director's local addresses as its client and its own address as the destination,
    /// so its replies find the director from wherever it stands.
    @inline(never)
    mutating func translateFully(_ frame: inout Frame, _ packet: Packet, _ id: ConnectionID, _ context: inout PacketContext) -> Verdict {
        let server = connections[id].server
        refreshPath(server)
        guard servers[server].path.isUsable else {
            tell(packet, of: frame, .hostUnreachable(packet.family), &context)
            return .noRoute
        }
        guard packet.hops > 1 else { return hopsUsedUp(frame, packet, id, &context) }
        takeHop(frame, packet)
        let isTooLong = !fits(frame, packet, servers[server].path.mtu, &context)
        if isTooLong, packet.dontFragment { return tellLimit(frame, packet, servers[server].path.mtu, id, &context) }
        guard packet.hasTransport else { return .shortTransport }
        translate(.source, of: &frame, packet, to: connections[id].localAddress, connections[id].localPort)
        translate(.destination, of: &frame, packet, to: connections[id].serverAddress, connections[id].serverPort)
        guard packet.flow.proto == IPProtocol.tcp, connections[id].hasSide || packet.flags.contains(.syn) else {
            guard !isTooLong else { return sendTranslated(&frame, packet, along: servers[server].path, as: .fullNAT, &context) }
            return dispatch(&frame, packet, to: server, as: .fullNAT, &context)
        }
        return sendIntroduced(&frame, packet, id, along: servers[server].path, &context)
    }

    /// A server's packet to a local address, on its way to the client that the address stands for.
    @inline(never)
    mutating func translateFullReply(
        _ frame: inout Frame, _ packet: Packet, _ id: ConnectionID, along path: Path, _ context: inout PacketContext
    ) -> Verdict {
        takeHop(frame, packet)
        restoreEnds(of: &frame, packet, id)
        return sendTranslated(&frame, packet, along: path, as: .replyTranslated, &context)
    }

    /// A server's packet to a local address gets the ends that the client knows.
    mutating func restoreEnds(of frame: inout Frame, _ packet: Packet, _ id: ConnectionID) {
        translate(.source, of: &frame, packet, to: connections[id].virtual, connections[id].virtualPort)
        translate(.destination, of: &frame, packet, to: connections[id].client, connections[id].clientPort)
        if packet.flow.proto == IPProtocol.tcp, connections[id].hasSide { followServer(frame, packet, id) }
    }

    /// A client's TCP segment, already translated, with what tells the server who the client is.
    private mutating func sendIntroduced(
        _ frame: inout Frame, _ packet: Packet, _ id: ConnectionID, along path: Path, _ context: inout PacketContext
    ) -> Verdict {
        var packet = packet
        // Padding of the link must not end up behind bytes that are put in.
        _ = frame.resize(to: Int(packet.network &+ packet.length))
        guard let tcp = TCPHeader(frame.bytes.dropFirst(Int(packet.transport))), tcp.length >= 20,
            tcp.length <= packet.transportLength
        else { return send(&frame, packet, along: path, &context) }
        if tcp.flags.contains(.syn) {
            beginStream(id, at: tcp.sequence &+ 1)
            return send(&frame, packet, along: path, &context)
        }
        switch connections.sides[stream: id].option {
        case .none: break
        case .toa:
            if Self.isIntroduced(by: tcp, connections.sides[stream: id]) {
                connections[id].flags.remove(.hasSide)
            } else if connections.sides[stream: id].hasServerStart, !tcp.flags.contains(.rst),
                tcp.acknowledgment == connections.sides[stream: id].serverStart
            {
                insertClientOption(into: &frame, &packet, connections[id], limit: path.mtu)
            }
        case .proxyProtocol:
            return sendProxied(&frame, &packet, id, along: path, &context)
        }
        return send(&frame, packet, along: path, &context)
    }

    /// The client has seen bytes of the server, so the server has accepted the connection.
    private static func isIntroduced(by tcp: TCPHeader, _ stream: ClientStream) -> Bool {
        stream.hasServerStart && tcp.flags.contains(.ack) && Int32(bitPattern: tcp.acknowledgment &- stream.serverStart) > 0
    }

    /// A SYN of the client: its stream begins, or begins anew with another sequence number.
    private mutating func beginStream(_ id: ConnectionID, at start: UInt32) {
        let service = servers[connections[id].server].service
        guard let option = services[service]?.settings.clientAddress, option != .none else { return }
        if !connections[id].hasSide {
            guard connections.sides.takes([], at: id) else { return }
            connections.sides.begin(ClientStream(option: option, clientStart: start), at: id)
            connections[id].flags.insert(.hasSide)
        } else if connections.sides[stream: id].clientStart != start {
            connections.sides.store(ClientStream(option: option, clientStart: start), at: id)
        }
    }

    /// A server's segment, already translated: where its stream begins, and what it acknowledges in the client's own numbers.
    private mutating func followServer(_ frame: Frame, _ packet: Packet, _ id: ConnectionID) {
        guard let tcp = TCPHeader(frame.bytes.dropFirst(Int(packet.transport)).prefix(packet.transportLength)) else { return }
        var stream = connections.sides[stream: id]
        if tcp.flags.contains(.syn) {
            stream.serverStart = tcp.sequence &+ 1
            stream.hasServerStart = true
            leaveRoom(in: tcp, frame.offload, packet.family, &stream)
        }
        if stream.option == .proxyProtocol { acknowledgeWithoutHeader(tcp, frame.offload, packet.family, &stream) }
        connections.sides.store(stream, at: id)
    }

    /// A server's SYN+ACK: the client is asked for segments that leave room for the option, or for as much less as the
    /// PROXY header takes of the server's first window.
    private mutating func leaveRoom(in tcp: TCPHeader, _ offload: Offload, _ family: IPFamily, _ stream: inout ClientStream) {
        let updates = !offload.hasPartialChecksum
        let options = TCPOptions(tcp)
        let size = options?.mss
        if stream.option == .toa {
            let room = UInt16(ClientOption.length(family))
            if let size, size > 2 * room { options?.setMSS(size - room, updatingChecksum: updates) }
        } else {
            stream.segmentLimit = size ?? 0
            let room = UInt16(ProxyHeader.length(family))
            if tcp.window > room { tcp.replace16(tcp.window - room, at: 14, updatingChecksum: updates) }
        }
    }

    mutating func send(_ frame: inout Frame, _ packet: Packet, along path: Path, _ context: inout PacketContext) -> Verdict {
        sendTranslated(&frame, packet, along: path, as: .fullNAT, &context)
    }
}
