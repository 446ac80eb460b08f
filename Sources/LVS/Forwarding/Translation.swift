import Wire

/// One end of a packet: where an address and a port stand in it.
enum PacketEnd { case source, destination }

extension Director {
    /// Writes another address and port into one end of a whole TCP, UDP or SCTP packet whose transport header is there.
    /// IPv4 header checksum and transport checksum follow by what changed, so a wrong one stays wrong by as much.
    @inline(__always)
    mutating func translate(_ end: PacketEnd, of frame: inout Frame, _ packet: Packet, to address: IPAddress, _ port: UInt16) {
        let old = end == .source ? packet.flow.source : packet.flow.destination
        let oldPort = end == .source ? packet.flow.sourcePort : packet.flow.destinationPort
        writeAddress(end, of: frame, packet, from: old, to: address)
        let bytes = frame.bytes.dropFirst(Int(packet.transport)).prefix(packet.transportLength)
        bytes.setBig16(port, at: end == .source ? 0 : 2)
        switch packet.flow.proto {
        case IPProtocol.tcp:
            bytes.setBig16(Self.adapt(bytes.big16(at: 16), frame.offload, from: old, oldPort, to: address, port), at: 16)
        case IPProtocol.udp:
            let checksum = bytes.big16(at: 6)
            guard checksum != 0 || frame.offload.hasPartialChecksum else { return fillDatagramChecksum(frame, packet) }
            let adapted = Self.adapt(checksum, frame.offload, from: old, oldPort, to: address, port)
            // A computed 0 would say that there is none (RFC 768).
            bytes.setBig16(adapted == 0 && !frame.offload.hasPartialChecksum ? 0xffff : adapted, at: 6)
        default:
            if port != oldPort || frame.offload.hasPartialChecksum { fillAssociationChecksum(&frame, packet) }
        }
    }

    /// Writes an address into the IP header.
    @inline(__always)
    mutating func writeAddress(_ end: PacketEnd, of frame: Frame, _ packet: Packet, from old: IPAddress, to new: IPAddress) {
        let bytes = frame.bytes.dropFirst(Int(packet.network))
        if packet.family == .v4 {
            bytes.setBig32(new.v4, at: end == .source ? 12 : 16)
            bytes.setBig16(Checksum.update(bytes.big16(at: 10), from: old, to: new), at: 10)
        } else {
            bytes.setIP(new, at: end == .source ? 8 : 24)
        }
    }

    /// A TCP or UDP checksum after address and port changed. A partial one is the sum of the pseudo-header alone, which is
    /// not complemented and knows no ports.
    @inline(__always)
    private static func adapt(
        _ checksum: UInt16, _ offload: Offload, from old: IPAddress, _ oldPort: UInt16,
        to new: IPAddress, _ port: UInt16
    ) -> UInt16 {
        if offload.hasPartialChecksum { return ~Checksum.update(~checksum, from: old, to: new) }
        return Checksum.update(Checksum.update(checksum, from: old, to: new), from: oldPort, to: port)
    }

    /// A datagram without a checksum gets one when it is translated, as IPVS does it: over all that the IP header counts.
    private mutating func fillDatagramChecksum(_ frame: Frame, _ packet: Packet) {
        let bytes = frame.bytes.dropFirst(Int(packet.transport)).prefix(packet.transportLength)
        let (source, destination) = packet.addresses(in: frame)
        let checksum = transportChecksum(bytes, from: source, to: destination, IPProtocol.udp)
        bytes.setBig16(checksum == 0 ? 0xffff : checksum, at: 6)
    }

    /// The CRC32c of SCTP covers the ports, but no addresses. One that was left to a network card is computed here, since
    /// the headers that travel with frames cannot ask for it.
    private mutating func fillAssociationChecksum(_ frame: inout Frame, _ packet: Packet) {
        let bytes = frame.bytes.dropFirst(Int(packet.transport)).prefix(packet.transportLength)
        SCTPHeader(bytes)?.fillChecksum()
        frame.offload.flags &= ~Offload.needsChecksum
    }
}
