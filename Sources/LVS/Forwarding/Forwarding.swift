import Wire

extension Director {
    /// The one switch over the closed set of forwarding methods. The packet is `inout` so that it stays where it lies.
    @inline(__always)
    mutating func forward(_ frame: inout Frame, _ packet: inout Packet, _ id: ConnectionID, _ context: inout PacketContext) -> Verdict {
        switch connections[id].method {
        case .directRouting: return routeDirectly(&frame, &packet, id, &context)
        case .tunneling: return tunnel(&frame, packet, id, &context)
        case .masquerading: return masquerade(&frame, packet, id, &context)
        case .fullNAT: return translateFully(&frame, packet, id, &context)
        case .localNode: return deliverLocally(&frame, packet, &context)
        case .bypass: return bypass(&frame, packet, &context)
        }
    }

    /// The way to a real server, looked up again when the network has changed.
    @inline(__always)
    mutating func refreshPath(_ server: ServerID) {
        if servers[server].path.generation != host.network.generation { derivePath(server) }
    }

    @inline(never)
    private mutating func derivePath(_ server: ServerID) {
        let address = servers[server].key.address
        servers[server].path =
            servers[server].settings.method == .tunneling ? host.network.tunnelPath(to: address) : host.network.path(to: address)
    }

    /// What to do with a packet whose server cannot be sent to: it is the host itself, or nobody knows the way.
    @inline(never)
    mutating func unreachableServer(_ frame: inout Frame, _ packet: Packet, _ path: Path, _ context: inout PacketContext) -> Verdict {
        if path.kind == .local { return deliverLocally(&frame, packet, &context) }
        if tell(packet, of: frame, .hostUnreachable(packet.family), &context) { countOwnError(about: packet, &context) }
        return .noRoute
    }

    /// TTL or hop limit used up: the client is told (RFC 792, RFC 4443 section 3.3).
    @inline(never)
    mutating func hopsUsedUp(_ frame: Frame, _ packet: Packet, _ id: ConnectionID, _ context: inout PacketContext) -> Verdict {
        if tell(packet, of: frame, .timeExceeded(packet.family), &context) { countOwnError(id, &context) }
        return .timeExceeded
    }

    /// One hop less in the header; the caller has checked that one is left.
    @inline(__always)
    func takeHop(_ frame: Frame, _ packet: Packet) {
        let bytes = frame.bytes.dropFirst(Int(packet.network))
        if packet.family == .v4 {
            // One less in the high byte of a word is 0x0100 more in the complement's sum (RFC 1141).
            bytes[8] = packet.hops &- 1
            let sum = UInt32(bytes.big16(at: 10)) &+ 0x0100
            bytes.setBig16(UInt16(truncatingIfNeeded: sum &+ (sum >= 0xffff ? 1 : 0)), at: 10)
        } else {
            bytes[7] = packet.hops &- 1
        }
    }

    /// Whether a packet fits: by its length, or for a superframe by the length of each segment it stands for. Direct routing
    /// compares the length itself: to hand over an `inout` frame is to copy it, before anything is asked.
    @inline(__always)
    mutating func fits(_ frame: Frame, _ packet: Packet, _ limit: Int32, _ context: inout PacketContext) -> Bool {
        packet.length &+ context.fragmentExcess <= limit || fitsInPieces(frame, packet, limit, &context)
    }

    /// Whether each segment or fragment fits that a packet over the limit stands for.
    @inline(never)
    mutating func fitsInPieces(_ frame: Frame, _ packet: Packet, _ limit: Int32, _ context: inout PacketContext) -> Bool {
        guard frame.offload.isSuperframe else { return context.originalFragments?.fit(Int(limit)) ?? false }
        guard let segments = Segmentation(frame, packet) else { return false }
        return segments.longest <= Int(limit)
    }

    /// A packet longer than the way carries, which must not be fragmented: the client is told the limit.
    @inline(never)
    mutating func tellLimit(_ frame: Frame, _ packet: Packet, _ limit: Int32, _ id: ConnectionID, _ context: inout PacketContext) -> Verdict
    {
        if tell(packet, of: frame, .tooLong(packet.family, limit: UInt32(limit)), &context) { countOwnError(id, &context) }
        return packet.family == .v4 ? .fragmentationNeeded : .packetTooBig
    }

    /// The director's own ICMP error about a connection counts as a packet of its reply direction where replies are known by
    /// the virtual address (the kernel sees it pass its output hook).
    mutating func countOwnError(_ id: ConnectionID, _ context: inout PacketContext) {
        // The connection that the packet's own takes the place of is still there, too.
        let id = id >= 0 && connections[id].translates ? context.replaced : id
        guard id >= 0, !connections[id].translates, !connections[id].flags.contains(.onePacket), context.answerLength > 0 else { return }
        countReply(id, length: context.answerLength, &context)
    }

    /// The same for an error about a packet that was not looked up; of one that was cut short, its ports are enough.
    mutating func countOwnError(about packet: Packet, _ context: inout PacketContext) {
        guard packet.isBalanced, !packet.isLaterFragment, packet.transportLength >= 4 else { return }
        let flow = packet.flow
        let match = connections.find(flow)
        if match.id >= 0, !match.isReply { countOwnError(match.id, &context) }
    }

    /// Puts the link's addresses in front and names the interface; a next hop without a known MAC makes it wait.
    @inline(__always)
    mutating func dispatch(_ frame: inout Frame, _ packet: Packet, along path: Path, as verdict: Verdict, _ context: inout PacketContext)
        -> Verdict
    {
        trim(&frame, packet)
        return dispatch(&frame, along: path, as: verdict, &context)
    }

    /// What follows the IP packet is padding of the link it came in on, and stays behind.
    @inline(__always)
    func trim(_ frame: inout Frame, _ packet: Packet) { _ = frame.resize(to: Int(packet.network &+ packet.length)) }

    /// The same towards a real server whose way is up to date.
    @inline(__always)
    mutating func dispatch(_ frame: inout Frame, _ packet: Packet, to server: ServerID, as verdict: Verdict, _ context: inout PacketContext)
        -> Verdict
    {
        trim(&frame, packet)
        frame.bytes.setMAC(servers[server].path.destination, at: 0)
        frame.bytes.setMAC(servers[server].path.source, at: 6)
        guard servers[server].path.kind == .ready else { return wait(frame, for: servers[server].path, &context) }
        frame.egress = servers[server].path.interface
        return verdict
    }

    @inline(never)
    private mutating func wait(_ frame: Frame, for path: Path, _ context: inout PacketContext) -> Verdict {
        guard context.originalFragments != nil else {
            return host.waiting.hold(frame, for: path, at: clockwork.now) ? .neighborPending : .neighborQueueFull
        }
        let start = EthernetHeader(frame.bytes)?.length ?? 14
        return sendFragments(of: frame.bytes, network: start, limit: .max, along: path, as: .directRouting, frame.cause, &context)
            ? .neighborPending : .neighborQueueFull
    }

    @inline(__always)
    mutating func dispatch(_ frame: inout Frame, along path: Path, as verdict: Verdict, _ context: inout PacketContext) -> Verdict {
        frame.bytes.setMAC(path.destination, at: 0)
        frame.bytes.setMAC(path.source, at: 6)
        guard path.kind == .ready else { return wait(frame, for: path, &context) }
        frame.egress = path.interface
        return verdict
    }
}
