import Wire

/// A superframe as the segments it stands for: what a network card does with it (segmentation offload), done here for
/// frames whose outer header no card would repeat.
struct Segmentation: BitwiseCopyable {
    /// How the pieces differ from each other.
    enum Kind: UInt8, BitwiseCopyable {
        /// TCP segments: sequence numbers go on.
        case stream
        /// UDP datagrams of their own (UDP_SEGMENT).
        case datagrams
        /// IP fragments of one UDP datagram (UFO).
        case fragments
    }

    let kind: Kind
    private let packet: Packet
    /// Everything that each segment begins with, from the link's header on.
    private let headers: Int
    /// Payload of all segments together, and of each but the last, in bytes.
    private let total: Int
    private let size: Int
    /// Bytes of an IPv6 fragment header that is not yet in the superframe.
    private let inserted: Int

    /// `nil` when the frame is no superframe of a kind known here, or contradicts itself.
    init?(_ frame: Frame, _ packet: Packet) {
        guard let kind = Self.kind(frame.offload, packet), packet.hasTransport, !packet.isFragment else { return nil }
        let transport = frame.bytes.dropFirst(Int(packet.transport)).prefix(packet.transportLength)
        var header = 8
        switch kind {
        case .stream:
            guard let tcp = TCPHeader(transport), tcp.length >= 20, tcp.length <= transport.count else { return nil }
            header = tcp.length
        case .datagrams: break
        case .fragments: header = 0
        }
        self.kind = kind
        self.packet = packet
        headers = Int(packet.transport) + header
        total = transport.count - header
        size = kind == .fragments ? Int(frame.offload.segmentSize) & ~7 : Int(frame.offload.segmentSize)
        inserted = kind == .fragments && packet.family == .v6 ? 8 : 0
        guard size > 0, total > 0 else { return nil }
    }

    private static func kind(_ offload: Offload, _ packet: Packet) -> Kind? {
        switch (offload.kind, packet.flow.proto, packet.family) {
        case (Offload.tcp4, IPProtocol.tcp, .v4), (Offload.tcp6, IPProtocol.tcp, .v6): .stream
        case (Offload.udpSegments, IPProtocol.udp, _): .datagrams
        case (Offload.udpFragments, IPProtocol.udp, _): .fragments
        default: nil
        }
    }

    /// Number of segments.
    var count: Int { (total + size - 1) / size }

    /// IP length of the longest segment.
    var longest: Int { headers - Int(packet.network) + inserted + min(size, total) }

    /// Length of a segment's frame in bytes.
    func length(of segment: Int) -> Int { headers + inserted + payload(of: segment).count }

    private func payload(of segment: Int) -> Range<Int> { segment * size..<min(segment * size + size, total) }

    /// What is to be known about a segment when it is sent on.
    func packet(of segment: Int) -> Packet {
        var piece = packet
        piece.length = Int32(truncatingIfNeeded: length(of: segment)) &- packet.network
        return piece
    }

    /// Writes a segment's frame of `length(of:)` bytes. With `completing` its transport checksum is whole, else it holds
    /// the sum of the pseudo-header. `id` is the number of an IPv6 fragment's datagram. Fragments expect that the datagram's
    /// checksum is complete.
    func write(_ segment: Int, of frame: Frame, to bytes: Bytes, completing: Bool, id: UInt32) {
        let range = payload(of: segment)
        bytes.copy(frame.bytes.prefix(headers))
        bytes.copy(frame.bytes.dropFirst(headers + range.lowerBound).prefix(range.count), to: headers + inserted)
        let network = bytes.dropFirst(Int(packet.network)), transport = bytes.dropFirst(Int(packet.transport))
        let isLast = range.upperBound == total
        switch kind {
        case .stream: number(transport, at: range.lowerBound, isFirst: segment == 0, isLast: isLast)
        case .datagrams: transport.setBig16(UInt16(truncatingIfNeeded: transport.count), at: 4)
        case .fragments: fragment(network, at: range.lowerBound, isLast: isLast, id: id)
        }
        if let header = IPv4Header(network) {
            header.totalLength = network.count
            // The pieces of one datagram share its number; segments count on from the superframe's.
            if kind != .fragments { header.id &+= UInt16(truncatingIfNeeded: segment) }
            header.fillChecksum()
        } else if let header = IPv6Header(network) {
            header.payloadLength = network.count - 40
        }
        if kind != .fragments { sum(transport, of: frame, completing) }
    }

    /// FIN and PSH are said at the end, CWR at the beginning (RFC 3168 section 6.1.2).
    private func number(_ segment: Bytes, at offset: Int, isFirst: Bool, isLast: Bool) {
        guard let tcp = TCPHeader(segment) else { return }
        tcp.sequence &+= UInt32(truncatingIfNeeded: offset)
        var flags = tcp.flags.rawValue
        if !isLast { flags &= ~(TCPFlags.fin.rawValue | TCPFlags.psh.rawValue) }
        if !isFirst { flags &= ~0x80 }
        tcp.flags = TCPFlags(rawValue: flags)
    }

    private func fragment(_ network: Bytes, at offset: Int, isLast: Bool, id: UInt32) {
        if let header = IPv4Header(network) {
            header.fragmentWord = header.fragmentWord & 0xc000 | (isLast ? 0 : 0x2000) | UInt16(truncatingIfNeeded: offset / 8)
            return
        }
        let start = Int(packet.transport &- packet.network)
        guard let extensions = IPv6Extensions(network) else { return }
        network[extensions.lastNextHeader] = IPProtocol.fragment
        network[start] = packet.flow.proto
        network[start + 1] = 0
        network.setBig16(UInt16(truncatingIfNeeded: offset) | (isLast ? 0 : 1), at: start + 2)
        network.setBig32(id, at: start + 4)
    }

    private func sum(_ transport: Bytes, of frame: Frame, _ completing: Bool) {
        let field = kind == .stream ? 16 : 6
        // A datagram without checksum stays without.
        if kind == .datagrams, !frame.offload.hasPartialChecksum, transport.big16(at: 6) == 0 { return }
        transport.setBig16(0, at: field)
        var checksum = Checksum()
        checksum.addPseudoHeader(from: packet.flow.source, to: packet.flow.destination, proto: packet.flow.proto, length: transport.count)
        guard completing else { return transport.setBig16(checksum.folded, at: field) }
        checksum.add(transport)
        transport.setBig16(checksum.value == 0 && kind == .datagrams ? 0xffff : checksum.value, at: field)
    }

    /// What a network card has still to do on a segment that was not completed.
    var partialOffload: Offload {
        Offload(
            flags: Offload.needsChecksum, headerLength: UInt16(truncatingIfNeeded: headers),
            checksumStart: UInt16(truncatingIfNeeded: packet.transport), checksumOffset: kind == .stream ? 16 : 6)
    }
}

extension Director {
    /// A superframe into a tunnel: each segment is wrapped by itself. One that would be too long is told to the client
    /// once, whatever number of segments it stands for.
    mutating func tunnelSegments(
        _ frame: inout Frame, _ packet: Packet, _ id: ConnectionID, _ place: Int, _ limit: Int32, _ context: inout PacketContext
    ) -> Verdict {
        guard let segments = Segmentation(frame, packet) else { return .malformed }
        let isTooLong = segments.longest > Int(limit)
        if isTooLong, forbidsFragments(packet) { return tellLimit(frame, packet, limit, id, &context) }
        guard segments.longest + servers[outer: place].length <= 65535 else { return .headersTooLong }
        if segments.kind == .fragments, frame.offload.hasPartialChecksum, !completeChecksum(&frame, packet) { return .malformed }
        let path = servers[connections[id].server].path
        let isRemote = servers[outer: place].partialChecksum == .leftToReceiver && segments.kind != .fragments
        let header = isRemote ? place : outerHeader(of: connections[id].server, carrying: packet.family, isPartial: false)
        let datagram = UInt32(truncatingIfNeeded: clockwork.generator.next())
        for i in 0..<segments.count {
            guard var piece = outbox.room(for: segments.length(of: i)) else { return .noBuffer }
            segments.write(i, of: frame, to: piece.bytes, completing: !isRemote, id: datagram)
            if isRemote { piece.offload = segments.partialOffload }
            guard encapsulate(&piece, segments.packet(of: i), header) else { return .malformed }
            let isSent =
                isTooLong ? sendOuterFragments(of: piece, along: path, frame.cause, &context) : emit(&piece, along: path, frame.cause)
            guard isSent else { return .noBuffer }
        }
        return path.kind == .ready ? .tunneling : .neighborPending
    }
}
