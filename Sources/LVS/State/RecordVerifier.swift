import Wire

/// Judges a connection's record as it stands in memory that somebody else wrote. Nothing of a record is believed before:
/// bytes that mean nothing are only ever looked at as numbers.
struct RecordVerifier {
    let now: Instant
    let pool: SlabView<Connection>
    let servers: SlabView<RealServer>
    /// How far the servers' places were used.
    let serverLimit: ServerID

    private static let methodOffset = MemoryLayout<Connection>.offset(of: \.method) ?? 0
    /// The longest that a timeout can be set to.
    private static let longestLife = Instant(UInt32.max) * second
    private static let knownFlags: UInt16 = 0xffff

    /// What is wrong with a record in use; `nil` when it can be taken over.
    func fault(of id: Int) -> AdoptionReport.Fault? {
        guard let method = ForwardingMethod(rawValue: pool.byte(Self.methodOffset, of: id)) else { return .method }
        let flags = pool[id].flags
        guard flags.rawValue & ~Self.knownFlags == 0 else { return .flags }
        // Its packet has left, or never will.
        guard !flags.contains(.onePacket) else { return .onePacket }
        let isTemplate = flags.contains(.template)
        guard flags.contains(.retired) ? isTemplate : pool[id].check == pool[id].expectedCheck else { return .changed }
        guard pool[id].client.family == pool[id].virtual.family else { return .family }
        guard isTransport(pool[id].proto) || isTemplate && pool[id].proto == 0 else { return .proto }
        guard pool[id].state <= lastState(pool[id].proto, isTemplate) else { return .state }
        guard pool[id].expires >= 0, pool[id].expires <= now &+ Self.longestLife else { return .expires }
        return serverFault(of: id, method)
    }

    private func isTransport(_ proto: UInt8) -> Bool { proto == IPProtocol.tcp || proto == IPProtocol.udp || proto == IPProtocol.sctp }

    private func lastState(_ proto: UInt8, _ isTemplate: Bool) -> UInt8 {
        if isTemplate { return 1 }
        return switch proto {
        case IPProtocol.tcp: TCPState.synAck.rawValue
        case IPProtocol.sctp: SCTPState.closed.rawValue
        default: 0
        }
    }

    /// A record without a server is the kernel's bypass, another director's, or was begun only.
    private func serverFault(of id: Int, _ method: ForwardingMethod) -> AdoptionReport.Fault? {
        let server = pool[id].server
        guard method != .bypass else { return server == -1 ? nil : .server }
        guard server != -1 else { return pool[id].flags.contains(.synchronised) ? nil : .unfinished }
        guard server >= 0, server < serverLimit, servers[Int(server)].flags.contains(.used),
            servers[Int(server)].key.address == pool[id].serverAddress
        else { return .server }
        if method == .fullNAT, !pool[id].flags.contains(.template) {
            guard PortPool.ports.contains(pool[id].localPort), !pool[id].localAddress.isUnspecified else { return .port }
        }
        return nil
    }
}
