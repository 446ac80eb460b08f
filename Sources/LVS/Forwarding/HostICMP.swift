import Wire

extension Director {
    /// What the host answers to ICMP: echo requests and, over IPv4, timestamp requests (RFC 1122 section 3.2.2).
    mutating func answerICMP(_ frame: Frame, _ packet: Packet, _ context: inout PacketContext) -> Verdict {
        guard packet.hasTransport, !frame.offload.isSuperframe else { return .passICMP }
        switch (packet.detail, packet.family) {
        case (ICMPType.echo, .v4), (ICMPv6Type.echo, .v6): return echo(frame, packet, &context)
        case (ICMPType.timestamp, .v4): return tellTime(frame, packet, &context)
        case (ICMPv6Type.neighborSolicitation, .v6): return answerNeighbor(frame, packet)
        default: return .passICMP
        }
    }

    /// Echo reply (RFC 792, RFC 4443 section 4.2): the message as it came, with the same type of service.
    private mutating func echo(_ frame: Frame, _ packet: Packet, _ context: inout PacketContext) -> Verdict {
        let isV4 = packet.family == .v4
        let message = frame.bytes.dropFirst(Int(packet.transport)).prefix(packet.transportLength)
        let from = packet.flow.destination, to = packet.flow.source
        guard packet.hasValidMessageChecksum(in: frame), (isV4 ? tunables.ignoreEcho4 : tunables.ignoreEcho6) == 0 else {
            return .noResponder
        }
        let sent = send(
            from: from, to: to, proto: packet.flow.proto, length: message.count,
            typeOfService: packet.typeOfService(in: frame), frame.cause, &context
        ) { bytes in
            bytes.copy(message)
            bytes[0] = isV4 ? ICMPType.echoReply : ICMPv6Type.echoReply
            bytes.setBig16(0, at: 2)
            bytes.setBig16(isV4 ? Checksum.of(bytes) : transportChecksum(bytes, from: from, to: to, IPProtocol.icmpv6), at: 2)
        }
        return sent ? .echoReply : .noResponder
    }

    /// Timestamp reply (RFC 792): when the request came in and when the answer leaves.
    private mutating func tellTime(_ frame: Frame, _ packet: Packet, _ context: inout PacketContext) -> Verdict {
        let message = frame.bytes.dropFirst(Int(packet.transport)).prefix(packet.transportLength)
        guard message.count >= 12, packet.hasValidMessageChecksum(in: frame) else { return .noResponder }
        let now = milliseconds
        let sent = send(
            from: packet.flow.destination, to: packet.flow.source, proto: IPProtocol.icmp, length: 20,
            typeOfService: packet.typeOfService(in: frame), frame.cause, &context
        ) { bytes in
            bytes.setBig32(0, at: 0)
            bytes[0] = ICMPType.timestamp + 1
            bytes.copy(message.dropFirst(4).prefix(8), to: 4)
            bytes.setBig32(now, at: 12)
            bytes.setBig32(now, at: 16)
            bytes.setBig16(Checksum.of(bytes), at: 2)
        }
        return sent ? .echoReply : .noResponder
    }
}
