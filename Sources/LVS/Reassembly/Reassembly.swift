import Wire

extension Director {
    /// A fragment. What is sent to the director, or comes from a server that it translates for, is put together first; the
    /// last fragment to arrive goes the rest of the way as the whole packet.
    @inline(never)
    mutating func reassemble(_ frame: inout Frame, _ packet: Packet, _ context: inout PacketContext) -> Verdict {
        if packet.family == .v4, let refusal = refuseFragment(frame, packet, isSpared: !packet.isLaterFragment, context.recorder) {
            return refusal
        }
        let isForwarded = !isLocal(packet, frame)
        if isForwarded {
            guard isGatheredOnTheWay(packet) else { return passOn(frame, packet, &context) }
            // The host's forwarding judges fragments of IPv4 before they are put together, IPv6 afterwards.
            if packet.family == .v4, let refusal = refuseRouting(frame, packet, along: path(of: packet, frame), &context) {
                return refusal
            }
        } else if !services.hasServices(packet.family), !host.answers(for: packet.flow.destination) {
            return passServiceless(&frame, packet, &context)
        } else if host.virtuals.isBackupOnly, host.virtuals.handled.contains(packet.flow.destination),
            !host.answers(for: packet.flow.destination), !isTranslated(packet.flow.source)
        {
            // The host sees them itself, unless they may be a reply.
            return .passBackupOnly
        }
        guard let fragment = Fragment(frame, packet, context.options) else { return .fragmentInvalid }
        guard fragment.holdsAllHeaders(packet) else { return directIncomplete(&frame, packet, isForwarded: isForwarded, &context) }
        let isV4 = packet.family == .v4
        let key = FragmentKey(
            source: packet.flow.source, destination: packet.flow.destination, id: fragment.id,
            proto: isV4 ? packet.flow.proto : 0, interface: isV4 ? 0 : frame.ingress, isForwarded: isForwarded)
        switch reassembly.add(fragment, to: key, from: frame.ingress, tunables, at: clockwork.now) {
        case .waits: return .fragmentQueued
        case .complete(let datagram): return directWhole(datagram, frame, packet, &context)
        case .duplicate: return .fragmentDuplicate
        case .overlap: return .fragmentOverlap
        case .refused, .invalid: return .fragmentInvalid
        case .full: return .fragmentLimit
        case .unaligned: return directUnaligned(&frame, packet, &context)
        }
    }

    /// Whether fragments to somebody else are put together: of every protocol that connections are kept for and ICMP, but
    /// only those of servers that are translated for, or that bear a virtual address, can have to do with a connection.
    private mutating func isGatheredOnTheWay(_ packet: Packet) -> Bool {
        let isICMP = packet.flow.proto == (packet.family == .v4 ? IPProtocol.icmp : IPProtocol.icmpv6)
        if host.emulation.isWholeHost, isICMP { return services.hasServices(packet.family) }
        guard isICMP || packet.isBalanced, services.hasServices(packet.family) else { return false }
        return isTranslated(packet.flow.source) || host.isLocal(packet.flow.source)
    }

    /// The whole packet of a datagram, whose last fragment `last` is, on the rest of its way.
    private mutating func directWhole(_ datagram: ReassemblyQueue, _ last: Frame, _ packet: Packet, _ context: inout PacketContext)
        -> Verdict
    {
        guard datagram.agreesOnCongestion else { return .fragmentInvalid }
        guard datagram.wholeLength <= (packet.family == .v4 ? 65535 : 65575) else { return .fragmentInvalid }
        let start = Int(packet.network)
        guard var whole = outbox.room(for: start + datagram.wholeLength) else { return .noBuffer }
        whole.bytes.copy(last.bytes.prefix(start))
        whole.ingress = last.ingress
        whole.cause = last.cause
        datagram.write(to: whole.bytes.dropFirst(start))
        let packet = Packet(whole)
        guard packet.kind == .ip, !packet.isFragment else { return .malformed }
        guard let originals = OriginalFragments(datagram, in: &outbox) else { return .noBuffer }
        context.recorder?.add(.gathered(Int(packet.length)))
        var wholeContext = PacketContext(recorder: context.recorder)
        wholeContext.tag = context.tag
        wholeContext.options = datagram.options
        wholeContext.options?.settle()
        wholeContext.originalFragments = originals
        wholeContext.fragmentExcess = originals.excess(over: packet)
        var verdict = resume(&whole, packet, &wholeContext)
        verdict = whole.egress == 0 ? passWhole(&whole, packet, verdict) : sendPieces(of: whole, packet, verdict, &wholeContext)
        context.countedServer = wholeContext.countedServer
        return verdict
    }

    /// A whole packet that is to leave goes as the fragments it came in as.
    private mutating func sendPieces(of whole: Frame, _ packet: Packet, _ verdict: Verdict, _ context: inout PacketContext) -> Verdict {
        let start = Int(packet.network)
        let bytes = whole.bytes.dropFirst(start)
        guard whole.egress != Self.localInterface, let originals = context.originalFragments,
            originals.remembersLengths(in: bytes, as: verdict)
        else {
            return outbox.emit(whole, on: whole.egress, causedBy: whole.cause) ? verdict : .noBuffer
        }
        if originals.isOnePiece(packet) {
            return outbox.emit(whole, on: whole.egress, causedBy: whole.cause) ? verdict : .noBuffer
        }
        joinHeader(packet, verdict, &context)
        if verdict == .replyTranslated, originals.hasDF {
            return refuseReply(whole, packet, limit: host.path(to: packet.flow.destination).mtu, &context)
        }
        var path = Path()
        path.kind = .ready
        path.interface = whole.egress
        path.destination = whole.bytes.mac(at: 0)
        path.source = whole.bytes.mac(at: 6)
        return sendFragments(of: whole.bytes, network: start, limit: .max, along: path, as: verdict, whole.cause, &context)
            ? verdict : .noBuffer
    }

    /// Translation needs the transport header in one piece.
    mutating func joinHeader(_ packet: Packet, _ verdict: Verdict, _ context: inout PacketContext) {
        guard verdict == .masquerading || verdict == .fullNAT || verdict == .replyTranslated else { return }
        let needed = packet.flow.proto == IPProtocol.tcp ? 20 : packet.flow.proto == IPProtocol.sctp ? 12 : 8
        context.originalFragments?.join(first: needed, of: packet.transportLength)
    }

    /// A whole packet that the host beside the director has to deal with, but has not seen: fragments to an address with
    /// services are kept from it.
    private mutating func passWhole(_ whole: inout Frame, _ packet: Packet, _ verdict: Verdict) -> Verdict {
        guard verdict.fate == .passed, !host.emulation.isWholeHost, host.virtuals.handled.contains(packet.flow.destination) else {
            return verdict
        }
        return outbox.emit(whole, on: Self.localInterface, causedBy: whole.cause) ? verdict : .noBuffer
    }

    /// An IPv6 fragment of a wrong length: the host tells the sender (RFC 8200 section 4.5).
    private mutating func directUnaligned(_ frame: inout Frame, _ packet: Packet, _ context: inout PacketContext) -> Verdict {
        if let verdict = directAlone(&frame, packet, &context) { return verdict }
        return refuseFragment(frame, packet, ICMPMessage(type: ICMPv6Type.parameterProblem, code: 0, rest: 4), &context)
    }

    /// An IPv6 first fragment without all of its datagram's headers: the host tells the sender (RFC 7112 section 5). Of ICMP
    /// the kernel's IPVS drops it before.
    private mutating func directIncomplete(_ frame: inout Frame, _ packet: Packet, isForwarded: Bool, _ context: inout PacketContext)
        -> Verdict
    {
        if let verdict = directAlone(&frame, packet, &context) { return verdict }
        guard !isForwarded else { return passOn(frame, packet, &context) }
        var told = packet
        if packet.flow.proto == IPProtocol.icmpv6 {
            guard !services.hasServices(.v6) else { return .fragmentInvalid }
            told.hasTransport = true
            told.detail = packet.transportLength > 0 ? frame.bytes[Int(packet.transport)] : ICMPv6Type.echo
        }
        return refuseFragment(frame, told, ICMPMessage(type: ICMPv6Type.parameterProblem, code: 3), &context)
    }

    /// What the kernel cannot put together it lets pass as if it were a packet, and the first fragment holds ports: that of a
    /// known connection is forwarded, one that opens a connection scheduled. Rules meet it as it is. `nil` when it is the host's.
    private mutating func directAlone(_ frame: inout Frame, _ packet: Packet, _ context: inout PacketContext) -> Verdict? {
        guard !packet.isLaterFragment, packet.isBalanced else { return nil }
        let flow = packet.flow
        let found = connections.find(flow)
        if let refusal = refuseFragment(frame, packet, isSpared: found.id >= 0, context.recorder) { return refusal }
        guard services.hasServices(packet.family) else { return nil }
        if !found.isReply, host.isLocal(flow.destination) {
            guard !host.virtuals.isBackupOnly else { return nil }
            if found.id < 0, packet.holdsOpening {
                guard mayOpen(packet, frame), flow.sourcePort != 20, let service = match(flow, mark(of: packet, frame), &context),
                    service.isPersistent || service.key.mark != 0 || service.covers(flow.destinationPort)
                else { return nil }
            }
        }
        return resume(&frame, packet, &context)
    }

    private mutating func refuseFragment(_ frame: Frame, _ packet: Packet, _ message: ICMPMessage, _ context: inout PacketContext)
        -> Verdict
    {
        guard host.isKeptFromHost(packet.flow.destination) else { return .fragmentInvalid }
        var told = packet
        told.isLaterFragment = false
        if tell(told, of: frame, message, &context) { countOwnError(about: packet, &context) }
        return .fragmentInvalid
    }

    /// Gives up datagrams whose time is over. The sender is told when the first fragment was there (RFC 792, RFC 4443 section
    /// 3.3), unless the host beside the director saw the fragments as well and tells it.
    mutating func giveUpFragments(at now: Instant) {
        while let datagram = reassembly.takeDue(at: now) {
            verdicts.count(.fragmentTimeout)
            let key = datagram.key
            guard var quoted = datagram.firstPacket, key.isForwarded || host.isKeptFromHost(key.destination) else { continue }
            let source = key.isForwarded ? host.path(to: key.source).local : nil
            var context = PacketContext()
            context.options = datagram.options
            quoted.withBytes { tellTimeout(key.source, $0, from: source, &context) }
        }
    }

    private mutating func tellTimeout(_ receiver: IPAddress, _ quoted: Bytes, from source: IPAddress?, _ context: inout PacketContext) {
        // Where its end was cut off, its length is as wrong as that of any quoted packet.
        let looked = Packet(ip: quoted, at: 0)
        let packet = looked.kind == .ip ? looked : Packet(quoted: quoted)
        guard packet.kind == .ip else { return }
        let source = source ?? ownSource(for: packet)
        if tell(packet, quoting: quoted, .reassemblyTimeExceeded(receiver.family), from: source, -1, &context) {
            countOwnError(about: packet, &context)
        }
    }
}
