import Wire

/// What a table that fills does for those who come (`svs_early_drop`): from three quarters on, new entries that nobody
/// answers last less long; from fifteen sixteenths on, such entries give way, of the noisiest service first and of these the
/// oldest. Established connections never do. Below that, everything is as in the kernel, and nothing is looked at.
public struct EarlyDrop: Sendable {
    /// Entries at which timeouts begin to shrink; never reached where the switch is off.
    private(set) var watch: Int
    /// Entries at which others give way.
    private(set) var limit: Int
    private let capacity: Int
    /// The place that is looked at next for entries from before.
    private var hand: ConnectionID = 0
    /// Places that were looked at in a row without any.
    private var fruitless = 0
    /// How many entries gave way.
    public private(set) var counts = Counters()
    /// When one did last.
    public private(set) var last: Instant?

    /// Entries that gave way, by what they were.
    public struct Counters: Hashable, Sendable {
        /// TCP and SCTP connections in the middle of their handshake.
        public var halfOpen: UInt64 = 0
        /// Of one datagram, without an answer.
        public var oneWay: UInt64 = 0
        /// Persistence templates none of whose connections came to life.
        public var templates: UInt64 = 0
        public var all: UInt64 { halfOpen + oneWay + templates }
        /// Each kind that there was.
        public var kinds: [(name: String, number: UInt64)] {
            [("half-open", halfOpen), ("one-way", oneWay), ("template", templates)].filter { $0.1 > 0 }
        }
        public var text: String { kinds.map { "\($0.name) \($0.number)" }.joined(separator: ", ") }
        public init() {}

        /// What came to be since `earlier`.
        public static func - (now: Counters, earlier: Counters) -> Counters {
            var counts = Counters()
            counts.halfOpen = now.halfOpen - earlier.halfOpen
            counts.oneWay = now.oneWay - earlier.oneWay
            counts.templates = now.templates - earlier.templates
            return counts
        }
    }

    init(capacity: Int) {
        self.capacity = capacity
        (watch, limit) = (Int.max, Int.max)
        judge(Tunables())
    }

    mutating func judge(_ tunables: Tunables) {
        let isOn = tunables.earlyDrop != 0
        watch = isOn ? capacity - capacity / 4 : .max
        limit = isOn ? capacity - capacity / 16 : .max
    }

    /// A full timeout as it is when so many entries are there: the whole at three quarters, less and less from there on, but
    /// never less than what the kernel gives an entry of which no packet was looked at yet.
    func shrunk(_ timeout: Instant, entries: Int) -> Instant {
        min(timeout, max(timeout / Instant(max(capacity / 4, 1)) * Instant(capacity - entries), TimeoutTable.initial))
    }

    /// Whether an entry that has been silent for so long gives way now: three seconds are enough for a handshake, but the
    /// last free places are worth more than a handshake that goes on.
    func mustGo(silence: Instant, entries: Int) -> Bool {
        let free = capacity - entries
        return free < 2 || silence >= TimeoutTable.initial / Instant(max(capacity / 16, 1)) * Instant(free)
    }

    /// How many places are worth a look, of `highWater`: few, when all were looked at in vain.
    func places(below highWater: ConnectionID) -> Int { fruitless < Int(highWater) ? 8 : 1 }

    /// The next place to be looked at, below `highWater`.
    mutating func nextPlace(below highWater: ConnectionID) -> ConnectionID {
        let place = hand < highWater ? hand : 0
        hand = place + 1
        fruitless += 1
        return place
    }

    /// An entry from before was found.
    mutating func foundEntry() { fruitless = 0 }

    mutating func note(_ kind: WritableKeyPath<Counters, UInt64>, at now: Instant) {
        counts[keyPath: kind] += 1
        last = now
    }
}

extension Director {
    /// What gave way to others, since the start.
    public var earlyDrop: EarlyDrop { connections.earlyDrop }

    /// To be called before an entry is made, while nobody holds a number of another one.
    @inline(__always)
    mutating func makeRoom() {
        if connections.isFilling { giveWay() }
    }

    /// To be called when an entry was made.
    @inline(__always)
    mutating func noteUnanswered(_ id: ConnectionID) {
        if connections.isFilling { connections.noteUnanswered(id, service: service(of: id), since: clockwork.now, now: clockwork.now) }
    }

    /// To be called when an entry's timer was started.
    @inline(__always)
    mutating func shrinkTimeout(_ id: ConnectionID) {
        if connections.isFilling { connections.shrinkTimeout(id, at: clockwork.now) }
    }

    private func service(of id: ConnectionID) -> Int32 {
        let server = connections[id].server
        return server >= 0 ? servers[server].service : -1
    }

    /// A bounded step: a few places of the table are looked at for entries from before it filled, and a few entries give way.
    @inline(never)
    private mutating func giveWay() {
        for _ in 0..<connections.earlyDrop.places(below: connections.table.highWater) {
            let id = connections.earlyDrop.nextPlace(below: connections.table.highWater)
            guard connections.isUnanswered(id), !connections.unanswered.contains(id) else { continue }
            connections.earlyDrop.foundEntry()
            connections.noteUnanswered(
                id, service: service(of: id), since: connections.lastHeard(id, at: clockwork.now), now: clockwork.now)
        }
        for _ in 0..<32 {
            let entries = connections.table.count
            guard entries >= connections.earlyDrop.limit else { return }
            guard let oldest = connections.unanswered.oldestOfNoisiest(at: clockwork.now) else { return }
            guard connections.isUnanswered(oldest.id) else {
                connections.unanswered.remove(oldest.id)
                continue
            }
            guard connections.earlyDrop.mustGo(silence: oldest.silence, entries: entries) else { return }
            connections.earlyDrop.note(connections.kind(of: oldest.id), at: clockwork.now)
            expire(oldest.id, forced: true)
        }
    }
}

extension ConnectionState {
    /// Whether so much of the table is in use that early drop looks at what comes.
    @inline(__always)
    var isFilling: Bool { table.count >= earlyDrop.watch }

    @inline(never)
    mutating func noteUnanswered(_ id: ConnectionID, service: Int32, since: Instant, now: Instant) {
        guard !self[id].flags.contains(.onePacket) else { return }
        unanswered.add(id, service: service, since: since, now: now)
    }

    @inline(never)
    mutating func shrinkTimeout(_ id: ConnectionID, at now: Instant) {
        guard isUnanswered(id) else { return }
        let full = self[id].expires - now
        let shrunk = earlyDrop.shrunk(full, entries: table.count)
        guard shrunk < full else { return }
        self[id].expires = now + shrunk
        wheel.refileIfEarlier(id)
    }

    /// Whether nobody has answered or continued what an entry stands for, and nothing hangs on it. What another director
    /// tells of has come to life there.
    func isUnanswered(_ id: ConnectionID) -> Bool {
        let flags = self[id].flags
        guard flags.contains(.used), flags.isDisjoint(with: [.assured, .synchronised]), self[id].children == 0 else { return false }
        if flags.contains(.template) { return true }
        switch self[id].proto {
        case IPProtocol.tcp: return TCPTracking.isHalfOpen(self[id].state)
        case IPProtocol.sctp: return self[id].state < SCTPState.established.rawValue
        default: return self[id].packetsIn <= 1
        }
    }

    fileprivate func kind(of id: ConnectionID) -> WritableKeyPath<EarlyDrop.Counters, UInt64> {
        if self[id].flags.contains(.template) { return \.templates }
        return self[id].proto == IPProtocol.udp ? \.oneWay : \.halfOpen
    }

    /// When the last packet of an entry came, as far as its timer tells.
    fileprivate func lastHeard(_ id: ConnectionID, at now: Instant) -> Instant {
        let isTemplate = self[id].flags.contains(.template)
        let full = isTemplate ? Instant(self[id].timeout) * second : timeouts.timeout(proto: self[id].proto, state: self[id].state)
        return min(max(self[id].expires - full, 0), now)
    }
}
