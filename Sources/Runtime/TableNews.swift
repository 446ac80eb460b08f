import LVS
import Wire

/// What is said about a connection table that fills: when entries begin to give way and when no more do, and when new
/// connections begin to be refused and are no longer.
struct TableNews {
    private let log: Log
    /// Entries that had given way before the ones that are being talked of; `nil` while none does.
    private var before: EarlyDrop.Counters?
    /// As of the last look.
    private var seen = EarlyDrop.Counters()
    /// Frames that were refused when it was last looked, and when some were last.
    private var refused: UInt64?
    private var refusal: Instant?

    /// Nanoseconds without an event after which it is over.
    private static let calm: Instant = 10 * second

    init(log: Log) { self.log = log }

    /// To be called about once a second.
    mutating func follow(_ director: borrowing Director, at now: Instant) {
        followDrops(director, at: now)
        followRefusals(director, at: now)
    }

    private mutating func followDrops(_ director: borrowing Director, at now: Instant) {
        let drop = director.earlyDrop
        defer { seen = drop.counts }
        if let before {
            guard let last = drop.last, now - last >= Self.calm else { return }
            log.say("no entries give way any more: \((drop.counts - before).text) did")
            self.before = nil
        } else if let last = drop.last, now - last < Self.calm {
            log.say(
                "the connection table is nearly full (\(director.connectionCount) of \(director.connectionCapacity)): entries that nobody answered give way, those of the noisiest service first, the oldest first (net.ipv4.vs.svs_early_drop)"
            )
            before = seen
        }
    }

    private mutating func followRefusals(_ director: borrowing Director, at now: Instant) {
        // What an earlier director counted is no news.
        let frames = director.verdicts[.tableFull], fresh = frames - min(refused ?? frames, frames)
        refused = frames
        if fresh > 0 {
            if refusal == nil { log.say("the connection table is full (\(director.connectionCapacity)): new connections are refused") }
            refusal = now
        } else if let last = refusal, now - last >= Self.calm {
            log.say("new connections are no longer refused")
            refusal = nil
        }
    }
}
