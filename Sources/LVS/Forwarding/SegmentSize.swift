import Wire

extension Director {
    /// Lowers the maximum segment size that a SYN announces to what its service allows (`--mss-clamp`), for networks that
    /// lose the ICMP errors of path MTU discovery. A size is never raised, and an announcement never added.
    ///
    /// With direct routing and tunnels only the client's SYN passes, so what the client sends is not limited by this.
    @inline(never)
    mutating func clampSegmentSize(_ frame: Frame, _ packet: Packet, _ id: ConnectionID) {
        let server = connections[id].server
        guard packet.flow.proto == IPProtocol.tcp, server >= 0, servers[server].service >= 0,
            let clamp = services[servers[server].service]?.settings.mssClamp, clamp != .off
        else { return }
        let limit: UInt16
        switch clamp {
        case .off: return
        case .value(let size): limit = size
        case .auto:
            guard let room = room(for: id, packet, frame) else { return }
            limit = UInt16(clamping: max(room - packet.family.headerLength - 20, packet.family == .v4 ? 536 : 1220))
        }
        guard let tcp = TCPHeader(frame.bytes.dropFirst(Int(packet.transport)).prefix(packet.transportLength)),
            let options = TCPOptions(tcp)
        else { return }
        // A checksum that is still to be filled in covers the options only then.
        if options.clampMSS(to: limit, updatingChecksum: !frame.offload.hasPartialChecksum) { traffic.clampedSYNs &+= 1 }
    }

    /// Bytes of the longest IP packet that a connection's way carries in one piece; `nil` where there is no way.
    private mutating func room(for id: ConnectionID, _ packet: Packet, _ frame: Frame) -> Int? {
        let server = connections[id].server
        refreshPath(server)
        let path = servers[server].path
        guard path.kind == .ready || path.kind == .unknownNeighbor else { return nil }
        switch connections[id].method {
        case .tunneling:
            return Int(path.mtu) - servers[outer: outerHeader(of: server, carrying: connections[id].client.family, isPartial: false)].length
        case .masquerading, .fullNAT:
            // Both directions pass, so both ways count.
            let back = pathBack(id, packet, frame)
            return Int(back.mtu > 0 ? min(path.mtu, back.mtu) : path.mtu)
        default: return Int(path.mtu)
        }
    }
}
