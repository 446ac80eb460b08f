public import Wire

/// Which of the host's own work the director does for addresses it answers for.
public struct HostRole: Sendable, Hashable {
    /// No host stands beside the director (replay): it plays the whole host.
    public var isWholeHost: Bool
    /// Virtual addresses that are not configured on the host: only the director answers for them.
    public var owned: Set<IPAddress>

    public init(isWholeHost: Bool, owned: Set<IPAddress> = []) {
        self.isWholeHost = isWholeHost
        self.owned = owned
    }

    /// The whole host is played.
    public static var everything: HostRole { HostRole(isWholeHost: true) }
}

extension Director {
    /// Whether an address is the director's: the host's, or a virtual address that the director owns.
    mutating func isLocal(_ address: IPAddress) -> Bool {
        hostRole.owned.contains(address) || network.isLocal(address) || isLocalAddress(address)
    }

    /// Whether the director, not the host beside it, answers what is sent to an address.
    mutating func answers(for address: IPAddress) -> Bool { hostRole.isWholeHost || hostRole.owned.contains(address) || isLocalAddress(address) }

    /// A frame whose destination MAC is not the interface's own, or that is too long for it.
    @inline(never)
    mutating func notMine(_ frame: Frame, _ packet: Packet) -> Verdict {
        let destination = frame.bytes.mac(at: 0)
        if let port = ports[frame.ingress], port.mac == destination { return .oversizedFrame }
        guard destination.isMulticast else { return .otherHost }
        if packet.flow.proto == IPProtocol.icmpv6 { return answerNeighbor(frame, packet) }
        return .groupDestination
    }

    /// ARP and neighbour discovery: who has an address that the director answers for is told its MAC.
    @inline(never)
    mutating func answerNeighbor(_ frame: Frame, _ packet: Packet) -> Verdict {
        switch packet.kind {
        case .malformed: return .malformed
        case .foreign: return .passForeignType
        case .arp: return answerARP(frame, packet)
        case .ip: return answerSolicitation(frame, packet)
        }
    }

    private mutating func answerARP(_ frame: Frame, _ packet: Packet) -> Verdict {
        guard let question = ARPPacket(frame.bytes.dropFirst(Int(packet.network))), let port = ports[frame.ingress] else { return .malformed }
        let target = question.target, sender = question.sender
        guard question.operation == .request, answersNeighbors(for: target, on: frame.ingress), sender != target else { return .passARP }
        guard let reply = outbox.room(for: Int(packet.network) + 28) else { return .noBuffer }
        reply.bytes.copy(frame.bytes.prefix(Int(packet.network)))
        reply.bytes.setMAC(question.senderMAC, at: 0)
        reply.bytes.setMAC(port.mac, at: 6)
        ARPPacket.write(to: reply.bytes.dropFirst(Int(packet.network)), operation: .reply, senderMAC: port.mac,
                        sender: target, targetMAC: question.senderMAC, target: sender)
        return outbox.emit(reply, on: frame.ingress, causedBy: frame.cause) ? .arpReply : .noBuffer
    }

    private mutating func answerSolicitation(_ frame: Frame, _ packet: Packet) -> Verdict {
        guard packet.flow.proto == IPProtocol.icmpv6, packet.detail == ICMPv6Type.neighborSolicitation,
              let port = ports[frame.ingress],
              let question = NeighborMessage(frame.bytes.dropFirst(Int(packet.transport)).prefix(packet.transportLength)),
              packet.hops == 255 else { return packet.detail >= 133 && packet.detail <= 137 ? .passARP : .groupDestination }
        let target = question.target
        guard answersNeighbors(for: target, on: frame.ingress) else { return .passARP }
        // Duplicate address detection asks from ::, and all nodes hear the answer (RFC 4861 section 7.2.4).
        let asker = packet.flow.source
        let isProbe = asker.isUnspecified
        let destination = isProbe ? IPAddress(high: 0xff02 << 48, low: 1) : asker
        let mac = isProbe ? MACAddress(bits: 0x3333_0000_0001) : question.linkAddress ?? frame.bytes.mac(at: 6)
        let start = Int(packet.network)
        guard let reply = outbox.room(for: start + 40 + NeighborMessage.length) else { return .noBuffer }
        reply.bytes.copy(frame.bytes.prefix(start))
        reply.bytes.setMAC(mac, at: 0)
        reply.bytes.setMAC(port.mac, at: 6)
        IPv6Header.write(to: reply.bytes.dropFirst(start), payloadLength: NeighborMessage.length,
                         nextHeader: IPProtocol.icmpv6, from: target, to: destination, hopLimit: 255)
        NeighborMessage.writeAdvertisement(to: reply.bytes.dropFirst(start + 40), from: target, to: destination, target: target,
                                           targetMAC: port.mac, isRouter: network.forwards6, solicited: !isProbe)
        return outbox.emit(reply, on: frame.ingress, causedBy: frame.cause) ? .neighborAdvertisement : .noBuffer
    }

    private mutating func answersNeighbors(for address: IPAddress, on interface: Int32) -> Bool {
        hostRole.owned.contains(address) || hostRole.isWholeHost && network.isLocal(address) || isLocalAddress(address)
    }

    /// A packet for the director's own address that no service takes: `passed` is the verdict when the host deals with it.
    mutating func hostStack(_ frame: Frame, _ packet: Packet, _ passed: Verdict) -> Verdict {
        guard !isMartian(packet) else { return .martian }
        guard isLocal(packet.flow.destination) else { return passOn(frame, packet) }
        guard answers(for: packet.flow.destination) else { return passed }
        return answer(frame, packet)
    }

    /// What the host would say to a packet that nobody on it wants.
    mutating func answer(_ frame: Frame, _ packet: Packet) -> Verdict {
        switch packet.flow.proto {
        case IPProtocol.tcp: return reset(frame, packet)
        case IPProtocol.udp:
            guard packet.hasTransport, hasValidDatagramChecksum(frame, packet) else { return .noResponder }
            return tell(packet, of: frame, .portUnreachable(packet.family)) ? .portUnreachable : .noResponder
        case IPProtocol.icmp, IPProtocol.icmpv6: return echo(frame, packet)
        default:
            let offset = packet.family == .v6 ? UInt32(nextHeaderPlace(frame, packet)) : 0
            return tell(packet, of: frame, .protocolUnreachable(packet.family, at: offset)) ? .protocolUnreachable : .noResponder
        }
    }

    private mutating func nextHeaderPlace(_ frame: Frame, _ packet: Packet) -> Int {
        IPv6Extensions(frame.bytes.dropFirst(Int(packet.network)).prefix(Int(packet.length)))?.lastNextHeader ?? 6
    }

    /// A reset for a segment of no connection (RFC 9293 section 3.10.7.1).
    private mutating func reset(_ frame: Frame, _ packet: Packet) -> Verdict {
        let segment = frame.bytes.dropFirst(Int(packet.transport)).prefix(packet.transportLength)
        guard let tcp = TCPHeader(segment), !tcp.flags.contains(.rst), tcp.length >= 20, tcp.length <= segment.count,
              hasValidSegmentChecksum(frame, packet, segment) else { return .noResponder }
        let hasAck = tcp.flags.contains(.ack)
        var span = UInt32(truncatingIfNeeded: segment.count - tcp.length)
        if tcp.flags.contains(.syn) { span &+= 1 }
        if tcp.flags.contains(.fin) { span &+= 1 }
        let from = packet.flow.destination, to = packet.flow.source
        // The segment's class of service, without its congestion bits.
        let service = trafficClass(frame, packet) & 0xfc
        let sent = send(from: from, to: to, proto: IPProtocol.tcp, length: 20, typeOfService: service, dontFragment: true, frame.cause) { bytes in
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

    /// Echo reply (RFC 792, RFC 4443 section 4.2); other messages for the host have no answer.
    private mutating func echo(_ frame: Frame, _ packet: Packet) -> Verdict {
        let isV4 = packet.family == .v4
        let message = frame.bytes.dropFirst(Int(packet.transport)).prefix(packet.transportLength)
        guard packet.hasTransport, packet.detail == (isV4 ? ICMPType.echo : ICMPv6Type.echo), !frame.offload.isSuperframe else { return .passICMP }
        let from = packet.flow.destination, to = packet.flow.source
        var checksum = Checksum()
        checksum.add(message)
        if !isV4 { checksum.addPseudoHeader(from: to, to: from, proto: IPProtocol.icmpv6, length: message.count) }
        guard checksum.value == 0 || frame.offload.hasPartialChecksum, (isV4 ? tunables.ignoreEcho4 : tunables.ignoreEcho6) == 0,
              !to.isMulticast, !to.isUnspecified else { return .noResponder }
        let service = isV4 ? frame.bytes[Int(packet.network) + 1] : 0
        let sent = send(from: from, to: to, proto: packet.flow.proto, length: message.count, typeOfService: service, frame.cause) { bytes in
            bytes.copy(message)
            bytes[0] = isV4 ? ICMPType.echoReply : ICMPv6Type.echoReply
            bytes.setBig16(0, at: 2)
            bytes.setBig16(isV4 ? Checksum.of(bytes) : transportChecksum(bytes, from: from, to: to, IPProtocol.icmpv6), at: 2)
        }
        return sent ? .echoReply : .noBuffer
    }

    /// Type of service or traffic class, congestion bits included.
    private func trafficClass(_ frame: Frame, _ packet: Packet) -> UInt8 {
        let start = Int(packet.network)
        return packet.family == .v4 ? frame.bytes[start + 1] : UInt8(truncatingIfNeeded: frame.bytes.big16(at: start) >> 4)
    }

    private mutating func hasValidSegmentChecksum(_ frame: Frame, _ packet: Packet, _ segment: Bytes) -> Bool {
        frame.offload.hasPartialChecksum
            || transportChecksum(segment, from: packet.flow.source, to: packet.flow.destination, packet.flow.proto) == 0
    }

    private mutating func hasValidDatagramChecksum(_ frame: Frame, _ packet: Packet) -> Bool {
        let datagram = frame.bytes.dropFirst(Int(packet.transport)).prefix(packet.transportLength)
        guard let udp = UDPHeader(datagram), udp.length >= 8, udp.length <= datagram.count else { return false }
        if udp.checksum == 0 { return packet.family == .v4 }
        return hasValidSegmentChecksum(frame, packet, datagram.prefix(udp.length))
    }
}

/// The checksum of a whole transport payload whose checksum field is zero.
func transportChecksum(_ payload: Bytes, from source: IPAddress, to destination: IPAddress, _ proto: UInt8) -> UInt16 {
    var checksum = Checksum()
    checksum.add(payload)
    checksum.addPseudoHeader(from: source, to: destination, proto: proto, length: payload.count)
    return checksum.value
}
