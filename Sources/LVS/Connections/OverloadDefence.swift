import Wire

/// The defences against floods (drop_entry, drop_packet, secure_tcp), judged once a second.
struct OverloadDefence {
    /// The state table of secure_tcp is in force.
    private(set) var secureTCP = false
    private(set) var dropsEntries = false
    private var packetRate: Int64 = 0
    private var packetCounter: Int64 = 0
    /// Template and connection ages for the lottery of old entries.
    private var lottery: [Int64] = Array(repeating: 0, count: 9)

    /// Takes over the tunables. The automatic modes 1 and 2 act when `isShort`: memory of the host is short, as far as known.
    mutating func judge(_ tunables: Tunables, isShort: Bool) {
        secureTCP = Self.isOn(tunables.secureTCP, isShort)
        dropsEntries = Self.isOn(tunables.dropEntry, isShort)
        let wasOff = packetRate == 0
        packetRate = Self.isOn(tunables.dropPacket, isShort) ? max(Int64(tunables.alwaysModeDropRate), 1) : 0
        if packetRate == 0 { packetCounter = 0 } else if wasOff { packetCounter = 1 }
    }

    private static func isOn(_ mode: Int32, _ isShort: Bool) -> Bool { mode == 3 || (mode == 1 || mode == 2) && isShort }

    /// Something is done about packets or their connections' states.
    var isActive: Bool { secureTCP || packetRate > 0 }

    /// Whether a packet that would create a connection is the one in so many that is dropped.
    mutating func dropsPacket(_ tunables: Tunables, at now: Instant) -> Bool {
        guard packetRate > 0 else { return false }
        packetCounter -= 1
        guard packetCounter <= 0 else { return false }
        packetCounter = packetRate
        return true
    }

    /// Whether an entry that saw few packets and none for a minute is dropped: every i-th of those with i packets.
    mutating func drawsOut(packets: UInt32, idle: Instant) -> Bool {
        guard idle >= 60 * second, (1...8).contains(packets) else { return false }
        let rate = Int64(packets)
        lottery[Int(packets)] -= 1
        guard lottery[Int(packets)] <= 0 else { return false }
        lottery[Int(packets)] = rate
        return true
    }
}

extension Director {
    mutating func tunablesChanged(from old: Tunables) {
        clockwork.defence.judge(tunables, isShort: connections.isShortOfMemory)
        takeBackOutdated()
        settleCarrying()
        connections.earlyDrop.judge(tunables)
        for service in services.all { service.scheduler?.tunablesChanged(tunables) }
        if old.backupOnly != tunables.backupOnly { host.virtuals.outdate() }
        if old.expireNoDestination == 0, tunables.expireNoDestination != 0 {
            beginFlush()
            clockwork.lags = !goOnFlushing(4096)
        }
    }

    /// drop_entry: each second a 32nd of the table is visited at random and its half-open and idle entries are dropped.
    mutating func dropEntries() {
        guard clockwork.defence.dropsEntries, connections.table.highWater > 0 else { return }
        let visits = max(Int(connections.table.highWater) / 32, 1)
        for _ in 0..<visits {
            let id = ConnectionID(clockwork.generator.below(Int(connections.table.highWater)))
            if mayDrop(id) { expire(id, forced: true) }
        }
    }

    private mutating func mayDrop(_ id: ConnectionID) -> Bool {
        guard connections[id].flags.contains(.used), connections[id].children == 0 else { return false }
        let entry = carrying.upToDate(connections[id], at: id)
        if entry.flags.contains(.template) { return !entry.flags.contains(.assured) }
        let idle = clockwork.now - (entry.expires - connections.timeouts.timeout(proto: entry.proto, state: entry.state))
        switch entry.proto {
        case IPProtocol.tcp:
            let state = TCPState(rawValue: entry.state)
            if state == .synRecv || state == .synAck { return true }
            guard state == .established else { return false }
        case IPProtocol.sctp:
            let state = SCTPState(rawValue: entry.state)
            if state == .init1 || state == .`init` { return true }
            guard state == .established else { return false }
        default: break
        }
        return clockwork.defence.drawsOut(packets: entry.packetsIn, idle: idle)
    }
}
