import Wire

// A director that is a backup only: what clients send is the host's, as if there were no service; what servers send for
// connections that are known goes on.
extension Director {
    /// Whether the director leaves directing to others: `backup_only` is set and its backup daemon runs.
    public var isBackupOnly: Bool { tunables.backupOnly != 0 && services.daemons.contains { $0.role == .backup } }

    /// A packet of a known connection, from the client's side, that is the host's: its virtual address has left the host, or the
    /// director is a backup only. `nil` when it is neither; asked where connections `mayBeHosts`.
    @inline(never)
    mutating func passKnown(_ frame: inout Frame, _ packet: Packet, _ context: inout PacketContext) -> Verdict? {
        guard isLocal(packet, frame) else { return passThrough(&frame, packet, &context) }
        guard host.virtuals.isBackupOnly else { return nil }
        return unknownReply(&frame, packet, &context) ?? hostStack(frame, packet, .passBackupOnly, &context)
    }
}
