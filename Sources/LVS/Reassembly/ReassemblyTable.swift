import Wire

/// What the fragments of one datagram have in common (RFC 791 section 3.2, RFC 8200 section 4.5).
struct FragmentKey: Hashable {
    var source: IPAddress
    var destination: IPAddress
    var id: UInt32
    /// IPv4 only, otherwise 0.
    var proto: UInt8
    /// IPv6 only, otherwise 0.
    var interface: Int32
    /// On its way through the director, not to it.
    var isForwarded: Bool
}

/// Datagrams that wait for their missing fragments, in the order in which they will be given up. Memory is bounded as the
/// kernel bounds it: beyond the threshold no fragment is taken, old ones are not pushed out.
///
/// `svs decap` has reassembly of its own (`OuterFragments`), which has no kernel to agree with and says there why.
struct ReassemblyTable {
    private var places: [FragmentKey: Int32] = [:]
    private var datagrams: [ReassemblyQueue] = []
    private var free: [Int32] = []
    private var first: Int32 = -1
    private var last: Int32 = -1
    /// Senders of waiting IPv4 datagrams: how many of these, and fragments seen since the first.
    private var senders: [IPAddress: (waiting: Int, fragments: UInt32)] = [:]
    /// Bytes as the kernel accounts them.
    private(set) var memory4 = 0
    private(set) var memory6 = 0

    enum Outcome {
        case waits
        case complete(ReassemblyQueue)
        case duplicate
        case refused
        case overlap
        case invalid
        case unaligned
        /// No memory is left.
        case full
    }

    /// When the next datagram is given up; `nil` when none waits.
    var nextTimeout: Instant? { first < 0 ? nil : datagrams[Int(first)].deadline }

    var count: Int { places.count }

    mutating func add(_ fragment: Fragment, to key: FragmentKey, from ingress: Int32, _ tunables: Tunables, at now: Instant) -> Outcome {
        let isV4 = fragment.family == .v4
        let threshold = isV4 ? tunables.fragmentMemory4 : tunables.fragmentMemory6
        guard threshold > 0, Int64(isV4 ? memory4 : memory6) <= threshold else { return .full }
        let patience = Instant(max(isV4 ? tunables.fragmentTime4 : tunables.fragmentTime6, 0)) * second
        let place = places[key] ?? open(key, until: now + patience)
        if isV4, isTooFar(place, tunables.fragmentMaxDistance) {
            account(key, -datagrams[Int(place)].cost)
            datagrams[Int(place)].restart()
            account(key, datagrams[Int(place)].cost)
            unlink(place)
            datagrams[Int(place)].deadline = now + patience
            link(place)
        }
        let before = datagrams[Int(place)].cost
        let addition = datagrams[Int(place)].add(fragment)
        account(key, datagrams[Int(place)].cost - before)
        switch addition {
        case .waits:
            datagrams[Int(place)].ingress = ingress
            return .waits
        case .complete: return .complete(close(place))
        case .duplicate: return .duplicate
        case .refused: return .refused
        case .overlap, .invalid, .unaligned:
            _ = close(place)
            return addition == .overlap ? .overlap : addition == .invalid ? .invalid : .unaligned
        }
    }

    /// Takes out the next datagram that is due by `now`.
    mutating func takeDue(at now: Instant) -> ReassemblyQueue? {
        guard let due = nextTimeout, due <= now else { return nil }
        return close(first)
    }

    /// Whether too many other fragments of the same sender came since the last one of this datagram: its id may have come
    /// round (ip_frag_too_far).
    private mutating func isTooFar(_ place: Int32, _ limit: Int32) -> Bool {
        let sender = datagrams[Int(place)].key.source
        guard limit > 0, var seen = senders[sender] else { return false }
        seen.fragments &+= 1
        senders[sender] = seen
        let start = datagrams[Int(place)].distance
        datagrams[Int(place)].distance = seen.fragments
        return !datagrams[Int(place)].isEmpty && seen.fragments &- start > UInt32(limit)
    }

    private mutating func open(_ key: FragmentKey, until deadline: Instant) -> Int32 {
        var datagram = ReassemblyQueue(key)
        datagram.deadline = deadline
        let place: Int32
        if let reused = free.popLast() {
            place = reused
            datagrams[Int(place)] = datagram
        } else {
            place = Int32(datagrams.count)
            datagrams.append(datagram)
        }
        places[key] = place
        account(key, datagram.cost)
        link(place)
        if key.source.isV4 { senders[key.source, default: (0, 0)].waiting += 1 }
        return place
    }

    private mutating func close(_ place: Int32) -> ReassemblyQueue {
        unlink(place)
        let datagram = datagrams[Int(place)]
        let key = datagram.key
        datagrams[Int(place)] = ReassemblyQueue(key)
        free.append(place)
        places[key] = nil
        account(key, -datagram.cost)
        if var sender = senders[key.source] {
            sender.waiting -= 1
            senders[key.source] = sender.waiting > 0 ? sender : nil
        }
        return datagram
    }

    private mutating func account(_ key: FragmentKey, _ bytes: Int) {
        if key.source.isV4 { memory4 += bytes } else { memory6 += bytes }
    }

    /// Files a datagram under its deadline, which is nearly always the latest.
    private mutating func link(_ place: Int32) {
        let deadline = datagrams[Int(place)].deadline
        var before = last
        while before >= 0, datagrams[Int(before)].deadline > deadline { before = datagrams[Int(before)].previous }
        let after = before < 0 ? first : datagrams[Int(before)].next
        datagrams[Int(place)].previous = before
        datagrams[Int(place)].next = after
        if before < 0 { first = place } else { datagrams[Int(before)].next = place }
        if after < 0 { last = place } else { datagrams[Int(after)].previous = place }
    }

    private mutating func unlink(_ place: Int32) {
        let before = datagrams[Int(place)].previous, after = datagrams[Int(place)].next
        if before < 0 { first = after } else { datagrams[Int(before)].next = after }
        if after < 0 { last = before } else { datagrams[Int(after)].previous = before }
    }
}
