import Wire

/// Frames that wait until their next hop's MAC is known, and the next hops that somebody has to ask for.
struct NeighborQueue {
    private struct Waiting {
        var bytes: [UInt8]
        var offload: Offload
        var since: Instant
    }

    /// A next hop on an interface.
    typealias Key = Network.NeighborKey

    private var queues: [Key: [Waiting]] = [:]
    /// Frames that one next hop may keep waiting (the kernel's unres_qlen is of this order).
    private static let limit = 101
    private static let neighbors = 1024
    /// Nanoseconds until a frame is given up: three requests a second apart.
    private static let patience: Instant = 3 * second

    /// Keeps a copy of a frame; false when too many wait already.
    mutating func hold(_ frame: Frame, for path: Path, at now: Instant) -> Bool {
        let key = Key(address: path.nextHop, interface: path.interface)
        guard queues.count < Self.neighbors || queues[key] != nil, queues[key, default: []].count < Self.limit else { return false }
        queues[key, default: []].append(Waiting(bytes: frame.bytes.array, offload: frame.offload, since: now))
        return true
    }

    /// Next hops whose MAC is wanted.
    var wanted: [Key] { Array(queues.keys) }
    var isEmpty: Bool { queues.isEmpty }

    /// Takes out what may leave now, with the MAC to send it to, and drops what waited too long; returns how many were dropped.
    mutating func release(_ network: Network, at now: Instant, _ body: ([UInt8], Offload, Key, MACAddress) -> Void) -> Int {
        var dropped = 0
        for (key, frames) in queues {
            if let mac = network.neighbor(key.address, on: key.interface) {
                for frame in frames { body(frame.bytes, frame.offload, key, mac) }
                queues[key] = nil
            } else {
                let kept = frames.filter { now - $0.since < Self.patience }
                dropped += frames.count - kept.count
                queues[key] = kept.isEmpty ? nil : kept
            }
        }
        return dropped
    }
}

extension Director {
    /// Next hops that frames wait for; the host floor has the kernel resolve them.
    public var wantedNeighbors: [Network.NeighborKey] { waiting.wanted }

    /// Next hops of the real servers that packets went to lately.
    public var usedNeighbors: [Network.NeighborKey] {
        var keys: Set<Network.NeighborKey> = []
        for id in servers.all where servers[id].isAvailable && servers[id].path.kind == .ready {
            keys.insert(Network.NeighborKey(address: servers[id].path.nextHop, interface: servers[id].path.interface))
        }
        return Array(keys)
    }

    /// Puts frames whose next hop has become known into the outbox; call it between batches when the network has changed or
    /// time has passed. Frames in the outbox are to be sent afterwards.
    /// - Returns: whether frames still wait.
    @discardableResult
    public mutating func releaseWaiting(at now: Instant) -> Bool {
        // First of all: what a batch has left there is sent already.
        outbox.removeAll()
        guard !waiting.isEmpty else { return false }
        var released: [(bytes: [UInt8], offload: Offload, key: Network.NeighborKey, mac: MACAddress)] = []
        let dropped = waiting.release(network, at: now) { released.append(($0, $1, $2, $3)) }
        for _ in 0..<dropped { verdicts.count(.neighborUnknown) }
        for item in released {
            guard var frame = outbox.room(for: item.bytes.count) else { continue }
            frame.bytes.copy(item.bytes)
            frame.bytes.setMAC(item.mac, at: 0)
            frame.offload = item.offload
            _ = outbox.emit(frame, on: item.key.interface, causedBy: -1)
        }
        return !waiting.isEmpty
    }
}
