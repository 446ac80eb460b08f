import Wire

extension Director {
    /// A frame whose destination MAC is not the interface's own, or that is too long for it.
    @inline(never)
    mutating func notMine(_ frame: Frame, _ packet: Packet) -> Verdict {
        let destination = frame.bytes.mac(at: 0)
        if let port = host.interfaces[frame.ingress], port.mac == destination { return .oversizedFrame }
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
        guard let question = ARPPacket(frame.bytes.dropFirst(Int(packet.network))), let port = host.interfaces[frame.ingress] else {
            return .malformed
        }
        let target = question.target, sender = question.sender
        noteClaim(of: sender, by: question.senderMAC, on: frame.ingress)
        guard question.operation == .request, host.answersNeighbors(for: target, asking: sender, on: frame.ingress), sender != target else {
            return .passARP
        }
        guard let reply = outbox.room(for: Int(packet.network) + 28) else { return .noBuffer }
        reply.bytes.copy(frame.bytes.prefix(Int(packet.network)))
        reply.bytes.setMAC(question.senderMAC, at: 0)
        reply.bytes.setMAC(port.mac, at: 6)
        ARPPacket.write(
            to: reply.bytes.dropFirst(Int(packet.network)), operation: .reply, senderMAC: port.mac,
            sender: target, targetMAC: question.senderMAC, target: sender)
        return outbox.emit(reply, on: frame.ingress, causedBy: frame.cause) ? .arpReply : .noBuffer
    }

    private mutating func answerSolicitation(_ frame: Frame, _ packet: Packet) -> Verdict {
        guard packet.flow.proto == IPProtocol.icmpv6, let port = host.interfaces[frame.ingress], packet.hops == 255,
            let question = NeighborMessage(frame.bytes.dropFirst(Int(packet.transport)).prefix(packet.transportLength))
        else { return packet.detail >= 133 && packet.detail <= 137 ? .passARP : .groupDestination }
        noteClaim(
            of: question.isSolicitation ? packet.flow.source : question.target, by: question.linkAddress ?? frame.bytes.mac(at: 6),
            on: frame.ingress)
        guard question.isSolicitation else { return .passARP }
        let target = question.target
        guard host.answersNeighbors(for: target, asking: packet.flow.source, on: frame.ingress) else { return .passARP }
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
        IPv6Header.write(
            to: reply.bytes.dropFirst(start), payloadLength: NeighborMessage.length,
            nextHeader: IPProtocol.icmpv6, from: target, to: destination, hopLimit: 255)
        NeighborMessage.writeAdvertisement(
            to: reply.bytes.dropFirst(start + 40), from: target, to: destination, target: target,
            targetMAC: port.mac, isRouter: host.network.forwards6, solicited: !isProbe)
        return outbox.emit(reply, on: frame.ingress, causedBy: frame.cause) ? .neighborAdvertisement : .noBuffer
    }
}

extension HostView {
    mutating func answersNeighbors(for address: IPAddress, asking sender: IPAddress, on interface: Int32) -> Bool {
        if virtuals.owned.contains(address) || ownsLocalAddress(address) { return true }
        guard emulation.isWholeHost else { return false }
        guard address.isV4, !network.uses(.v4).isEmpty else { return network.isLocal(address) }
        return path(for: RouteQuery(to: address, from: sender, ingress: interface)).kind == .local
    }
}
