import Wire

/// The header of the PROXY protocol, version 2 (haproxy's proxy-protocol.txt section 2.2): what stands in front of a
/// client's stream.
enum ProxyHeader {
    static func length(_ family: IPFamily) -> Int { family == .v4 ? 28 : 52 }

    /// Writes the header for a connection of a client to a virtual address.
    static func write(to bytes: Bytes, _ connection: Connection) {
        bytes.setBig64(0x0d0a_0d0a_000d_0a51, at: 0)
        bytes.setBig32(0x5549_540a, at: 8)
        let isV4 = connection.client.isV4
        // Version 2, command PROXY; stream over the family; length of what follows.
        bytes.setBig32(isV4 ? 0x2111_000c : 0x2121_0024, at: 12)
        let width = isV4 ? 4 : 16
        bytes.setIP(connection.client, at: 16)
        bytes.setIP(connection.virtual, at: 16 + width)
        bytes.setBig16(connection.clientPort, at: 16 + 2 * width)
        bytes.setBig16(connection.virtualPort, at: 18 + 2 * width)
    }
}

extension Director {
    /// A client's segment behind the SYN. To the server the stream begins with the PROXY header: every segment that begins
    /// where the client's does carries it until the server has it, retransmissions like the handshake's last segment;
    /// others only move.
    mutating func sendProxied(
        _ frame: inout Frame, _ packet: inout Packet, _ id: ConnectionID, along path: Path, _ context: inout PacketContext
    ) -> Verdict {
        guard let tcp = TCPHeader(frame.bytes.dropFirst(Int(packet.transport))) else { return .shortTransport }
        let length = ProxyHeader.length(packet.family)
        let stream = connections.sides[stream: id]
        if tcp.flags.contains(.rst) {
            if stream.isHeaderSent { moveSequence(of: tcp, by: length, frame.offload) }
            return send(&frame, packet, along: path, &context)
        }
        guard tcp.sequence == stream.clientStart, !stream.isHeaderTaken, tcp.flags.contains(.ack) else {
            moveSequence(of: tcp, by: length, frame.offload)
            return send(&frame, packet, along: path, &context)
        }
        connections.sides.noteHeaderSent(id)
        guard holdsHeader(frame, packet, tcp, stream, along: path) else {
            return sendHeaderAlone(&frame, &packet, id, along: path, &context)
        }
        guard openGap(of: length, at: Int(packet.transport) + tcp.length, in: &frame, &packet) else { return .headersTooLong }
        writeHeader(in: frame, packet, connections[id])
        return send(&frame, packet, along: path, &context)
    }

    private mutating func moveSequence(of tcp: TCPHeader, by length: Int, _ offload: Offload) {
        tcp.replace32(tcp.sequence &+ UInt32(length), at: 4, updatingChecksum: !offload.hasPartialChecksum)
    }

    /// Whether the header fits in front of a segment's payload: on the way, and within what the server takes at once.
    private mutating func holdsHeader(_ frame: Frame, _ packet: Packet, _ tcp: TCPHeader, _ stream: ClientStream, along path: Path) -> Bool
    {
        let length = ProxyHeader.length(packet.family)
        if frame.offload.isSuperframe { return Int(packet.length) + length <= 65535 }
        if packet.transportLength == tcp.length { return true }
        let segment = packet.transportLength - 20 + length
        return Int(packet.length) + length <= Int(path.mtu) && (stream.segmentLimit == 0 || segment <= Int(stream.segmentLimit))
    }

    /// Fills the gap behind a segment's TCP header.
    private mutating func writeHeader(in frame: Frame, _ packet: Packet, _ connection: Connection) {
        guard let tcp = TCPHeader(frame.bytes.dropFirst(Int(packet.transport))) else { return }
        let length = ProxyHeader.length(packet.family)
        let gap = tcp.bytes.dropFirst(tcp.length).prefix(length)
        ProxyHeader.write(to: gap, connection)
        countIn(gap, frame, transport: Int(packet.transport))
        let urgent = tcp.bytes.big16(at: 18)
        if tcp.flags.contains(.urg) { tcp.replace16(urgent &+ UInt16(length), at: 18, updatingChecksum: !frame.offload.hasPartialChecksum) }
    }

    /// A segment that is too long to take the header with it: the header goes ahead in a segment of its own.
    private mutating func sendHeaderAlone(
        _ frame: inout Frame, _ packet: inout Packet, _ id: ConnectionID, along path: Path, _ context: inout PacketContext
    ) -> Verdict {
        let length = ProxyHeader.length(packet.family)
        guard var rest = outbox.copy(frame), let moved = TCPHeader(rest.bytes.dropFirst(Int(packet.transport))),
            let tcp = TCPHeader(frame.bytes.dropFirst(Int(packet.transport)))
        else { return .noBuffer }
        moveSequence(of: moved, by: length, rest.offload)
        let whole = packet
        let end = Int(packet.transport) + tcp.length
        guard frame.resize(to: end + length) else { return .headersTooLong }
        frame.offload = Offload()
        resize(frame, &packet, to: end + length - Int(packet.network))
        tcp.flags = tcp.flags.subtracting([.fin, .psh, .urg])
        tcp.bytes.setBig16(0, at: 18)
        ProxyHeader.write(to: frame.bytes.dropFirst(end), connections[id])
        tcp.checksum = 0
        let (source, destination) = packet.addresses(in: frame)
        let segment = frame.bytes.dropFirst(Int(packet.transport)).prefix(packet.transportLength)
        tcp.checksum = transportChecksum(segment, from: source, to: destination, IPProtocol.tcp)
        let verdict = dispatch(&frame, packet, along: path, as: .fullNAT, &context)
        guard fits(rest, whole, path.mtu, &context) else {
            return sendFragments(of: rest, whole, limit: Int(path.mtu), along: path, as: verdict, &context)
        }
        return emit(&rest, along: path, frame.cause) ? verdict : .noBuffer
    }

    /// A server's acknowledgments in the client's numbers: the header is none of the client's bytes.
    mutating func acknowledgeWithoutHeader(_ tcp: TCPHeader, _ offload: Offload, _ family: IPFamily, _ stream: inout ClientStream) {
        guard tcp.flags.contains(.ack) else { return }
        let updates = !offload.hasPartialChecksum
        let length = UInt32(ProxyHeader.length(family))
        let acknowledged = Int32(bitPattern: tcp.acknowledgment &- stream.clientStart)
        if acknowledged >= Int32(length) { stream.isHeaderTaken = true }
        if stream.isHeaderTaken {
            tcp.replace32(tcp.acknowledgment &- length, at: 8, updatingChecksum: updates)
            TCPOptions(tcp)?.shiftSACK(by: 0 &- length, updatingChecksum: updates)
            return
        }
        if acknowledged > 0 { tcp.replace32(stream.clientStart, at: 8, updatingChecksum: updates) }
        // The server misses the header, or a part of it: what it has beyond is what the client must not send again.
        TCPOptions(tcp)?.shiftSACK(by: 0 &- length, updatingChecksum: updates)
    }
}
