import Wire

/// What one of a master's threads sends: the message that is being filled, and those that are full and wait. A message leaves
/// when it is full, 20 ms later at most, or when it is two seconds old, which is looked at once a second.
struct SyncStream {
    private var current: SyncWriter?
    private var waiting: [[UInt8]] = []
    /// When the thread looks next. It sleeps a second after each look; where nothing waits it need not be woken.
    private var nextLook: Instant
    /// When full messages are sent, while fewer than `wakingNumber` wait.
    private var nextWakeup: Instant = .max

    private static let pause: Instant = second
    private static let patience: Instant = 2 * second
    private static let delay: Instant = 20 * millisecond
    /// So many full messages at once leave without delay.
    private static let wakingNumber = 8

    /// A thread that begins now.
    init(at now: Instant) { nextLook = now + Self.pause }

    /// When something is due; never, while nothing waits.
    var next: Instant { current == nil && waiting.isEmpty ? .max : min(nextLook, nextWakeup) }

    /// Room for a record of `length` bytes in a message of `version`.
    /// - Returns: whether a full message had to be given up since `limit` of them wait.
    mutating func prepare(length: Int, version: Int, _ daemon: SyncDaemon, limit: Int, at now: Instant, _ out: inout [[UInt8]]) -> Bool {
        var isLost = false
        if let full = current, full.version != version || !full.hasRoom(for: length) {
            current = nil
            isLost = !queue(full.bytes, limit: limit, at: now, &out)
        }
        if current == nil {
            let begins = waiting.isEmpty
            current = SyncWriter(
                version: version, syncID: UInt8(truncatingIfNeeded: daemon.syncID), limit: Int(daemon.maximumLength), first: length, at: now
            )
            // The looks that nobody needed have been had.
            if begins, nextLook <= now { nextLook += ((now - nextLook) / Self.pause + 1) * Self.pause }
        }
        return isLost
    }

    mutating func append(_ record: SyncRecord) { current?.append(record) }

    private mutating func queue(_ message: [UInt8], limit: Int, at now: Instant, _ out: inout [[UInt8]]) -> Bool {
        guard waiting.count < limit else { return false }
        if waiting.isEmpty { nextWakeup = now + Self.delay }
        waiting.append(message)
        if waiting.count == Self.wakingNumber { look(at: now, &out) }
        return true
    }

    /// The thread looks if that is due: what waits leaves, and so does a message that is old enough.
    mutating func run(at now: Instant, _ out: inout [[UInt8]]) {
        if next <= now { look(at: now, &out) }
    }

    private mutating func look(at now: Instant, _ out: inout [[UInt8]]) {
        out += waiting
        waiting.removeAll(keepingCapacity: true)
        if let old = current, now - old.begun >= Self.patience {
            out.append(old.bytes)
            current = nil
        }
        nextWakeup = .max
        nextLook = now + Self.pause
    }
}
