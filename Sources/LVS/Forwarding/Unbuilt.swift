import Wire

extension Director {
    @inline(never)
    mutating func tunnel(_ frame: inout Frame, _ packet: Packet, _ id: ConnectionID) -> Verdict { .notImplemented }
    @inline(never)
    mutating func translateFully(_ frame: inout Frame, _ packet: Packet, _ id: ConnectionID) -> Verdict { .notImplemented }
    mutating func allotLocalAddress(_ connection: inout Connection, on service: VirtualService, to server: ServerID) -> Verdict? { .notImplemented }
    mutating func returnLocalAddress(_ connection: Connection) {}

    /// Protocols that no connections are kept for: ICMP, and whatever else.
    @inline(never)
    mutating func directOther(_ frame: inout Frame, _ packet: Packet) -> Verdict {
        hostStack(frame, packet, .passICMP)
    }

    /// No service of the family is left: the host sees everything itself.
    @inline(never)
    mutating func passServiceless(_ frame: inout Frame, _ packet: Packet) -> Verdict {
        if packet.isFragment, isLocal(packet.flow.destination), answers(for: packet.flow.destination) { return gather(&frame, packet) }
        return hostStack(frame, packet, .passServiceless)
    }
}
