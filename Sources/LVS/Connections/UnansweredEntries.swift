import Wire

/// Entries that nobody has answered or continued, in lists by destination and age, so that the oldest one of the noisiest
/// destination is there without a search. An entry is in one list at most, and in none any more when it goes.
///
/// A destination is a service; of more than 256 some share their lists. Ages are told apart by seconds, up to 511 of them,
/// and within a second by the order in which the entries were added.
struct UnansweredEntries: ~Copyable {
    struct Link: BitwiseCopyable {
        /// Neighbours in the list, plus 1; 0 for none.
        var next: Int32
        var previous: Int32
        /// The list, plus 1; 0 for none.
        var list: Int32
    }

    struct List: BitwiseCopyable {
        /// Both ends, plus 1; 0 is empty.
        var first: Int32 = 0
        var last: Int32 = 0
    }

    private static let destinations = 256
    private static let seconds = 512

    private let links: Slab<Link>
    /// By destination and second; made when the first entry comes.
    private var lists: [List] = []
    /// Entries of each destination.
    private var counts = [Int32](repeating: 0, count: destinations)
    /// Second before which a destination has none.
    private var firstSecond = [Int64](repeating: 0, count: destinations)
    private(set) var count = 0
    /// The destination that has most, of several the first one; and what no other one has more than. All are looked at again
    /// when it may have no more than that.
    private var noisiest = 0
    private var others: Int32 = 0
    private var isOutdated = true

    init(capacity: Int) { links = Slab(capacity: capacity) }

    func contains(_ id: ConnectionID) -> Bool { count > 0 && links[Int(id)].list != 0 }

    /// Adds an entry that is in no list; `since` is when it was heard of last.
    mutating func add(_ id: ConnectionID, service: Int32, since: Instant, now: Instant) {
        if lists.isEmpty { lists = Array(repeating: List(), count: Self.destinations * Self.seconds) }
        let destination = Int(service &+ 1) & (Self.destinations - 1)
        let second = max(since / Wire.second, now / Wire.second - Int64(Self.seconds - 1))
        let list = place(destination, second)
        let last = lists[list].last
        links[Int(id)] = Link(next: 0, previous: last, list: Int32(list) + 1)
        if last > 0 { links[Int(last) - 1].next = id + 1 } else { lists[list].first = id + 1 }
        lists[list].last = id + 1
        if counts[destination] == 0 || second < firstSecond[destination] { firstSecond[destination] = second }
        counts[destination] += 1
        count += 1
        if destination != noisiest { note(counts[destination]) }
    }

    /// Takes an entry out of its list, where it is in one.
    mutating func remove(_ id: ConnectionID) {
        guard contains(id) else { return }
        let link = links[Int(id)], list = Int(link.list) - 1
        if link.previous > 0 { links[Int(link.previous) - 1].next = link.next } else { lists[list].first = link.next }
        if link.next > 0 { links[Int(link.next) - 1].previous = link.previous } else { lists[list].last = link.previous }
        links[Int(id)] = Link(next: 0, previous: 0, list: 0)
        let destination = list / Self.seconds
        counts[destination] -= 1
        count -= 1
        if destination == noisiest { note(others) }
    }

    /// Another destination than the noisiest one has so many, or may have.
    private mutating func note(_ other: Int32) {
        others = max(others, other)
        if counts[noisiest] <= others { isOutdated = true }
    }

    private mutating func findNoisiest() {
        isOutdated = false
        (noisiest, others) = (0, 0)
        for destination in 1..<Self.destinations {
            if counts[destination] > counts[noisiest] {
                (noisiest, others) = (destination, counts[noisiest])
            } else {
                others = max(others, counts[destination])
            }
        }
    }

    /// The oldest entry of the destination that has most, and for how long it has surely been silent; `nil` when there is none.
    mutating func oldestOfNoisiest(at now: Instant) -> (id: ConnectionID, silence: Instant)? {
        guard count > 0 else { return nil }
        if isOutdated { findNoisiest() }
        let newest = now / Wire.second
        var second = max(firstSecond[noisiest], newest - Int64(Self.seconds - 1))
        while second <= newest {
            let first = lists[place(noisiest, second)].first
            if first > 0 {
                firstSecond[noisiest] = second
                return (first - 1, max(now - (second + 1) * Wire.second, 0))
            }
            second += 1
        }
        return nil
    }

    private func place(_ destination: Int, _ second: Int64) -> Int {
        destination * Self.seconds + Int(second & Int64(Self.seconds - 1))
    }
}
