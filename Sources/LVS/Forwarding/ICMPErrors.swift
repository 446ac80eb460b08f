import Wire

/// An ICMP or ICMPv6 error that the director sends: type, code and the four bytes behind the checksum.
struct ICMPMessage {
    var type: UInt8
    var code: UInt8
    var rest: UInt32 = 0

    static func portUnreachable(_ family: IPFamily) -> ICMPMessage {
        family == .v4 ? .init(type: ICMPType.unreachable, code: 3) : .init(type: ICMPv6Type.unreachable, code: 4)
    }
    static func hostUnreachable(_ family: IPFamily) -> ICMPMessage {
        family == .v4 ? .init(type: ICMPType.unreachable, code: 1) : .init(type: ICMPv6Type.unreachable, code: 3)
    }
    /// What the host's routing says about a packet that it has no way for: network unreachable, host unreachable or
    /// communication prohibited (RFC 1812 section 5.2.7.1), no route or prohibited (RFC 4443 section 3.1). `nil` is silence.
    static func refused(_ refusal: Network.Refusal, _ family: IPFamily) -> ICMPMessage? {
        switch (refusal, family) {
        case (.networkUnreachable, .v4): .init(type: ICMPType.unreachable, code: 0)
        case (.hostUnreachable, .v4): .init(type: ICMPType.unreachable, code: 1)
        case (.prohibited, .v4): .init(type: ICMPType.unreachable, code: 13)
        case (.networkUnreachable, .v6), (.hostUnreachable, .v6): .init(type: ICMPv6Type.unreachable, code: 0)
        case (.prohibited, .v6): .init(type: ICMPv6Type.unreachable, code: 1)
        case (.discarded, _): nil
        }
    }
    /// IPv4: host unreachable; IPv6: address unreachable.
    static func addressUnreachable(_ family: IPFamily) -> ICMPMessage {
        family == .v4 ? hostUnreachable(.v4) : .init(type: ICMPv6Type.unreachable, code: 3)
    }
    /// IPv4: protocol unreachable; IPv6: unrecognised next header, with its place in the packet.
    static func protocolUnreachable(_ family: IPFamily, at offset: UInt32) -> ICMPMessage {
        family == .v4
            ? .init(type: ICMPType.unreachable, code: 2)
            : .init(type: ICMPv6Type.parameterProblem, code: 1, rest: offset)
    }
    static func timeExceeded(_ family: IPFamily) -> ICMPMessage {
        family == .v4 ? .init(type: ICMPType.timeExceeded, code: 0) : .init(type: ICMPv6Type.timeExceeded, code: 0)
    }
    static func reassemblyTimeExceeded(_ family: IPFamily) -> ICMPMessage {
        family == .v4 ? .init(type: ICMPType.timeExceeded, code: 1) : .init(type: ICMPv6Type.timeExceeded, code: 1)
    }
    /// Fragmentation needed (RFC 1191 section 4) or packet too big, with the MTU of the next hop.
    static func tooLong(_ family: IPFamily, limit: UInt32) -> ICMPMessage {
        family == .v4
            ? .init(type: ICMPType.unreachable, code: 4, rest: limit & 0xffff)
            : .init(type: ICMPv6Type.packetTooBig, code: 0, rest: limit)
    }
}

extension ICMPMessage {
    /// Writes the message with what it quotes; its checksum is still to be filled in.
    func write(to payload: Bytes, quoting quote: Bytes) {
        payload[0] = type
        payload[1] = code
        payload.setBig16(0, at: 2)
        payload.setBig32(rest, at: 4)
        payload.copy(quote, to: 8)
    }

    static func fillChecksum(_ payload: Bytes, from source: IPAddress, to destination: IPAddress) {
        payload.setBig16(0, at: 2)
        var checksum = Checksum()
        checksum.add(payload)
        if !source.isV4 { checksum.addPseudoHeader(from: source, to: destination, proto: IPProtocol.icmpv6, length: payload.count) }
        payload.setBig16(checksum.value, at: 2)
    }
}

extension Director {
    /// Tells the sender of a packet about its fate, from the address it was sent to or `source`. Nothing is sent about ICMP
    /// errors, later fragments, or to senders that are no single host (RFC 1122 section 3.2.2). True when a message left.
    @discardableResult @inline(never)
    mutating func tell(
        _ packet: Packet, of frame: Frame, _ message: ICMPMessage, from source: IPAddress? = nil, _ context: inout PacketContext
    ) -> Bool {
        let quoted = frame.bytes.dropFirst(Int(packet.network)).prefix(Int(packet.length))
        return tell(packet, quoting: quoted, message, from: source ?? ownSource(for: packet), frame.cause, &context)
    }

    /// The same about a packet that is in no frame any more.
    @discardableResult
    mutating func tell(
        _ packet: Packet, quoting quoted: Bytes, _ message: ICMPMessage, from source: IPAddress, _ cause: Int32,
        _ context: inout PacketContext
    ) -> Bool {
        guard !packet.isLaterFragment, !packet.isICMPError, packet.flow.source.isTellable, packet.flow.destination.isTellable,
            host.allows(
                message, to: packet.flow.source, from: source == packet.flow.destination ? source : nil, tunables, at: clockwork.now)
        else {
            if let recorder = context.recorder { noteUntold(packet, recorder) }
            return false
        }
        return tell(
            packet.flow.source, message, quoting: quoted, from: source, typeOfService: quoted[1] & 0x1e | 0xc0, cause,
            isSourceChosen: source != packet.flow.destination, &context)
    }

    /// The address that an error comes from: the one that the packet was sent to. IPv6 speaks only under addresses that are
    /// configured, not for a prefix that is routed to the host.
    mutating func ownSource(for packet: Packet) -> IPAddress {
        let destination = packet.flow.destination
        guard packet.family == .v6, !host.network.hasAddress(destination), host.network.isLocal(destination) else {
            return destination
        }
        return host.path(to: packet.flow.source).local
    }

    /// Sends an ICMP error to `destination` that quotes as much of `quoted` as belongs there: 576 bytes in all (RFC 1812
    /// section 4.3.2.3), for IPv6 1280 (RFC 4443 section 2.4).
    mutating func tell(
        _ destination: IPAddress, _ message: ICMPMessage, quoting quoted: Bytes, from source: IPAddress,
        typeOfService: UInt8, _ cause: Int32, hops: UInt8? = nil, isSourceChosen: Bool = false, _ context: inout PacketContext
    ) -> Bool {
        let family = destination.family
        guard let options = answerOptions(from: source, &context) else { return false }
        let quote = quoted.prefix(family == .v4 ? 576 - 28 - options.count : 1280 - 48)
        let checksums = context.options?.checksums
        return send(
            from: source, to: destination, proto: family == .v4 ? IPProtocol.icmp : IPProtocol.icmpv6,
            length: 8 + quote.count, typeOfService: family == .v4 ? typeOfService : 0,
            hops: hops, isSourceChosen: isSourceChosen, cause, &context
        ) { payload in
            message.write(to: payload, quoting: quote)
            // The kernel quotes a header whose options it has filled in before it brings the checksum up to date.
            if family == .v4, let checksums, checksums.old != checksums.new, quote.count >= 20 {
                payload.setBig16(Checksum.update(payload.big16(at: 18), from: checksums.old, to: checksums.new), at: 18)
            }
            ICMPMessage.fillChecksum(payload, from: source, to: destination)
        }
    }

    /// Makes an IP packet of the director's own and sends it on its way; `fill` writes its payload of `length` bytes. Where
    /// its source was chosen by its way, it goes that way, whatever rules say about such a source.
    mutating func send(
        from source: IPAddress, to destination: IPAddress, proto: UInt8, ports: (source: UInt16, destination: UInt16) = (0, 0),
        length: Int, typeOfService: UInt8 = 0, dontFragment: Bool = false, hops: UInt8? = nil, isSourceChosen: Bool = false,
        _ cause: Int32, _ context: inout PacketContext, _ fill: (Bytes) -> Void
    ) -> Bool {
        let query = RouteQuery(
            to: destination, from: isSourceChosen ? nil : source, proto: proto, sourcePort: ports.source,
            destinationPort: ports.destination, typeOfService: destination.isV4 ? typeOfService : 0)
        guard let path = host.ownPath(query), path.isUsable || isToHost(path) else { return false }
        let family = destination.family
        guard let options = family == .v4 ? answerOptions(from: source, &context) : [] else { return false }
        let header = family.headerLength + options.count
        let start = context.tag == nil ? 14 : 18
        guard var frame = outbox.room(for: start + header + length) else { return false }
        let packet = frame.bytes.dropFirst(start)
        if let tag = context.tag { frame.bytes.setBig32(tag, at: 12) }
        frame.bytes.setBig16(family == .v4 ? EtherType.ipv4 : EtherType.ipv6, at: start - 2)
        if family == .v4 {
            IPv4Header.write(
                to: packet, totalLength: header + length, proto: proto, from: source, to: destination,
                timeToLive: hops ?? UInt8(clamping: tunables.defaultTTL), typeOfService: typeOfService,
                dontFragment: dontFragment)
            if !options.isEmpty { addOptions(options, to: packet) }
        } else {
            IPv6Header.write(
                to: packet, payloadLength: length, nextHeader: proto, from: source, to: destination,
                hopLimit: hops ?? 64, trafficClass: typeOfService)
        }
        fill(packet.dropFirst(header))
        context.answerLength = header + length
        guard header + length <= Int(path.mtu) || path.kind == .local else {
            return sendFragments(own: frame, network: start, along: path, cause)
        }
        return context.passesOutput ? emitOwn(&frame, along: path, cause, &context) : emit(&frame, along: path, cause)
    }

    /// The options of an answer to the packet in hand; `nil` when its own forbid one.
    private mutating func answerOptions(from source: IPAddress, _ context: inout PacketContext) -> [UInt8]? {
        guard let options = context.options, options.length > 0, source.isV4 else { return [] }
        return options.echoed(from: source, milliseconds: milliseconds)
    }

    /// Appends options to a header of 20 bytes.
    private mutating func addOptions(_ options: [UInt8], to packet: Bytes) {
        packet.copy(options, to: 20)
        packet[0] = 0x40 | UInt8(truncatingIfNeeded: 5 + options.count / 4)
        IPv4Header(packet)?.fillChecksum()
    }

    /// Whether a way leads to the host beside the director.
    func isToHost(_ path: Path) -> Bool { path.kind == .local && !host.emulation.isWholeHost }

    /// Sends a frame of the outbox along a path; one whose next hop is unknown waits.
    mutating func emit(_ frame: inout Frame, along path: Path, _ cause: Int32) -> Bool {
        guard path.kind != .local else { return outbox.emit(frame, on: Self.localInterface, causedBy: cause) }
        frame.bytes.setMAC(path.destination, at: 0)
        frame.bytes.setMAC(path.source, at: 6)
        guard path.kind == .ready else { return host.waiting.hold(frame, for: path, at: clockwork.now) }
        return outbox.emit(frame, on: path.interface, causedBy: cause)
    }
}
