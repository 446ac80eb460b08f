import Wire

extension Director {
    /// No service of the family is left: the host sees everything itself.
    @inline(never)
    mutating func passServiceless(_ frame: inout Frame, _ packet: Packet) -> Verdict {
        if packet.isFragment, isLocal(packet.flow.destination), answers(for: packet.flow.destination) { return gather(&frame, packet) }
        // The services of the other family may have tunnels over this one.
        return tunnelError(frame, packet) ?? hostStack(frame, packet, .passServiceless)
    }
}
