import Wire

/// Frames that wait until their next hop's MAC is known, and the next hops that somebody has to ask for.
struct NeighborQueue {
    /// A frame that waits.
    struct Waiting {
        var bytes: [UInt8]
        var offload: Offload
    }

    /// A next hop on an interface.
    typealias Key = Network.NeighborKey

    private struct Queue {
        /// When the first frame began to wait, and with it the questions for the MAC.
        var since: Instant
        var frames: [Waiting] = []
    }

    private var queues: [Key: Queue] = [:]
    /// When the frame that waits longest began to.
    private var oldest: Instant?
    /// Frames that one next hop may keep waiting (the kernel's unres_qlen is of this order).
    private static let limit = 101
    private static let neighbors = 1024

    /// Keeps a copy of a frame; false when too many wait already.
    mutating func hold(_ frame: Frame, for path: Path, at now: Instant) -> Bool {
        let key = Key(address: path.nextHop, interface: path.interface)
        guard queues.count < Self.neighbors || queues[key] != nil else { return false }
        guard queues[key, default: Queue(since: now)].frames.count < Self.limit else { return false }
        queues[key, default: Queue(since: now)].frames.append(Waiting(bytes: frame.bytes.array, offload: frame.offload))
        oldest = oldest ?? now
        return true
    }

    /// Next hops whose MAC is wanted.
    var wanted: [Key] { Array(queues.keys) }
    var isEmpty: Bool { queues.isEmpty }
    /// Whether frames wait for a next hop.
    func holds(for path: Path) -> Bool { queues[Key(address: path.nextHop, interface: path.interface)] != nil }

    /// When the next questions have failed, which takes `patience`; `nil` when nothing waits.
    func nextTimeout(_ patience: Instant) -> Instant? { oldest.map { $0 + patience } }

    /// Takes out the frames for next hops whose MAC is known by now.
    mutating func takeReleased(_ network: Network, _ body: (Waiting, Key, MACAddress) -> Void) {
        for (key, queue) in queues {
            guard let mac = network.neighbor(key.address, on: key.interface) else { continue }
            for frame in queue.frames { body(frame, key, mac) }
            remove(key)
        }
    }

    /// Takes out the frames for next hops that were asked for long enough, in the order in which they began to wait.
    mutating func takeOverdue(at now: Instant, _ patience: Instant) -> [Waiting] {
        let overdue = queues.filter { now - $0.value.since >= patience }.sorted { ($0.value.since, $0.key) < ($1.value.since, $1.key) }
        for (key, _) in overdue { remove(key) }
        return overdue.flatMap(\.value.frames)
    }

    /// Takes out the frames for one next hop.
    mutating func take(_ key: Key) -> [Waiting] {
        guard let queue = queues[key] else { return [] }
        remove(key)
        return queue.frames
    }

    private mutating func remove(_ key: Key) {
        queues[key] = nil
        oldest = queues.values.map(\.since).min()
    }
}

extension Director {
    /// Next hops that frames wait for; the host floor has the kernel resolve them.
    public var wantedNeighbors: [Network.NeighborKey] { host.waiting.wanted }

    /// Next hops of the real servers that packets went to lately.
    public var usedNeighbors: [Network.NeighborKey] {
        var keys: Set<Network.NeighborKey> = []
        for id in servers.all where servers[id].isAvailable && servers[id].path.kind == .ready {
            keys.insert(Network.NeighborKey(address: servers[id].path.nextHop, interface: servers[id].path.interface))
        }
        return Array(keys)
    }

    /// How many real servers that packets went to, or were to go to, have each of these as their next hop.
    public func servers(behind neighbors: Set<Network.NeighborKey>) -> [Network.NeighborKey: UInt32] {
        var counts: [Network.NeighborKey: UInt32] = [:]
        for id in servers.all where servers[id].isAvailable && [.ready, .unknownNeighbor].contains(servers[id].path.kind) {
            let key = Network.NeighborKey(address: servers[id].path.nextHop, interface: servers[id].path.interface)
            if neighbors.contains(key) { counts[key, default: 0] += 1 }
        }
        return counts
    }

    /// Puts frames whose next hop has become known into the outbox; call it between batches when the network has changed or
    /// time has passed. Frames in the outbox are to be sent afterwards.
    /// - Returns: whether frames still wait.
    @discardableResult
    public mutating func releaseWaiting(at now: Instant) -> Bool {
        // First of all: what a batch has left there is sent already.
        outbox.removeAll()
        guard !host.waiting.isEmpty else { return false }
        var released: [(frame: NeighborQueue.Waiting, key: Network.NeighborKey, mac: MACAddress)] = []
        host.waiting.takeReleased(host.network) { released.append(($0, $1, $2)) }
        for item in released {
            guard var frame = outbox.room(for: item.frame.bytes.count) else { continue }
            frame.bytes.copy(item.frame.bytes)
            frame.bytes.setMAC(item.mac, at: 0)
            frame.offload = item.frame.offload
            _ = outbox.emit(frame, on: item.key.interface, causedBy: -1)
        }
        return !host.waiting.isEmpty
    }
}
