import Wire

/// Judges a connection's record as it stands in memory that somebody else wrote. Nothing of a record is believed before:
/// bytes that mean nothing are only ever looked at as numbers.
struct RecordVerifier {
    let now: Instant
    let servers: SlabView<RealServer>
    /// How far the servers' places were used.
    let serverLimit: ServerID

    private static let methodOffset = MemoryLayout<Connection>.offset(of: \.method) ?? 0
    /// The longest that a timeout can be set to.
    private static let longestLife = Instant(UInt32.max) * second
    private static let knownFlags: UInt16 = 0x1fff

    /// What is wrong with a record in use; `nil` when it can be taken over.
    func fault(of record: UnsafePointer<Connection>) -> AdoptionReport.Fault? {
        let method = UnsafeRawPointer(record).load(fromByteOffset: Self.methodOffset, as: UInt8.self)
        guard let method = ForwardingMethod(rawValue: method) else { return .method }
        let flags = record.pointee.flags
        guard flags.rawValue & ~Self.knownFlags == 0 else { return .flags }
        // Its packet has left, or never will.
        guard !flags.contains(.onePacket) else { return .onePacket }
        let isTemplate = flags.contains(.template)
        guard flags.contains(.retired) ? isTemplate : record.pointee.check == record.pointee.expectedCheck else { return .changed }
        guard record.pointee.client.family == record.pointee.virtual.family else { return .family }
        guard isTransport(record.pointee.proto) || isTemplate && record.pointee.proto == 0 else { return .proto }
        guard record.pointee.state <= lastState(record.pointee.proto, isTemplate) else { return .state }
        guard record.pointee.expires >= 0, record.pointee.expires <= now &+ Self.longestLife else { return .expires }
        return serverFault(of: record, method)
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

    /// A record without a server is the kernel's bypass, or was begun only.
    private func serverFault(of record: UnsafePointer<Connection>, _ method: ForwardingMethod) -> AdoptionReport.Fault? {
        let server = record.pointee.server
        guard method != .bypass else { return server == -1 ? nil : .server }
        guard server != -1 else { return .unfinished }
        guard server >= 0, server < serverLimit, servers[Int(server)].flags.contains(.used),
            servers[Int(server)].key.address == record.pointee.serverAddress
        else { return .server }
        if method == .fullNAT, !record.pointee.flags.contains(.template) {
            guard PortPool.ports.contains(record.pointee.localPort), !record.pointee.localAddress.isUnspecified else { return .port }
        }
        return nil
    }
}

extension RealServer {
    private static let methodOffset = MemoryLayout<RealServer>.offset(of: \.settings.method) ?? 0

    /// Makes a record that another director left one that can be read: what commands say anew is as if nothing was said.
    static func restore(at record: UnsafeMutablePointer<RealServer>) {
        let method = UnsafeRawPointer(record).load(fromByteOffset: methodOffset, as: UInt8.self)
        if ForwardingMethod(rawValue: method) == nil { record.pointee.settings = ServerSettings() }
        record.pointee.settings.weight = max(record.pointee.settings.weight, 0)
        record.pointee.lastWeight = max(record.pointee.lastWeight, 0)
        (record.pointee.active, record.pointee.total, record.pointee.persistent) = (0, 0, 0)
        record.pointee.service = -1
        record.pointee.path = Path()
    }
}
