import Wire

/// The rules of netfilter that stand before IPVS, on the way of a packet that belongs to no known connection.
extension Director {
    /// Carries out the operator's and the host's rules on a packet, in the kernel's order: what hangs before routing, the
    /// judgement of its addresses, and, when it is for the director, what hangs at its input.
    /// - Parameter mark: the packet's mark, 0 without rules.
    /// - Returns: why it comes no further.
    mutating func applyRules(_ frame: Frame, _ packet: Packet, mark: inout UInt32, _ context: inout PacketContext) -> Verdict? {
        // What the host sends has passed its output hook, and none of these.
        guard !frame.isHostsOwn else { return nil }
        let recorder = context.recorder
        let marks = packet.family == .v4 ? marks4 : marks6
        let firewall = packet.family == .v4 ? firewall4 : firewall6
        guard !marks.isEmpty || !firewall.isEmpty else { return isMartian(packet, frame) ? .martian : nil }
        var query = ruleQuery(packet, frame, asRoutes: marks.asksRoutes || firewall.asksRoutes)
        var ruled = MarkState(), judged = MarkState(), deciding: [MarkRule] = []
        let before = beforeReassembly(query, packet, marks.isTracking || firewall.isTracking, context.originalFragments)
        var drop =
            marks.evaluate(before, at: .ingress ... .prerouting, &ruled) { if recorder != nil { deciding.append($0) } }
            ?? firewall.evaluate(before, at: .ingress ... .prerouting, &judged)
        if drop == nil {
            mark = ruled.mark
            guard !isMartian(packet, frame) else { return .martian }
            if isLocal(packet, frame) {
                query.isLocal = true
                drop =
                    marks.evaluate(query, at: .input ... .input, &ruled) { if recorder != nil { deciding.append($0) } }
                    ?? firewall.evaluate(query, at: .input ... .input, &judged)
            }
        }
        mark = ruled.mark
        if recorder != nil, !marks.isEmpty { recorder?.add(.marked(mark, by: deciding)) }
        guard let drop else { return nil }
        recorder?.add(.refused(drop))
        tellRefused(frame, packet, mark, drop.rejection, &context)
        return .hostFirewall
    }

    /// The mark that the rules before routing give, for the host's look-ups of routes; 0 where none of these asks for it.
    mutating func routingMark(of packet: Packet, _ frame: Frame) -> UInt32 {
        guard host.network.uses(packet.family).contains(.mark), !frame.isHostsOwn else { return 0 }
        return mark(of: packet, frame, at: .ingress ... .prerouting)
    }

    /// The mark that the rules of these hooks give; nothing that they would do besides is done.
    mutating func mark(of packet: Packet, _ frame: Frame, at hooks: ClosedRange<MarkRules.Hook> = .ingress ... .input) -> UInt32 {
        let rules = packet.family == .v4 ? marks4 : marks6
        guard !rules.isEmpty else { return 0 }
        var state = MarkState()
        _ = rules.evaluate(ruleQuery(packet, frame, asRoutes: rules.asksRoutes), at: hooks, &state)
        return state.mark
    }

    /// Fragments of IPv4 meet the rules before routing one by one, where no connection tracking puts them together first. What
    /// such rules do to the first of them is done when the packet is whole; but one behind it that they drop is missing, and a
    /// rule of iptables that looks at ports drops fragments without them. Of IPv6 only what cannot be put together comes to
    /// rules as a fragment, and goes on to the director's input.
    /// - Parameter isSpared: what a rule drops by its target counts elsewhere.
    mutating func refuseFragment(_ frame: Frame, _ packet: Packet, isSpared: Bool, _ recorder: ExplanationRecorder?) -> Verdict? {
        let isV4 = packet.family == .v4
        let both = isV4 ? [marks4, firewall4] : [marks6, firewall6]
        guard both.contains(where: \.dropsFragments), !isV4 || !both.contains(where: \.isTracking), !frame.isHostsOwn else { return nil }
        let query = ruleQuery(packet, frame, asRoutes: both.contains(where: \.asksRoutes))
        let last: MarkRules.Hook = !isV4 && query.isLocal ? .input : .prerouting
        for rules in both {
            var state = MarkState()
            guard let drop = rules.evaluate(query, at: .ingress...last, &state), drop.rejection == .header || !isSpared else { continue }
            recorder?.add(.refused(drop))
            return .hostFirewall
        }
        return nil
    }

    /// A reassembled packet as rules before routing saw it: its first fragment.
    private func beforeReassembly(
        _ query: MarkQuery, _ packet: Packet, _ isTracking: Bool, _ fragments: OriginalFragments?
    ) -> MarkQuery {
        guard let fragments, packet.family == .v4, !isTracking else { return query }
        var first = query
        first.transportLength = min(fragments.firstLength, query.transportLength)
        first.length = query.length - query.transportLength + first.transportLength
        return first
    }

    /// What rules can look at.
    /// - Parameter asRoutes: rules want to know what routes lead to the packet's addresses.
    private mutating func ruleQuery(_ packet: Packet, _ frame: Frame, asRoutes: Bool) -> MarkQuery {
        let flow = packet.flow
        let bytes = frame.bytes.dropFirst(Int(packet.network))
        let transport = frame.bytes.dropFirst(Int(packet.transport)).prefix(packet.transportLength)
        let isICMP = flow.proto == IPProtocol.icmp || flow.proto == IPProtocol.icmpv6
        var query = MarkQuery(
            source: flow.source, destination: flow.destination, proto: flow.proto, sourcePort: flow.sourcePort,
            destinationPort: flow.destinationPort, ingress: host.network.interface(frame.ingress)?.name ?? "",
            isLocal: host.isLocal(flow.destination))
        query.transportLength = transport.count
        query.length = Int(packet.length)
        query.hops = packet.hops
        query.sourceMAC = frame.bytes.mac(at: 6).bits
        query.destinationMAC = frame.bytes.mac(at: 0).bits
        if packet.family == .v4, let header = IPv4Header(bytes) {
            query.typeOfService = header.typeOfService
            query.fragmentOffset = header.fragmentWord & 0x1fff
        } else if packet.family == .v6 {
            query.typeOfService = UInt8(truncatingIfNeeded: bytes.big16(at: 0) >> 4)
            query.headerProto = bytes[6]
            if packet.isLaterFragment { query.fragmentOffset = 1 }
        }
        if !packet.isLaterFragment {
            if flow.proto == IPProtocol.tcp, transport.holds(14, at: 0) { query.tcpFlags = transport[13] }
            if isICMP, transport.holds(2, at: 0) { (query.icmpType, query.icmpCode) = (transport[0], transport[1]) }
        }
        if asRoutes {
            if !query.isLocal { query.destinationType = routeType(flow.destination) }
            query.sourceType = host.isLocal(flow.source) ? 2 : routeType(flow.source)
            query.comesBack = comesBack(packet, frame)
        }
        return query
    }

    /// Whether the host's rules and routes lead back to the sender by the interface that its packet came in by, as netfilter asks
    /// them (rpfilter, `fib saddr . iif oif`): for something that the host sends, without a mark.
    private func comesBack(_ packet: Packet, _ frame: Frame) -> Bool {
        let flow = packet.flow
        let own = flow.destination.isMulticast ? nil : flow.destination
        let way = host.network.route(RouteQuery(to: flow.source, from: own, typeOfService: packet.typeOfService(in: frame)))
        guard way.refusal == nil, let route = way.route, route.kind == .unicast else { return false }
        return route.interface == frame.ingress || route.nextHops.contains { $0.interface == frame.ingress }
    }

    /// RTN_* number of the route to an address.
    private func routeType(_ address: IPAddress) -> UInt8 {
        if address.isMulticast { return 5 }
        return switch host.network.lookup(address)?.kind {
        case .local: 2
        case .broadcast: 3
        default: 1
        }
    }

    /// A rule that rejects tells the sender. Where the host beside the director sees the packet, it does that itself.
    private mutating func tellRefused(
        _ frame: Frame, _ packet: Packet, _ mark: UInt32, _ rejection: MarkRejection, _ context: inout PacketContext
    ) {
        guard rejection != .silent, rejection != .header,
            host.answers(for: packet.flow.destination)
                || services.match(packet.flow, mark: mark, unprivilegedPort: Int(tunables.unprivilegedPortStart)) != nil
        else { return }
        switch rejection {
        case .reset where packet.flow.proto == IPProtocol.tcp: _ = answer(frame, packet, &context)
        case .icmp(let type, let code): tell(packet, of: frame, ICMPMessage(type: type, code: code, rest: 0), &context)
        default: break
        }
    }
}
