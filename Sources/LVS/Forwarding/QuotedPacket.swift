import Wire

extension Packet {
    /// Looks at the packet that an ICMP error quotes, which may be cut off; offsets count from the quote's first byte.
    /// `hasTransport` says that its ports are there, four bytes of them being enough; `malformed` that not even its IP header
    /// is.
    init(quoted bytes: Bytes) {
        self.init(kind: .malformed)
        guard bytes.count > 0 else { return }
        let offset: Int
        if let header = IPv4Header(bytes) {
            family = .v4
            flow = Flow(source: header.source, sourcePort: 0, destination: header.destination, destinationPort: 0, proto: header.proto)
            isLaterFragment = header.fragmentWord & 0x1fff != 0
            offset = header.length
        } else if let header = IPv6Header(bytes), let extensions = IPv6Extensions(bytes) {
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
        guard bytes.holds(4, at: offset) else { return }
        hasTransport = true
        flow.sourcePort = bytes.big16(at: offset)
        flow.destinationPort = bytes.big16(at: offset + 2)
    }
}

extension Director {
    /// Changes one end of an ICMP error and of the packet that it quotes. Both IP headers' checksums and that of the message
    /// follow; the quoted transport checksum stays what it was, since nobody can tell whether it was right.
    mutating func rewriteError(
        _ end: PacketEnd, of frame: Frame, _ packet: Packet, to address: IPAddress,
        quoting quoted: Packet, _ quotedEnd: PacketEnd, as quotedAddress: IPAddress, _ quotedPort: UInt16,
        _ context: inout PacketContext
    ) {
        let header = frame.bytes.dropFirst(Int(packet.network))
        let message = frame.bytes.dropFirst(Int(packet.transport)).prefix(packet.transportLength)
        let quote = message.dropFirst(8)
        context.originalFragments?.join(first: 8 + Int(quoted.transport) + 4, of: message.count)
        if packet.family == .v4 {
            header.setIP(address, at: end == .source ? 12 : 16)
            quote.setIP(quotedAddress, at: quotedEnd == .source ? 12 : 16)
            IPv4Header(header)?.fillChecksum()
            IPv4Header(quote)?.fillChecksum()
        } else {
            header.setIP(address, at: end == .source ? 8 : 24)
            quote.setIP(quotedAddress, at: quotedEnd == .source ? 8 : 24)
        }
        quote.setBig16(quotedPort, at: Int(quoted.transport) + (quotedEnd == .source ? 0 : 2))
        message.setBig16(0, at: 2)
        let (source, destination) = packet.addresses(in: frame)
        message.setBig16(
            packet.family == .v4
                ? Checksum.of(message)
                : transportChecksum(message, from: source, to: destination, IPProtocol.icmpv6), at: 2)
    }
}
