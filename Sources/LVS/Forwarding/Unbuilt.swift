import Wire

extension Director {
    @inline(never)
    mutating func tunnel(_ frame: inout Frame, _ packet: Packet, _ id: ConnectionID) -> Verdict { .notImplemented }
    @inline(never)
    mutating func gather(_ frame: inout Frame, _ packet: Packet) -> Verdict { .notImplemented }
    mutating func giveUpFragments(at now: Instant) {}

    /// Protocols that no connections are kept for: ICMP, and whatever else.
    @inline(never)
    mutating func directOther(_ frame: inout Frame, _ packet: Packet) -> Verdict {
        hostStack(frame, packet, .passICMP)
    }

    /// No service of the family is left: the host sees everything itself.
    @inline(never)
    mutating func passServiceless(_ frame: Frame, _ packet: Packet) -> Verdict {
        hostStack(frame, packet, .passServiceless)
    }
}

/// Datagrams that wait for their missing fragments.
struct FragmentStore {
    var nextTimeout: Instant? { nil }
}
