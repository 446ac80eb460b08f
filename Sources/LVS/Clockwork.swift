import Wire

/// What makes the director tick: time, which others tell it, the work that time brings, chance by its seed, and the defences
/// that both drive.
struct Clockwork {
    /// The clock's last reading.
    private(set) var now: Instant
    var schedule: Schedule
    var generator: SeededGenerator
    var defence = OverloadDefence()
    /// Connections are due that had to wait for the next call.
    var lags = false
    /// The place in the table that is looked at next for connections of servers that are gone; `nil` while that is not done.
    var flushed: ConnectionID?

    init(seed: UInt64, at now: Instant) {
        self.now = now
        schedule = Schedule(at: now)
        // Another sequence than that of the hash keys, which begin with the same seed.
        generator = SeededGenerator(seed: seed ^ 0x5356_5364_6963_6531)
    }

    /// A moment has come; the clock never goes back.
    @inline(__always)
    mutating func reach(_ moment: Instant) { now = max(now, moment) }
}
