import Wire

extension Director {
    /// An ICMP error that came back about one of the director's own outer packets: the path MTU is learned and the client
    /// is told in terms of the packet that it sent. `nil` when the message is about nothing of the kind.
    ///
    /// The message quotes outer header, tunnel header and the beginning of the inner packet, whose connection must be known:
    /// nobody can shorten a path by guessing addresses alone. The kernel does this for IPv4 in IPv4 only; without it, tunnels
    /// over IPv6 and tunnels that carry IPv6 lose what is too long in silence.
    mutating func tunnelError(_ frame: Frame, _ packet: Packet, _ context: inout PacketContext) -> Verdict? {
        guard packet.flow.proto == (packet.family == .v4 ? IPProtocol.icmp : IPProtocol.icmpv6), !packet.isFragment,
            packet.hasTransport, !host.virtuals.isBackupOnly, isLocal(packet, frame)
        else { return nil }
        let message = frame.bytes.dropFirst(Int(packet.transport)).prefix(packet.transportLength)
        guard let icmp = ICMPHeader(message), Self.isTold(icmp, packet.family),
            let quoted = Self.quotedOuter(message.dropFirst(8), packet.family),
            let (id, inner, family) = findTunnelled(quoted)
        else { return nil }
        // Of the packet that was too long, not of the server's tunnel: that may have been edited since.
        let overhead = packet.family.headerLength + quoted.payload.count - inner.count
        if let recorder = context.recorder { noteQuoted(id, isReply: false, recorder) }
        guard Self.hasValidChecksum(message, packet) else { return .icmpMalformed }

        guard let error = translate(icmp, of: packet.family, for: family, id, quoted.destination, overhead) else { return .pathLearned }
        let isWelcome = !error.isTooLong(family) || family == .v6 || IPv4Header(inner)?.dontFragment == true
        guard isWelcome else { return .pathLearned }
        let client = connections[id].client, virtual = connections[id].virtual
        // Counted as the kernel does: also when the client has been told too often to be told again.
        countReply(id, length: inner.count, &context)
        guard host.allows(error, to: client, from: virtual, tunables, at: clockwork.now) else { return .icmpUnusable }
        guard tell(client, error, quoting: inner, from: virtual, typeOfService: inner[1] & 0x1e | 0xc0, frame.cause, &context) else {
            return .icmpUnusable
        }
        countOwnError(id, &context)
        return .tunnelErrorToClient
    }

    /// Messages that are worth telling a client: unreachable, source quench, time exceeded; packet too big.
    private static func isTold(_ icmp: ICMPHeader, _ family: IPFamily) -> Bool {
        family == .v4
            ? [ICMPType.unreachable, ICMPType.sourceQuench, ICMPType.timeExceeded].contains(icmp.type)
            : [ICMPv6Type.unreachable, ICMPv6Type.packetTooBig, ICMPv6Type.timeExceeded].contains(icmp.type)
    }

    private struct Quoted {
        var destination: IPAddress
        var proto: UInt8
        var payload: Bytes
    }

    /// The outer packet as far as it is quoted; `nil` when it is a later fragment or no header stands there.
    private static func quotedOuter(_ quote: Bytes, _ family: IPFamily) -> Quoted? {
        switch family {
        case .v4:
            guard let header = IPv4Header(quote), header.fragmentOffset == 0 else { return nil }
            return Quoted(destination: header.destination, proto: header.proto, payload: quote.dropFirst(header.length))
        case .v6:
            guard let header = IPv6Header(quote), let extensions = IPv6Extensions(quote) else { return nil }
            if extensions.fragmentHeader > 0, quote.big16(at: extensions.fragmentHeader + 2) & 0xfff8 != 0 { return nil }
            return Quoted(destination: header.destination, proto: extensions.proto, payload: quote.dropFirst(extensions.offset))
        }
    }

    /// The connection of the inner packet. Which tunnel it was is known from the connection's server, so each tunnel may
    /// say where in such a payload the inner packet would stand.
    private mutating func findTunnelled(_ quoted: Quoted) -> (ConnectionID, Bytes, IPFamily)? {
        for tunnel in Tunnels.all {
            // The port is compared when the server is known.
            let guess = ServerSettings(
                tunnelPort: quoted.proto == IPProtocol.udp && quoted.payload.count >= 4 ? quoted.payload.big16(at: 2) : 0)
            guard let place = tunnel.innerPacket(in: quoted.payload, proto: quoted.proto, to: guess) else { continue }
            let inner = quoted.payload.dropFirst(place.offset)
            guard let flow = Self.innerFlow(inner, place.family) else { continue }
            let match = connections.find(flow)
            guard match.id >= 0, !match.isReply else { continue }
            let knows = { (settings: ServerSettings) in
                Tunnels.of(settings.tunnel) == tunnel && tunnel.innerPacket(in: quoted.payload, proto: quoted.proto, to: settings) != nil
            }
            guard
                isTunnelled(match.id, to: quoted.destination, knows)
                    || quoted.destination.isV4 && place.family == .v4 && hasTunnel(to: quoted.destination, knows)
            else { continue }
            return (match.id, inner, place.family)
        }
        return nil
    }

    /// Whether a connection's packets leave in the tunnel that `knows` tells of.
    private func isTunnelled(_ id: ConnectionID, to address: IPAddress, _ knows: (ServerSettings) -> Bool) -> Bool {
        connections[id].method == .tunneling && connections[id].serverAddress == address && isServed(id)
            && knows(servers[connections[id].server].settings)
    }

    /// Whether such a tunnel leads to a server of any service: of IPv4 in IPv4 the kernel asks no more.
    private func hasTunnel(to address: IPAddress, _ knows: (ServerSettings) -> Bool) -> Bool {
        services.all.contains { service in
            service.servers.contains {
                servers[$0].key.address == address && servers[$0].settings.method == .tunneling && knows(servers[$0].settings)
            }
        }
    }

    /// The flow of a quoted packet whose end is missing.
    private static func innerFlow(_ inner: Bytes, _ family: IPFamily) -> Flow? {
        var flow: Flow
        let transport: Bytes
        switch family {
        case .v4:
            guard let header = IPv4Header(inner), header.fragmentOffset == 0 else { return nil }
            flow = Flow(source: header.source, sourcePort: 0, destination: header.destination, destinationPort: 0, proto: header.proto)
            transport = inner.dropFirst(header.length)
        case .v6:
            guard let header = IPv6Header(inner), let extensions = IPv6Extensions(inner) else { return nil }
            flow = Flow(source: header.source, sourcePort: 0, destination: header.destination, destinationPort: 0, proto: extensions.proto)
            transport = inner.dropFirst(extensions.offset)
        }
        guard [IPProtocol.tcp, IPProtocol.udp, IPProtocol.sctp].contains(flow.proto), transport.count >= 8 else { return nil }
        flow.sourcePort = transport.big16(at: 0)
        flow.destinationPort = transport.big16(at: 2)
        return flow
    }

    private static func hasValidChecksum(_ message: Bytes, _ packet: Packet) -> Bool {
        packet.family == .v4
            ? Checksum.of(message) == 0
            : Checksum.of(message, from: packet.flow.source, to: packet.flow.destination, proto: IPProtocol.icmpv6) == 0
    }

    /// What the client is told. IPv4 in IPv4 keeps type and code, as the kernel does; otherwise RFC 2473 section 8: too
    /// long stays too long with the client's own limit, everything else means that the address cannot be reached.
    private mutating func translate(
        _ icmp: ICMPHeader, of outer: IPFamily, for inner: IPFamily, _ id: ConnectionID, _ server: IPAddress,
        _ overhead: Int
    ) -> ICMPMessage? {
        let received = ICMPMessage(type: icmp.type, code: icmp.code, rest: icmp.rest)
        if received.isTooLong(outer) {
            return learnLimit(outer == .v4 ? Int(icmp.rest & 0xffff) : Int(icmp.rest), id, server, overhead).map {
                .tooLong(inner, limit: $0)
            }
        }
        switch (outer, inner) {
        case (.v4, .v4): return received
        default: return .hostUnreachable(inner)
        }
    }

    /// Takes over the path MTU to an address and returns what is left of it behind the tunnel's `overhead` bytes; `nil` when that is nothing.
    ///
    /// With IPv4 in IPv4 the first message about a way still tells the client the limit known before, because the kernel's
    /// route to the server is looked up again only for the next packet; between an edit of the server and that packet it has
    /// none, and the client is told what the message says. It is the way of the connection's own server that counts.
    private mutating func learnLimit(_ said: Int, _ id: ConnectionID, _ address: IPAddress, _ overhead: Int) -> UInt32? {
        let server = connections[id].server
        let cached = server >= 0 ? servers[server].path : Path(), known = host.network.learnedMTU(address)
        let fresh = host.network.tunnelPath(to: address)
        let least = address.isV4 ? min(Int(fresh.mtu), 552) : 1280
        let mtu = max(said, least)
        // Half of the time has to pass before the same value is worth another look-up of every way.
        let isOld = host.network.learnedMTUs[address].map { $0.until - clockwork.now < 300 * second } ?? true
        if mtu < fresh.mtu || mtu == fresh.mtu && known != nil && isOld {
            host.network.learnMTU(address, mtu, until: clockwork.now + 600 * second)
        }
        // Once the kernel holds the learned route it changes under its hands.
        let isPlain = address.isV4 && connections[id].client.isV4
        let whole =
            if isPlain, !cached.isUsable {
                said
            } else if isPlain, !cached.isLearned {
                Int(cached.mtu)
            } else {
                Int(host.network.tunnelPath(to: connections[id].serverAddress).mtu)
            }
        let limit = whole - overhead
        return limit >= 68 ? UInt32(limit) : nil
    }
}

extension ICMPMessage {
    /// Fragmentation needed, or packet too big.
    func isTooLong(_ family: IPFamily) -> Bool {
        family == .v4 ? type == ICMPType.unreachable && code == 4 : type == ICMPv6Type.packetTooBig
    }
}
