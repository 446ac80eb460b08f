import Wire

/// Files connections by the moment they expire: a hierarchical timing wheel (Varghese and Lauck 1987) of four levels.
///
/// A packet only moves its connection's `expires` forward; when the slot it is filed in comes round, it is filed anew. Only
/// a deadline that moved closer is filed at once. A connection expires never early and at most one tick late.
struct TimerWheel: ~Copyable {
    /// Nanoseconds of one tick: about 8.4 ms, less than one of the kernel's (100 Hz).
    static let tickShift: Int64 = 23
    private static let levels: [(bits: Int64, shift: Int64, base: Int)] = [(9, 0, 0), (8, 9, 512), (6, 17, 768), (6, 23, 832)]
    private static let slots = 896
    /// Ticks that all levels reach, 52 days; those that are filed are less than 2^31 apart.
    private static let horizon: Int64 = 1 << 29 - 1 << 23
    /// Beyond this many ticks a jump of the clock is cheaper done by filing everything anew.
    static let longJump: Int64 = 1 << 23

    /// First connection in each slot, plus 1; 0 is empty.
    private let heads: Slab<Int32>
    private let pool: SlabView<Connection>
    /// Every slot before this tick has been emptied.
    private var tick: Int64
    /// The level whose slot of this tick is brought down next, before the tick's own slot is looked at; behind the last one, none.
    private var level = 4

    init(pool: SlabView<Connection>, at now: Instant) {
        heads = Slab(capacity: Self.slots)
        self.pool = pool
        tick = now >> Self.tickShift
    }

    /// Files a connection under its `expires`.
    func file(_ id: ConnectionID) {
        let due = due(id)
        let slot = slot(for: due)
        let first = heads[slot]
        pool[Int(id)].next = first - 1
        pool[Int(id)].previous = -1
        pool[Int(id)].wheelSlot = UInt16(slot + 1)
        pool[Int(id)].filed = UInt32(truncatingIfNeeded: due)
        if first > 0 { pool[Int(first - 1)].previous = id }
        heads[slot] = id + 1
    }

    /// Takes a connection out of its slot.
    func unfile(_ id: ConnectionID) {
        let entry = pool[Int(id)]
        guard entry.wheelSlot > 0 else { return }
        if entry.previous >= 0 {
            pool[Int(entry.previous)].next = entry.next
        } else {
            heads[Int(entry.wheelSlot) - 1] = entry.next + 1
        }
        if entry.next >= 0 { pool[Int(entry.next)].previous = entry.previous }
        pool[Int(id)].wheelSlot = 0
    }

    /// To be called when `expires` may have moved closer.
    @inline(never)
    mutating func refileIfEarlier(_ id: ConnectionID) {
        let due = UInt32(truncatingIfNeeded: due(id))
        guard pool[Int(id)].wheelSlot > 0, Int32(bitPattern: due &- pool[Int(id)].filed) < 0 else { return }
        unfile(id)
        file(id)
    }

    private func slot(for due: Int64) -> Int {
        let ahead = due - tick
        for (level, next) in zip(Self.levels, Self.levels.dropFirst()) where ahead < 1 << next.shift {
            return level.base + Int(due >> level.shift & (1 << level.bits - 1))
        }
        let top = Self.levels[3]
        return top.base + Int(due >> top.shift & (1 << top.bits - 1))
    }

    /// The first tick that lies wholly behind a connection's deadline. What lies behind the horizon waits in the farthest slot
    /// and is filed anew from there.
    @inline(__always)
    private func due(_ id: ConnectionID) -> Int64 {
        min(max((pool[Int(id)].expires >> Self.tickShift) + 1, tick), tick + Self.horizon)
    }

    /// Unfiles every connection that is due by `now` and appends it to `due`, in the order of ticks, until `due` holds
    /// `limit` of them, or four times as many were filed anew. True when all are there.
    mutating func advance(to now: Instant, limit: Int = .max, _ due: inout [ConnectionID]) -> Bool {
        let target = now >> Self.tickShift
        if target - tick > Self.longJump { jump(to: target) }
        var moves = limit > Int.max / 4 ? Int.max : limit * 4
        while tick <= target {
            guard cascade(&moves) else { return false }
            let slot = Int(tick & 511)
            while heads[slot] > 0 {
                if due.count >= limit || moves <= 0 { return false }
                let id = heads[slot] - 1
                unfile(id)
                if pool[Int(id)].expires >> Self.tickShift < tick {
                    due.append(id)
                } else {
                    file(id)
                    moves -= 1
                }
            }
            tick += 1
            if tick & 511 == 0 { level = 1 }
        }
        // A tick that begins a slot of a higher level is ready for what is filed next.
        return cascade(&moves)
    }

    /// Brings connections down from the higher levels when their slot's turn has come; false when there are more than may be
    /// moved now.
    private mutating func cascade(_ moves: inout Int) -> Bool {
        while level < Self.levels.count {
            let (bits, shift, base) = Self.levels[level]
            guard tick & (1 << shift - 1) == 0 else {
                level = Self.levels.count
                break
            }
            let slot = base + Int(tick >> shift & (1 << bits - 1))
            while heads[slot] > 0 {
                if moves <= 0 { return false }
                let id = heads[slot] - 1
                unfile(id)
                file(id)
                moves -= 1
            }
            level += 1
        }
        return true
    }

    /// A leap of the clock: everything is filed anew from the new time.
    private mutating func jump(to target: Int64) {
        var all: [ConnectionID] = []
        for slot in 0..<Self.slots {
            var id = heads[slot] - 1
            while id >= 0 {
                all.append(id)
                id = pool[Int(id)].next
            }
            heads[slot] = 0
        }
        tick = target
        level = Self.levels.count
        for id in all { file(id) }
    }
}
