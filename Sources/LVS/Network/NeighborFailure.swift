import Wire

extension Director {
    /// When frames that wait for a neighbour are given up; `nil` when none wait.
    var nextNeighborTimeout: Instant? { host.waiting.nextTimeout(host.neighborPatience) }

    /// Gives up frames whose next hop was asked for long enough.
    mutating func giveUpNeighbors(at now: Instant) {
        for frame in host.waiting.takeOverdue(at: now, host.neighborPatience) { giveUp(frame) }
    }

    /// Gives up frames whose next hop the host has asked for in vain; call it between batches when the network has changed.
    /// What this makes the director send is in the outbox afterwards.
    public mutating func giveUpFailedNeighbors() {
        outbox.removeAll()
        for key in host.network.takeFailedNeighbors() {
            for frame in host.waiting.take(key) { giveUp(frame) }
        }
    }

    /// A frame whose next hop does not answer. As the kernel does, the packet's sender is told that the host, or for IPv6 the
    /// address, cannot be reached. What left under an address of the host's own, such as a tunnel's outer packet, comes back
    /// to the director, which tells whom it concerns.
    mutating func giveUp(_ waiting: NeighborQueue.Waiting) {
        verdicts.count(.neighborUnknown)
        guard var copy = outbox.room(for: waiting.bytes.count) else { return }
        copy.bytes.copy(waiting.bytes)
        copy.offload = waiting.offload
        let packet = Packet(copy)
        var context = PacketContext()
        guard packet.kind == .ip, !packet.isICMPError else { return }
        if host.isLocal(packet.flow.source) { return returnOwn(copy, packet, &context) }
        let first = outbox.batch.count
        guard tell(packet, of: copy, .addressUnreachable(packet.family), from: errorSource(about: packet), &context) else { return }
        for place in first..<outbox.batch.count {
            var own = outbox.batch[place]
            _ = leaveHost(&own, Packet(own), &context)
        }
    }

    /// The address that an error about a packet on its way out comes from. IPv6 speaks under the address that the packet was
    /// sent to where it is the host's.
    private mutating func errorSource(about packet: Packet) -> IPAddress {
        let destination = packet.flow.destination
        if packet.family == .v6, host.network.hasAddress(destination) || host.virtuals.owned.contains(destination) { return destination }
        return host.path(to: packet.flow.source).local
    }

    /// The error about a packet that left under the host's own address: as if it had come in.
    private mutating func returnOwn(_ frame: Frame, _ packet: Packet, _ context: inout PacketContext) {
        let own = packet.flow.source
        let quoted = frame.bytes.dropFirst(Int(packet.network)).prefix(Int(packet.length))
        let message = ICMPMessage.addressUnreachable(packet.family)
        let headers = packet.family.headerLength + 8
        let quote = quoted.prefix((packet.family == .v4 ? 576 : 1280) - headers)
        guard var error = outbox.room(for: 14 + headers + quote.count) else { return }
        error.ingress = Self.localInterface
        error.cause = -1
        error.bytes.setBig16(packet.family == .v4 ? EtherType.ipv4 : EtherType.ipv6, at: 12)
        let start = error.bytes.dropFirst(14)
        if packet.family == .v4 {
            IPv4Header.write(to: start, totalLength: headers + quote.count, proto: IPProtocol.icmp, from: own, to: own, timeToLive: 64)
        } else {
            IPv6Header.write(to: start, payloadLength: 8 + quote.count, nextHeader: IPProtocol.icmpv6, from: own, to: own, hopLimit: 64)
        }
        message.write(to: start.dropFirst(packet.family.headerLength), quoting: quote)
        ICMPMessage.fillChecksum(start.dropFirst(packet.family.headerLength), from: own, to: own)
        let told = Packet(error)
        _ = handBack(&error, told, directOther(&error, told, &context))
        guard error.egress != 0 else { return }
        _ = outbox.emit(error, on: error.egress, causedBy: -1)
    }
}
