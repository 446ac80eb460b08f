import Wire

extension Director {
    /// The host stack beside the director, as an interface: frames with this `egress` are for the host itself, and frames
    /// with this `ingress` are the host's own on their way out.
    public static var localInterface: Int32 { -2 }

    /// Hands a packet to the host, which is the real server. Where the director plays the host, the host's answer passes the
    /// output handler like any packet that leaves.
    mutating func deliverLocally(_ frame: inout Frame, _ packet: Packet) -> Verdict {
        guard hostRole.isWholeHost else {
            _ = frame.resize(to: Int(packet.network &+ packet.length))
            frame.egress = Self.localInterface
            return .localNode
        }
        let first = outbox.batch.count
        _ = answer(frame, Packet(frame))
        for place in first..<outbox.batch.count {
            var own = outbox.batch[place]
            _ = leaveHost(&own, Packet(own))
        }
        return .localNode
    }

    /// A packet of the host's own that was led through the director, on its way to a client.
    mutating func directOwn(_ frame: inout Frame, _ packet: Packet) -> Verdict {
        let path = path(to: packet.flow.destination)
        guard path.kind == .ready || path.kind == .unknownNeighbor else { return .noRoute }
        let verdict = leaveHost(&frame, packet)
        guard fits(frame, packet, path.mtu) else {
            guard packet.family == .v4 else { return .packetTooBig }
            return sendFragments(of: frame, packet, limit: Int(path.mtu), along: path, as: verdict)
        }
        return dispatch(&frame, packet, along: path, as: verdict)
    }

    /// The output handler for what the host sends: a reply of a local server is counted, observed and gets the virtual
    /// address back where its request was translated; an ICMP error about such a request as well.
    private mutating func leaveHost(_ frame: inout Frame, _ packet: Packet) -> Verdict {
        guard packet.kind == .ip, services.hasServices(packet.family), !packet.isFragment else { return .passReply }
        guard packet.isBalanced else { return leaveHostAsError(frame, packet) }
        let flow = packet.flow
        let match = connections.find(flow, hash: connections.hash(flow.source, flow.sourcePort, flow.destination, flow.destinationPort, flow.proto))
        guard match.id >= 0, match.isReply else { return .passReply }
        countReply(match.id, length: Int(packet.length))
        observe(match.id, packet, isReply: true)
        guard connections[match.id].translates, packet.hasTransport else { return .passReply }
        translate(.source, of: &frame, packet, to: connections[match.id].virtual, connections[match.id].virtualPort)
        return .replyTranslated
    }

    /// An ICMP error of the host's own about a request that was delivered to it.
    private mutating func leaveHostAsError(_ frame: Frame, _ packet: Packet) -> Verdict {
        guard isICMPError(packet), packet.hasTransport else { return .passReply }
        let message = frame.bytes.dropFirst(Int(packet.transport)).prefix(packet.transportLength)
        let quoted = Packet(quoted: message.dropFirst(8))
        guard quoted.kind == .ip, quoted.isBalanced, !quoted.isLaterFragment else { return .passReply }
        let flow = quoted.flow.reversed
        let match = connections.find(flow, hash: connections.hash(flow.source, flow.sourcePort, flow.destination, flow.destinationPort, flow.proto))
        guard match.id >= 0, match.isReply else { return .passReply }
        countReply(match.id, length: Int(packet.length))
        guard connections[match.id].translates else { return .passReply }
        restoreQuote(in: frame, packet, quoted, connections[match.id])
        return .icmpToClient
    }

    /// Puts the virtual address into an ICMP error about a translated request: as its source, and as the destination of the
    /// packet that it quotes, whose transport checksum stays what it was.
    private mutating func restoreQuote(in frame: Frame, _ packet: Packet, _ quoted: Packet, _ connection: Connection) {
        let message = frame.bytes.dropFirst(Int(packet.transport)).prefix(packet.transportLength)
        let quote = message.dropFirst(8)
        writeAddress(.source, of: frame, packet, from: packet.flow.source, to: connection.virtual)
        if quoted.family == .v4 {
            quote.setIP(connection.virtual, at: 16)
            IPv4Header(quote)?.fillChecksum()
        } else {
            quote.setIP(connection.virtual, at: 24)
        }
        quote.setBig16(connection.virtualPort, at: Int(quoted.transport) + 2)
        message.setBig16(0, at: 2)
        let (source, destination) = addresses(frame, packet)
        message.setBig16(packet.family == .v4 ? Checksum.of(message)
            : transportChecksum(message, from: source, to: destination, IPProtocol.icmpv6), at: 2)
    }
}

extension Packet {
    /// Looks at the packet that an ICMP error quotes, which may be cut off; offsets count from the quote's first byte.
    init(quoted bytes: Bytes) {
        self.init(kind: .malformed)
        guard bytes.count > 0 else { return }
        var offset = 0
        if let header = IPv4Header(bytes), bytes.count >= header.length + 8 {
            family = .v4
            flow = Flow(source: header.source, sourcePort: 0, destination: header.destination, destinationPort: 0, proto: header.proto)
            isLaterFragment = header.fragmentWord & 0x1fff != 0
            offset = header.length
        } else if let header = IPv6Header(bytes), let extensions = IPv6Extensions(bytes), bytes.count >= extensions.offset + 8 {
            family = .v6
            flow = Flow(source: header.source, sourcePort: 0, destination: header.destination, destinationPort: 0, proto: extensions.proto)
            isLaterFragment = extensions.fragmentHeader > 0 && bytes.big16(at: extensions.fragmentHeader + 2) & 0xfff8 != 0
            offset = extensions.offset
        } else {
            return
        }
        kind = .ip
        transport = Int32(truncatingIfNeeded: offset)
        length = Int32(truncatingIfNeeded: bytes.count)
        flow.sourcePort = bytes.big16(at: offset)
        flow.destinationPort = bytes.big16(at: offset + 2)
    }
}
