import Wire

extension Director {
    /// Tunnelling: the packet travels to the real server inside another one, so the server may be anywhere. It unwraps the
    /// packet, holds the virtual address itself and answers the client without the director.
    @inline(never)
    mutating func tunnel(_ frame: inout Frame, _ packet: Packet, _ id: ConnectionID, _ context: inout PacketContext) -> Verdict {
        let server = connections[id].server
        refreshPath(server)
        let path = servers[server].path
        guard path.isUsable else { return unreachableServer(&frame, packet, path, &context) }
        guard packet.hops > 1 else { return hopsUsedUp(frame, packet, id, &context) }
        takeHop(frame, packet)
        let place = outerHeader(of: server, carrying: packet.family, isPartial: frame.offload.hasPartialChecksum)
        let limit = path.mtu &- Int32(truncatingIfNeeded: servers[outer: place].length)
        guard limit >= (servers[outer: place].family == .v4 ? 68 : 1280) else { return .overheadTooLarge }
        guard !frame.offload.isSuperframe else { return tunnelSegments(&frame, packet, id, place, limit, &context) }
        guard packet.length &+ context.fragmentExcess <= limit else { return tunnelTooLong(&frame, packet, id, place, limit, &context) }
        return wrap(&frame, packet, place, along: path, &context)
    }

    /// Place of the outer header for packets to a server, laid down again when the server was edited or its way was looked
    /// up again.
    @inline(__always)
    mutating func outerHeader(of server: ServerID, carrying inner: IPFamily, isPartial: Bool) -> Int {
        let place = servers.outerPlace(server, isPartial: isPartial)
        if servers[outer: place].generation != servers[server].path.generation || servers[outer: place].inner != inner {
            layOuterHeader(place, for: server, carrying: inner, isPartial)
        }
        return place
    }

    @inline(never)
    private mutating func layOuterHeader(_ place: Int, for server: ServerID, carrying inner: IPFamily, _ isPartial: Bool) {
        let settings = servers[server].settings
        let tunnel = Tunnels.of(settings.tunnel)
        var header = OuterHeader(
            from: servers[server].path.local, to: servers[server].key.address,
            proto: tunnel.proto(carrying: inner), carrying: inner)
        tunnel.lay(&header, carrying: inner, to: settings, isPartial: isPartial)
        header.generation = servers[server].path.generation
        // A number that nobody can guess at first and that comes again as late as possible (RFC 6864, RFC 7739).
        let old = servers[outer: place]
        header.id = old.generation == 0 ? UInt16(truncatingIfNeeded: clockwork.generator.next()) : old.id
        servers[outer: place] = header
    }

    /// A packet over the tunnel's limit: told to the client where the packet or its family forbids fragments, else wrapped
    /// whole, and the outer packet is fragmented. An ICMP error is never answered by another.
    @inline(never)
    private mutating func tunnelTooLong(
        _ frame: inout Frame, _ packet: Packet, _ id: ConnectionID, _ place: Int, _ limit: Int32, _ context: inout PacketContext
    ) -> Verdict {
        guard !forbidsFragments(packet) || context.originalFragments?.fit(Int(limit)) == true else {
            return tellLimit(frame, packet, limit, id, &context)
        }
        let path = servers[connections[id].server].path
        let overhead = servers[outer: place].length
        guard Int(packet.length) + overhead <= 65535 else { return .headersTooLong }
        if frame.offload.hasPartialChecksum, servers[outer: place].partialChecksum == .moves {
            guard completeChecksum(&frame, packet) else { return .malformed }
        }
        guard var whole = outbox.copy(frame), encapsulate(&whole, packet, place) else { return .noBuffer }
        return sendOuterFragments(of: whole, along: path, frame.cause, &context) ? .tunneling : .noBuffer
    }

    /// Whether a packet that is too long for a tunnel has to be given back.
    mutating func forbidsFragments(_ packet: Packet) -> Bool {
        guard packet.family == .v4 else { return true }
        return packet.dontFragment && tunables.pathMTUDiscovery != 0 && packet.flow.proto != IPProtocol.icmp
    }

    /// Whether the outer header may be written into the room before the frame.
    @inline(__always)
    mutating func hasRoom(_ frame: Frame, _ place: Int, _ context: inout PacketContext) -> Bool {
        // What the director made itself leaves after the batch; behind it the order of a flow would be lost. A reassembled
        // packet is among it anyway.
        Int(frame.headroom) >= servers[outer: place].length && (outbox.batch.isEmpty || context.originalFragments != nil)
    }

    @inline(__always)
    private mutating func wrap(_ frame: inout Frame, _ packet: Packet, _ place: Int, along path: Path, _ context: inout PacketContext)
        -> Verdict
    {
        guard hasRoom(frame, place, &context) else { return wrapCopy(of: frame, packet, place, along: path, &context) }
        guard encapsulate(&frame, packet, place) else { return .malformed }
        return dispatch(&frame, along: path, as: .tunneling, &context)
    }

    @inline(never)
    private mutating func wrapCopy(of frame: Frame, _ packet: Packet, _ place: Int, along path: Path, _ context: inout PacketContext)
        -> Verdict
    {
        guard var copy = outbox.copy(frame) else { return .noBuffer }
        guard encapsulate(&copy, packet, place) else { return .malformed }
        let verdict = dispatch(&copy, along: path, as: .tunneling, &context)
        guard copy.egress != 0 else { return verdict }
        return outbox.emit(copy, on: copy.egress, causedBy: frame.cause) ? verdict : .noBuffer
    }

    /// Turns a frame with enough room in front into one with the outer header. False when its offload header lies.
    @inline(__always)
    mutating func encapsulate(_ frame: inout Frame, _ packet: Packet, _ place: Int) -> Bool {
        // What follows the IP packet is padding of the link it came in on.
        _ = frame.resize(to: Int(packet.network &+ packet.length))
        var contents = contents(of: frame, packet, place)
        if frame.offload.hasPartialChecksum {
            guard settleChecksum(&frame, packet, place, &contents) else { return false }
        }
        let length = servers[outer: place].length, start = Int(packet.network)
        guard frame.moveStart(by: 0 &- length) else { return false }
        frame.bytes.copy(frame.bytes.dropFirst(length).prefix(start))
        frame.bytes.setBig16(servers[outer: place].family == .v4 ? EtherType.ipv4 : EtherType.ipv6, at: start &- 2)
        servers[outer: place].write(to: frame.bytes.dropFirst(start), for: contents)
        return true
    }

    @inline(__always)
    private mutating func contents(of frame: Frame, _ packet: Packet, _ place: Int) -> OuterHeader.Contents {
        let bytes = frame.bytes.dropFirst(Int(packet.network))
        let isV4 = packet.family == .v4
        let service = isV4 ? bytes[1] : UInt8(truncatingIfNeeded: bytes.big16(at: 0) >> 4)
        let keepsWhole = isV4 && packet.dontFragment && tunables.pathMTUDiscovery != 0
        // Both headers of a server count with the first one's number.
        if !keepsWhole { servers[outer: place & ~1].id &+= 1 }
        return OuterHeader.Contents(
            // Congestion experienced inside is for the receiver alone: the outer header begins anew as ECT(0).
            typeOfService: service & 3 == 3 ? service &- 1 : service, hops: packet.hops &- 1, dontFragment: keepsWhole,
            id: servers[outer: place & ~1].id, flow: packet.flow,
            ports: (UInt32(truncatingIfNeeded: tunables.firstLocalPort), UInt32(truncatingIfNeeded: tunables.lastLocalPort)))
    }

    /// Deals with a transport checksum that is still to be filled in as the tunnel needs it.
    @inline(never)
    private mutating func settleChecksum(_ frame: inout Frame, _ packet: Packet, _ place: Int, _ contents: inout OuterHeader.Contents)
        -> Bool
    {
        let header = servers[outer: place]
        switch header.partialChecksum {
        case .moves:
            let length = UInt16(truncatingIfNeeded: header.length)
            frame.offload.checksumStart &+= length
            if frame.offload.headerLength > 0 { frame.offload.headerLength &+= length }
        case .completed:
            return completeChecksum(&frame, packet)
        case .leftToReceiver:
            let start = Int(frame.offload.checksumStart) &- Int(packet.network)
            let field = start &+ Int(frame.offload.checksumOffset)
            guard start >= packet.family.headerLength, field &+ 2 <= Int(packet.length) else { return false }
            contents.checksumStart = UInt16(truncatingIfNeeded: start)
            contents.checksumField = UInt16(truncatingIfNeeded: field)
            frame.offload = Offload()
        }
        return true
    }

    /// Sends an encapsulated packet in fragments of the outer packet.
    mutating func sendOuterFragments(of frame: Frame, along path: Path, _ cause: Int32, _ context: inout PacketContext) -> Bool {
        let start = frame.bytes.big16(at: 12) == EtherType.vlan || frame.bytes.big16(at: 12) == EtherType.serviceVLAN ? 18 : 14
        return sendFragments(of: frame.bytes, network: start, limit: Int(path.mtu), along: path, as: .tunneling, cause, &context)
    }
}

/// Fills in a transport checksum that was left to whoever sends the frame; false when its place lies outside the packet.
func completeChecksum(_ frame: inout Frame, _ packet: Packet) -> Bool {
    let start = Int(frame.offload.checksumStart), end = Int(packet.network &+ packet.length)
    let field = start &+ Int(frame.offload.checksumOffset)
    guard start > Int(packet.network), field &+ 2 <= end, end <= frame.count else { return false }
    // The field holds the sum of the pseudo-header.
    let value = Checksum.of(frame.bytes.prefix(end).dropFirst(start))
    frame.bytes.setBig16(value == 0 && packet.flow.proto == IPProtocol.udp ? 0xffff : value, at: field)
    frame.offload = Offload()
    return true
}
