import Wire

extension Director {
    /// Moves a connection's state on, counts it as active or inactive, and starts its timer again; a master
    /// says so.
    @inline(__always)
    mutating func trackState(_ id: ConnectionID, _ packet: Packet, isReply: Bool) {
        let state = connections[id].state
        var next = state
        // A header that is cut off says nothing.
        if packet.flow.proto == IPProtocol.tcp, packet.hasTransport {
            next = TCPTracking.next(
                state: state, flags: packet.flags, direction: connections.direction(id, isReply), secure: clockwork.defence.secureTCP)
        } else if packet.flow.proto == IPProtocol.sctp, packet.hasTransport, packet.detail != 0xff {
            next = SCTPTracking.next(state: state, chunk: packet.detail, direction: connections.direction(id, isReply))
        }
        if next != state { changeState(of: id, to: next) }
        touch(id, connections.timeouts.timeout(proto: packet.flow.proto, state: next))
        if isReply, packet.flow.proto == IPProtocol.udp { connections.assureTemplate(of: id) }
        if !isReply, synchronisation.isMaster { synchronise(id) }
    }

    /// Gives the connection its state's full timeout from now on.
    @inline(__always)
    mutating func touch(_ id: ConnectionID, _ timeout: Instant) {
        let expires = clockwork.now &+ (hasOwnTimeouts(id) ? ownTimeout(id, timeout) : timeout)
        let sooner = expires < connections[id].expires
        connections[id].expires = expires
        if sooner { connections.wheel.refileIfEarlier(id) }
    }

    /// What a connection gets with each packet while its state stays as it is.
    mutating func fullTimeout(of id: ConnectionID) -> Instant {
        let timeout = connections.timeouts.timeout(proto: connections[id].proto, state: connections[id].state)
        return hasOwnTimeouts(id) ? ownTimeout(id, timeout) : timeout
    }

    @inline(__always)
    private func hasOwnTimeouts(_ id: ConnectionID) -> Bool {
        let server = connections[id].server
        return server >= 0 && servers[server].flags.contains(.ownTimeouts)
    }

    /// The timeout that the service sets for its connections, where it sets one.
    @inline(never)
    private mutating func ownTimeout(_ id: ConnectionID, _ general: Instant) -> Instant {
        guard let settings = services[servers[connections[id].server].service]?.settings else { return general }
        let seconds: UInt32
        switch connections[id].proto {
        case IPProtocol.tcp where connections[id].state == TCPState.established.rawValue: seconds = settings.timeoutTCP
        case IPProtocol.tcp where connections[id].state == TCPState.finWait.rawValue: seconds = settings.timeoutFIN
        case IPProtocol.udp: seconds = settings.timeoutUDP
        default: seconds = 0
        }
        return seconds > 0 ? Instant(seconds) * second : general
    }

    /// A new state: the server's active and inactive counts follow.
    @inline(never)
    private mutating func changeState(of id: ConnectionID, to next: UInt8) {
        takeBack(id, .state)
        connections[id].state = next
        let isActive = Transport.isActive(proto: connections[id].proto, state: next)
        let server = connections[id].server
        if server >= 0, connections[id].flags.contains(.inactive) == isActive {
            servers[server].active += isActive ? 1 : -1
            if isActive { connections[id].flags.remove(.inactive) } else { connections[id].flags.insert(.inactive) }
        }
        if Transport.isEstablished(proto: connections[id].proto, state: next) { connections.assureTemplate(of: id) }
    }
}

extension ConnectionState {
    /// Which column of the state table applies. A connection whose replies bypass the director follows the table of requests
    /// only, until a reply is seen.
    @inline(__always)
    func direction(_ id: ConnectionID, _ isReply: Bool) -> Direction {
        if isReply {
            self[id].flags.remove(.noOutput)
            return .output
        }
        return self[id].flags.contains(.noOutput) ? .inputOnly : .input
    }

    /// A connection came to life: its template survives drop_entry (ip_vs_control_assure_ct), and it gives way to nobody.
    @inline(never)
    mutating func assureTemplate(of id: ConnectionID) {
        unanswered.remove(id)
        self[id].flags.insert(.assured)
        let template = self[id].controller
        if template >= 0, self[template].flags.contains(.template) { self[template].flags.insert(.assured) }
    }
}
