import Wire

extension HostView {
    /// Whether the host would send an ICMP error now; takes what that costs of its limits.
    /// - Parameter source: what it comes from; `nil` where the host chooses that by the way.
    mutating func allows(
        _ message: ICMPMessage, to receiver: IPAddress, from source: IPAddress?, _ tunables: Tunables, at now: Instant
    ) -> Bool {
        guard message.isLimited(receiver.family, tunables) else { return true }
        let interval = interval(to: receiver, from: source, tunables)
        return icmpBudget.takes(interval, for: receiver, tunables, at: now)
    }

    /// The time between two messages to a receiver. A wide network of IPv6 stands for many, who may be told more often
    /// (icmpv6_xrlim_allow); the host itself hears everything.
    private func interval(to receiver: IPAddress, from source: IPAddress?, _ tunables: Tunables) -> Instant {
        let isV4 = receiver.isV4
        let milliseconds = Int64(isV4 ? tunables.icmpRateLimit : tunables.icmp6RateLimit)
        guard milliseconds > 0 else { return 0 }
        let query = RouteQuery(to: receiver, from: source, proto: isV4 ? IPProtocol.icmp : IPProtocol.icmpv6)
        guard let route = network.route(query).route else { return milliseconds * millisecond }
        if route.kind == .local { return 0 }
        return (isV4 ? milliseconds : milliseconds >> Int64((128 - route.length) / 32)) * millisecond
    }
}

extension ICMPMessage {
    /// Whether the host's limits are for such messages. Path MTU discovery must not starve (icmpv4_mask_allow, and the bits of
    /// net.ipv6.icmp.ratemask as the kernel boots).
    fileprivate func isLimited(_ family: IPFamily, _ tunables: Tunables) -> Bool {
        guard family == .v4 else { return type != ICMPv6Type.packetTooBig && type < 128 }
        let isTooLong = type == ICMPType.unreachable && code == 4
        return !isTooLong && type < 32 && tunables.icmpRateMask >> Int32(type) & 1 != 0
    }
}

/// The host's limits on ICMP errors: a token bucket for each receiver (inet_peer_xrlim_allow), and one for all
/// (icmp_global_allow).
struct ICMPBudget {
    private var tokens: [IPAddress: (credit: Instant, at: Instant)] = [:]
    /// Messages that may be sent to anybody, and when that was last added to.
    private var messages: (credit: Int64, at: Instant)?
    private static let receivers = 4096
    /// A receiver saves up at most this many messages.
    private static let burst: Int64 = 6

    /// Whether a message may leave now; takes a token of the receiver's and one of all.
    mutating func takes(_ interval: Instant, for receiver: IPAddress, _ tunables: Tunables, at now: Instant) -> Bool {
        guard hasMessages(tunables, at: now), interval == 0 || takesOwn(interval, receiver, at: now) else { return false }
        // One on average: how many the kernel takes is random.
        messages?.credit -= 1
        return true
    }

    private mutating func hasMessages(_ tunables: Tunables, at now: Instant) -> Bool {
        let rate = Int64(tunables.icmpMessagesPerSecond), most = Int64(tunables.icmpMessagesBurst)
        guard rate > 0 else { return true }
        var (credit, last) = messages ?? (0, now - second)
        let passed = min(now - last, second)
        let added = passed >= second / 50 ? rate * passed / second : 0
        if added > 0 { last = now }
        credit = min(credit + added, most)
        messages = (credit, last)
        return credit > 0
    }

    private mutating func takesOwn(_ interval: Instant, _ receiver: IPAddress, at now: Instant) -> Bool {
        if tokens.count >= Self.receivers { tokens.removeAll(keepingCapacity: true) }
        var (credit, last) = tokens[receiver] ?? (Self.burst * interval, now)
        credit = min(credit + min(max(now - last, 0), Self.burst * interval), Self.burst * interval)
        last = now
        let allowed = credit >= interval
        if allowed { credit -= interval }
        tokens[receiver] = (credit, last)
        return allowed
    }
}
