import Wire

extension Director {
    @inline(never)
    mutating func gather(_ frame: inout Frame, _ packet: Packet) -> Verdict { .notImplemented }
    mutating func giveUpFragments(at now: Instant) {}

    /// Protocols that no connections are kept for: ICMP, and whatever else.
    @inline(never)
    mutating func directOther(_ frame: inout Frame, _ packet: Packet) -> Verdict {
        if let verdict = tunnelError(frame, packet) { return verdict }
        return hostStack(frame, packet, .passICMP)
    }

    /// No service of the family is left: the host sees everything itself.
    @inline(never)
    mutating func passServiceless(_ frame: Frame, _ packet: Packet) -> Verdict {
        // The services of the other family may have tunnels over this one.
        tunnelError(frame, packet) ?? hostStack(frame, packet, .passServiceless)
    }
}

/// Datagrams that wait for their missing fragments.
struct FragmentStore {
    var nextTimeout: Instant? { nil }
}
