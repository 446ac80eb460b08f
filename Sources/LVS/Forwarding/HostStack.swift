import Wire

/// Which of the host's own work the director does for addresses it answers for.
public struct HostEmulation: Sendable, Hashable {
    /// No host stands beside the director (replay): it plays the whole host.
    public var isWholeHost: Bool
    /// For which addresses that the host does not have the director answers.
    public var ownership: Ownership

    public init(isWholeHost: Bool, ownership: Ownership = .localAddresses) {
        self.isWholeHost = isWholeHost
        self.ownership = ownership
    }

    /// The whole host is played.
    public static var everything: HostEmulation { HostEmulation(isWholeHost: true) }
}

extension Director {
    /// A packet for the director's own address that no service takes: `passed` is the verdict when the host deals with it.
    mutating func hostStack(_ frame: Frame, _ packet: Packet, _ passed: Verdict, _ context: inout PacketContext) -> Verdict {
        guard isLocal(packet, frame) else { return passOn(frame, packet, &context) }
        guard host.answers(for: packet.flow.destination) else { return passed }
        return answer(frame, packet, &context)
    }

    /// No service of the family is left: the host sees everything itself.
    @inline(never)
    mutating func passServiceless(_ frame: inout Frame, _ packet: Packet, _ context: inout PacketContext) -> Verdict {
        if packet.isFragment, isLocal(packet, frame), host.answers(for: packet.flow.destination) {
            return reassemble(&frame, packet, &context)
        }
        // The services of the other family may have tunnels over this one.
        return tunnelError(frame, packet, &context) ?? hostStack(frame, packet, .passServiceless, &context)
    }

    /// What the host would say to a packet that nobody on it wants. It passes the output handler like any packet that leaves
    /// the host: a reset for a connection that was about to go gives that connection time again.
    mutating func answer(_ frame: Frame, _ packet: Packet, _ context: inout PacketContext) -> Verdict {
        context.passesOutput = true
        defer { context.passesOutput = false }
        return composeAnswer(frame, packet, &context)
    }

    private mutating func composeAnswer(_ frame: Frame, _ packet: Packet, _ context: inout PacketContext) -> Verdict {
        guard !isMartian(packet, frame) else { return .martian }
        if packet.family == .v6, packet.transport > packet.network + 40, let refusal = refuseExtensions(frame, packet, &context) {
            return refusal
        }
        switch (packet.flow.proto, packet.family) {
        case (IPProtocol.tcp, _): return reset(frame, packet, &context)
        case (IPProtocol.udp, _): return refuseDatagram(frame, packet, &context)
        case (IPProtocol.icmp, .v4), (IPProtocol.icmpv6, .v6): return answerICMP(frame, packet, &context)
        case (IPProtocol.none, .v6): return .noResponder
        // The host has IP in IP and GRE, but no such tunnel. What is too short for the header inside is not looked at.
        case (IPProtocol.ipip, _): return packet.transportLength >= 20 ? refusePort(frame, packet, &context) : .noResponder
        case (IPProtocol.ipv6, _): return packet.transportLength >= 40 ? refusePort(frame, packet, &context) : .noResponder
        case (IPProtocol.gre, .v4): return packet.isReadableGRE(in: frame) ? refusePort(frame, packet, &context) : .noResponder
        case (IPProtocol.udpLite, _): return refuseLightDatagram(frame, packet, &context)
        default:
            let offset = packet.family == .v6 ? UInt32(packet.nextHeaderPlace(in: frame)) : 0
            return tell(packet, of: frame, .protocolUnreachable(packet.family, at: offset), &context) ? .protocolUnreachable : .noResponder
        }
    }

    /// Addresses that the host takes from no wire (RFC 1812 section 5.3.7): nobody's, groups', loopback, and for IPv4 its own
    /// as a source.
    @inline(__always)
    mutating func isMartian(_ packet: Packet, _ frame: Frame) -> Bool {
        let flow = packet.flow
        if flow.destination.isLoopback || flow.source.isLoopback || flow.source.isMulticast { return true }
        guard flow.source.isV4 else { return false }
        return flow.source.isUnspecified || flow.source.v4 == .max || flow.destination.isUnspecified || isFromHost(packet, frame)
    }

    private mutating func refusePort(_ frame: Frame, _ packet: Packet, _ context: inout PacketContext) -> Verdict {
        tell(packet, of: frame, .portUnreachable(packet.family), &context) ? .portUnreachable : .noResponder
    }

    /// A datagram to a port where nobody listens. What follows it in its packet is not quoted.
    private mutating func refuseDatagram(_ frame: Frame, _ packet: Packet, _ context: inout PacketContext) -> Verdict {
        guard packet.hasTransport, packet.hasValidDatagramChecksum(in: frame),
            let udp = UDPHeader(frame.bytes.dropFirst(Int(packet.transport)))
        else { return .noResponder }
        var refused = packet
        refused.length = packet.transport &- packet.network &+ Int32(truncatingIfNeeded: udp.length)
        return refusePort(frame, refused, &context)
    }

    /// UDP-Lite (RFC 3828): the length is that of the part which the checksum covers, 0 for all of it.
    private mutating func refuseLightDatagram(_ frame: Frame, _ packet: Packet, _ context: inout PacketContext) -> Verdict {
        let datagram = frame.bytes.dropFirst(Int(packet.transport)).prefix(packet.transportLength)
        guard datagram.count >= 8 else { return .noResponder }
        let coverage = Int(datagram.big16(at: 4))
        guard coverage == 0 || coverage >= 8 && coverage <= datagram.count, datagram.big16(at: 6) != 0 else { return .noResponder }
        var checksum = Checksum()
        checksum.add(datagram.prefix(coverage == 0 ? datagram.count : coverage))
        checksum.addPseudoHeader(from: packet.flow.source, to: packet.flow.destination, proto: IPProtocol.udpLite, length: datagram.count)
        return checksum.value == 0 ? refusePort(frame, packet, &context) : .noResponder
    }

    /// A reset for a segment of no connection (RFC 9293 section 3.10.7.1).
    mutating func reset(_ frame: Frame, _ packet: Packet, _ context: inout PacketContext) -> Verdict {
        let segment = frame.bytes.dropFirst(Int(packet.transport)).prefix(packet.transportLength)
        guard let tcp = TCPHeader(segment), !tcp.flags.contains(.rst), tcp.length >= 20, tcp.length <= segment.count,
            packet.hasValidSegmentChecksum(in: frame, segment)
        else { return .noResponder }
        let hasAck = tcp.flags.contains(.ack)
        var span = UInt32(truncatingIfNeeded: segment.count - tcp.length)
        if tcp.flags.contains(.syn) { span &+= 1 }
        if tcp.flags.contains(.fin) { span &+= 1 }
        let from = packet.flow.destination, to = packet.flow.source
        // Congestion bits are the affair of connections (RFC 3168 section 6.1.1).
        let service = packet.typeOfService(in: frame) & 0xfc
        let ports = (source: packet.flow.destinationPort, destination: packet.flow.sourcePort)
        let sent = send(
            from: from, to: to, proto: IPProtocol.tcp, ports: ports, length: 20, typeOfService: service, dontFragment: true,
            frame.cause, &context
        ) { bytes in
            bytes.fill(0, at: 0, count: 20)
            guard let answer = TCPHeader(bytes) else { return }
            answer.sourcePort = tcp.destinationPort
            answer.destinationPort = tcp.sourcePort
            answer.bytes[12] = 5 << 4
            if hasAck {
                answer.sequence = tcp.acknowledgment
                answer.flags = .rst
            } else {
                answer.acknowledgment = tcp.sequence &+ span
                answer.flags = [.rst, .ack]
            }
            answer.checksum = transportChecksum(bytes, from: from, to: to, IPProtocol.tcp)
        }
        return sent ? .reset : .noResponder
    }
}

/// The checksum of a whole transport payload whose checksum field is zero.
func transportChecksum(_ payload: Bytes, from source: IPAddress, to destination: IPAddress, _ proto: UInt8) -> UInt16 {
    var checksum = Checksum()
    checksum.add(payload)
    checksum.addPseudoHeader(from: source, to: destination, proto: proto, length: payload.count)
    return checksum.value
}

extension HostView {
    /// Whether an address is the director's: the host's, or a virtual address that the director owns.
    mutating func isLocal(_ address: IPAddress) -> Bool {
        // Most who ask mean a virtual address, about which more is known than the routes say.
        if virtuals.isCurrent(network.localGeneration), virtuals.handled.contains(address) { return true }
        return virtuals.owned.contains(address) || network.isLocal(address) || ownsLocalAddress(address)
    }

    /// Whether the director, not the host beside it, answers what is sent to an address.
    mutating func answers(for address: IPAddress) -> Bool {
        emulation.isWholeHost || virtuals.owned.contains(address) || ownsLocalAddress(address)
    }
}
