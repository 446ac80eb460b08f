extension Tunables {
    /// Every switch by its full sysctl name, in the order of the listing.
    public static let names: [String] = roster.map { $0.name }

    /// Whether SVS has a switch of this name, however its separators are written.
    public static func knows(_ key: String) -> Bool { entry(named: key) != nil }

    /// The full dotted name of a key written `net.ipv4.vs.x`, `net/ipv4/vs/x` or `vs.x`. As in sysctl(8), the first
    /// separator decides which of the two characters separates.
    public static func fullName(of key: String) -> String {
        var name = key
        if let first = key.first(where: { $0 == "." || $0 == "/" }), first == "/" {
            name = String(key.map { $0 == "/" ? "." : $0 == "." ? "/" : $0 })
        }
        return name.hasPrefix("vs.") ? "net.ipv4." + name : name
    }

    /// Sets one switch from its text. Numbers are read as /proc reads them: decimal, `0x` or a leading 0 for octal, blanks
    /// around them. On an error nothing has changed.
    public mutating func set(_ key: String, to value: String) throws(TunableError) {
        guard let entry = Self.entry(named: key) else { throw .unknown(key) }
        let words = value.split { $0 == " " || $0 == "\t" }
        func refusal(_ expected: String) -> TunableError { .illegal(key, value: value, expected: expected) }
        func number(_ word: Substring, in range: ClosedRange<Int64>, as expected: String) throws(TunableError) -> Int64 {
            guard let number = Self.number(word), range.contains(number) else { throw refusal(expected) }
            return number
        }
        var next = self
        switch entry.field {
        case .word(let path, let range):
            guard words.count == 1 else { throw refusal(Self.say(range)) }
            next[keyPath: path] = Int32(truncatingIfNeeded: try number(words[0], in: range, as: Self.say(range)))
        case .long(let path, let range):
            guard words.count == 1 else { throw refusal(Self.say(range)) }
            next[keyPath: path] = try number(words[0], in: range, as: Self.say(range))
        case .pair(let first, let second, let range):
            guard words.count == 1 || words.count == 2 else { throw refusal("two numbers") }
            next[keyPath: first] = Int32(truncatingIfNeeded: try number(words[0], in: range, as: Self.say(range)))
            if words.count == 2 {
                next[keyPath: second] = Int32(truncatingIfNeeded: try number(words[1], in: range, as: Self.say(range)))
            }
        }
        if let expected = next.broken(by: entry.name) { throw refusal(expected) }
        self = next
    }

    /// The value of a switch as sysctl prints it (two numbers with a tab between), `nil` for an unknown key.
    public func value(of key: String) -> String? {
        switch Self.entry(named: key)?.field {
        case .word(let path, _): String(self[keyPath: path])
        case .long(let path, _): String(self[keyPath: path])
        case .pair(let first, let second, _): "\(self[keyPath: first])\t\(self[keyPath: second])"
        case nil: nil
        }
    }

    /// Every switch as sysctl.conf has it, a line each.
    public var text: String { Self.names.compactMap { name in value(of: name).map { "\(name) = \($0)\n" } }.joined() }

    /// What the kernel demands beyond a range of the switch that was just set.
    private func broken(by name: String) -> String? {
        switch name {
        case "net.ipv4.vs.sync_ports":
            syncPorts & (syncPorts &- 1) == 0 ? nil : "a power of two"
        case "net.ipv4.vs.sync_threshold":
            syncPeriod == 0 || syncThreshold < syncPeriod ? nil : "a threshold below the period"
        case "net.ipv4.ip_local_port_range", "net.ipv4.ip_unprivileged_port_start":
            firstLocalPort > lastLocalPort
                ? "first port, last port"
                : firstLocalPort < unprivilegedPortStart ? "the local port range above ip_unprivileged_port_start" : nil
        case "net.ipv4.ipfrag_high_thresh", "net.ipv4.ipfrag_low_thresh":
            fragmentMemoryLow4 <= fragmentMemory4 ? nil : "the low threshold not above the high one"
        case "net.ipv6.ip6frag_high_thresh", "net.ipv6.ip6frag_low_thresh":
            fragmentMemoryLow6 <= fragmentMemory6 ? nil : "the low threshold not above the high one"
        default: nil
        }
    }

    private static func say(_ range: ClosedRange<Int64>) -> String {
        switch (range.lowerBound, range.upperBound) {
        case (int.lowerBound, int.upperBound): "a number"
        case (let low, let high) where high == int.upperBound || high == Int64.max: "a number from \(low)"
        case (let low, let high): "\(low) to \(high)"
        }
    }

    /// A number as strtol with base 0 reads it, all of the word; `nil` if it is none or does not fit.
    private static func number(_ word: Substring) -> Int64? {
        let negative = word.hasPrefix("-")
        let digits = negative ? word.dropFirst() : word
        let magnitude: UInt64?
        switch digits {
        case _ where digits.hasPrefix("+") || digits.hasPrefix("-"): return nil
        case _ where digits.hasPrefix("0x") || digits.hasPrefix("0X"):
            let hex = digits.dropFirst(2)
            magnitude = hex.hasPrefix("+") || hex.hasPrefix("-") ? nil : UInt64(hex, radix: 16)
        case _ where digits.hasPrefix("0"): magnitude = UInt64(digits, radix: 8)
        default: magnitude = UInt64(digits)
        }
        guard let magnitude, let value = Int64(exactly: magnitude) else { return nil }
        return negative ? 0 &- value : value
    }

    private enum Field: Sendable {
        case word(any WritableKeyPath<Tunables, Int32> & Sendable, ClosedRange<Int64>)
        case long(any WritableKeyPath<Tunables, Int64> & Sendable, ClosedRange<Int64>)
        case pair(any WritableKeyPath<Tunables, Int32> & Sendable, any WritableKeyPath<Tunables, Int32> & Sendable, ClosedRange<Int64>)
    }

    private struct Entry: Sendable {
        var name: String
        var field: Field
    }

    private static func entry(named key: String) -> Entry? {
        let name = fullName(of: key)
        return roster.first { $0.name == name }
    }

    private static let int = Int64(Int32.min)...Int64(Int32.max)
    private static let natural = 0...Int64(Int32.max)
    private static let bit: ClosedRange<Int64> = 0...1
    private static let octet: ClosedRange<Int64> = 0...255
    /// Seconds that the kernel keeps in ticks: INT_MAX / HZ with Debian's HZ of 250.
    private static let ticks: ClosedRange<Int64> = 0...8_589_934
    private static let long = 0...Int64.max

    private static let roster: [Entry] = [
        Entry(name: "net.ipv4.vs.am_droprate", field: .word(\.alwaysModeDropRate, int)),
        Entry(name: "net.ipv4.vs.amemthresh", field: .word(\.availableMemoryThreshold, int)),
        Entry(name: "net.ipv4.vs.backup_only", field: .word(\.backupOnly, int)),
        Entry(name: "net.ipv4.vs.cache_bypass", field: .word(\.cacheBypass, int)),
        Entry(name: "net.ipv4.vs.conn_reuse_mode", field: .word(\.connectionReuseMode, int)),
        Entry(name: "net.ipv4.vs.conntrack", field: .word(\.conntrack, int)),
        Entry(name: "net.ipv4.vs.debug_level", field: .word(\.debugLevel, int)),
        Entry(name: "net.ipv4.vs.drop_entry", field: .word(\.dropEntry, 0...3)),
        Entry(name: "net.ipv4.vs.drop_packet", field: .word(\.dropPacket, 0...3)),
        Entry(name: "net.ipv4.vs.expire_nodest_conn", field: .word(\.expireNoDestination, int)),
        Entry(name: "net.ipv4.vs.expire_quiescent_template", field: .word(\.expireQuiescentTemplate, int)),
        Entry(name: "net.ipv4.vs.ignore_tunneled", field: .word(\.ignoreTunneled, int)),
        Entry(name: "net.ipv4.vs.lblc_expiration", field: .word(\.lblcExpiration, ticks)),
        Entry(name: "net.ipv4.vs.lblcr_expiration", field: .word(\.lblcrExpiration, ticks)),
        Entry(name: "net.ipv4.vs.nat_icmp_send", field: .word(\.natICMPSend, int)),
        Entry(name: "net.ipv4.vs.pmtu_disc", field: .word(\.pathMTUDiscovery, int)),
        Entry(name: "net.ipv4.vs.run_estimation", field: .word(\.runEstimation, int)),
        Entry(name: "net.ipv4.vs.schedule_icmp", field: .word(\.scheduleICMP, int)),
        Entry(name: "net.ipv4.vs.secure_tcp", field: .word(\.secureTCP, 0...3)),
        Entry(name: "net.ipv4.vs.sloppy_sctp", field: .word(\.sloppySCTP, int)),
        Entry(name: "net.ipv4.vs.sloppy_tcp", field: .word(\.sloppyTCP, int)),
        Entry(name: "net.ipv4.vs.snat_reroute", field: .word(\.snatReroute, int)),
        Entry(name: "net.ipv4.vs.svs_early_drop", field: .word(\.earlyDrop, bit)),
        Entry(name: "net.ipv4.vs.sync_persist_mode", field: .word(\.syncPersistMode, int)),
        Entry(name: "net.ipv4.vs.sync_ports", field: .word(\.syncPorts, 1...Int64(Int32.max))),
        Entry(name: "net.ipv4.vs.sync_qlen_max", field: .long(\.syncQueueLimit, long)),
        Entry(name: "net.ipv4.vs.sync_refresh_period", field: .word(\.syncRefreshPeriod, ticks)),
        Entry(name: "net.ipv4.vs.sync_retries", field: .word(\.syncRetries, 0...3)),
        Entry(name: "net.ipv4.vs.sync_sock_size", field: .word(\.syncSocketSize, int)),
        Entry(name: "net.ipv4.vs.sync_threshold", field: .pair(\.syncThreshold, \.syncPeriod, natural)),
        Entry(name: "net.ipv4.vs.sync_version", field: .word(\.syncVersion, bit)),
        Entry(name: "net.ipv4.icmp_echo_ignore_all", field: .word(\.ignoreEcho4, bit)),
        Entry(name: "net.ipv4.icmp_msgs_burst", field: .word(\.icmpMessagesBurst, natural)),
        Entry(name: "net.ipv4.icmp_msgs_per_sec", field: .word(\.icmpMessagesPerSecond, natural)),
        Entry(name: "net.ipv4.icmp_ratelimit", field: .word(\.icmpRateLimit, natural)),
        Entry(name: "net.ipv4.icmp_ratemask", field: .word(\.icmpRateMask, int)),
        Entry(name: "net.ipv4.ip_default_ttl", field: .word(\.defaultTTL, 1...255)),
        Entry(name: "net.ipv4.ip_forward", field: .word(\.forward4, int)),
        Entry(name: "net.ipv4.ip_local_port_range", field: .pair(\.firstLocalPort, \.lastLocalPort, 1...65535)),
        Entry(name: "net.ipv4.ip_no_pmtu_disc", field: .word(\.noPathMTUDiscovery, octet)),
        Entry(name: "net.ipv4.ip_unprivileged_port_start", field: .word(\.unprivilegedPortStart, 0...65535)),
        Entry(name: "net.ipv4.ipfrag_high_thresh", field: .long(\.fragmentMemory4, long)),
        Entry(name: "net.ipv4.ipfrag_low_thresh", field: .long(\.fragmentMemoryLow4, long)),
        Entry(name: "net.ipv4.ipfrag_max_dist", field: .word(\.fragmentMaxDistance, natural)),
        Entry(name: "net.ipv4.ipfrag_time", field: .word(\.fragmentTime4, ticks)),
        Entry(name: "net.ipv6.conf.all.forwarding", field: .word(\.forward6, int)),
        Entry(name: "net.ipv6.icmp.echo_ignore_all", field: .word(\.ignoreEcho6, bit)),
        Entry(name: "net.ipv6.icmp.ratelimit", field: .word(\.icmp6RateLimit, natural)),
        Entry(name: "net.ipv6.ip6frag_high_thresh", field: .long(\.fragmentMemory6, long)),
        Entry(name: "net.ipv6.ip6frag_low_thresh", field: .long(\.fragmentMemoryLow6, long)),
        Entry(name: "net.ipv6.ip6frag_time", field: .word(\.fragmentTime6, ticks)),
    ]
}
