import Wire

extension Director {
    /// What the host's IP input does with packets out of the ordinary before anything else: IPv4 options and IPv6 hop-by-hop
    /// options are checked, fragments are put together.
    @inline(never)
    mutating func directOnSlowPath(_ frame: inout Frame, _ packet: Packet, _ batchContext: inout PacketContext) -> Verdict {
        var context = PacketContext(recorder: batchContext.recorder)
        if packet.isTagged { context.tag = frame.bytes.big32(at: 12) }
        let verdict = review(&frame, packet, &context)
        batchContext.countedServer = context.countedServer
        return verdict
    }

    private mutating func review(_ frame: inout Frame, _ packet: Packet, _ context: inout PacketContext) -> Verdict {
        if packet.hasOptions {
            if let refusal = packet.family == .v4 ? reviewOptions(frame, packet, &context) : reviewHopByHop(frame, packet, &context) {
                return refusal
            }
            let verdict = packet.isFragment ? reassemble(&frame, packet, &context) : resume(&frame, packet, &context)
            if verdict == .replyTranslated, packet.family == .v4, let header = IPv4Header(frame.bytes.dropFirst(Int(packet.network))) {
                context.options?.correctRoute(header, to: header.source)
            }
            return verdict
        }
        return packet.isFragment ? reassemble(&frame, packet, &context) : resume(&frame, packet, &context)
    }

    /// The way of a packet that needed care, from here on that of any other.
    mutating func resume(_ frame: inout Frame, _ packet: Packet, _ context: inout PacketContext) -> Verdict {
        guard services.hasServices(packet.family) else { return passServiceless(&frame, packet, &context) }
        guard packet.isBalanced else { return directOther(&frame, packet, &context) }
        let flow = packet.flow
        let match = connections.find(flow)
        if let recorder = context.recorder { noteFound(match, flow, recorder) }
        guard match.id >= 0 else { return setUpConnection(&frame, packet, &context) }
        var packet = packet
        return match.isReply ? reply(&frame, packet, match.id, &context) : known(&frame, &packet, match.id, &context)
    }

    /// IPv4 options: what is wrong is told to the sender, a source route is dropped as hosts do it (accept_source_route).
    private mutating func reviewOptions(_ frame: Frame, _ packet: Packet, _ context: inout PacketContext) -> Verdict? {
        guard let header = IPv4Header(frame.bytes.dropFirst(Int(packet.network))) else { return .malformed }
        let isForDirector = isLocal(packet, frame)
        let address = isForDirector ? packet.flow.destination : host.path(to: packet.flow.source).local
        let network = host.network
        let view = IPOptions.Host(address: address, milliseconds: milliseconds) { network.isLocal($0) }
        var options = IPOptions()
        let failure = options.review(header, at: view)
        context.options = options
        if let failure {
            if speaks(for: packet, frame) {
                tell(
                    packet, of: frame, ICMPMessage(type: ICMPType.parameterProblem, code: 0, rest: UInt32(failure.place) << 24),
                    from: address, &context)
            }
            return .optionsRefused
        }
        return options.hasSourceRoute ? .optionsRefused : nil
    }

    /// Time of day for options and ICMP timestamps. The director knows no calendar, which the highest bit says.
    var milliseconds: UInt32 { UInt32(truncatingIfNeeded: (clockwork.now / millisecond) % 86_400_000) | 0x8000_0000 }

    /// Whether nobody but the director can tell the sender of a packet what is wrong with it.
    mutating func speaks(for packet: Packet, _ frame: Frame) -> Bool {
        if isLocal(packet, frame) { return host.isKeptFromHost(packet.flow.destination) }
        return host.emulation.isWholeHost || isTranslated(packet.flow.source)
    }
}
