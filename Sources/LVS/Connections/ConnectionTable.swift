import Wire

/// All connections and templates: a pool of fixed capacity whose memory is touched lazily, and an open-addressed index of
/// 64-bit words over it.
///
/// One hash serves both directions (it is symmetric in the two endpoints), so that a packet is looked up once, whether it
/// is a request or a reply. An index word holds the 32 hash bits, from which its home also follows, and the place in
/// the pool; deletion shifts words back and never reads the pool. Connections that translate addresses have a second word
/// under the endpoints of their replies.
public struct ConnectionTable: ~Copyable {
    /// The records' memory, where it is the table's own.
    private let own: Slab<Connection>?
    /// Every place for a connection, in use or not.
    let pool: SlabView<Connection>
    /// Where `highWater` is kept for the next director.
    let limits: SlabView<StateLimits>?
    let backing: BlockBacking?
    private let index: Slab<UInt64>
    private let mask: UInt32
    private let keys: (UInt64, UInt64, UInt64)
    var free: ConnectionID = -1
    /// Places from here on were never used.
    public internal(set) var highWater: ConnectionID = 0
    public internal(set) var count = 0
    public let capacity: Int

    /// A table for `capacity` connections; `seed` keeps strangers from aiming at one bucket.
    public init(capacity: Int, seed: UInt64) {
        let memory = Slab<Connection>(capacity: max(capacity, 16))
        self.init(pool: memory.view, own: memory, limits: nil, backing: nil, seed: seed)
    }

    /// A table whose records lie in a state's memory; what stands there waits for `takeOver`.
    init(in memory: StateMemory) {
        self.init(
            pool: memory.pool, own: nil, limits: memory.limits, backing: memory.layout.connections.backed(by: memory.backing),
            seed: memory.seed)
        highWater = min(max(memory.limits[0].connections, 0), ConnectionID(capacity))
        memory.limits[0].connections = highWater
    }

    private init(
        pool: SlabView<Connection>, own: consuming Slab<Connection>?, limits: SlabView<StateLimits>?, backing: BlockBacking?, seed: UInt64
    ) {
        self.backing = backing
        self.pool = pool
        self.own = own
        self.limits = limits
        capacity = pool.capacity
        var words = 64
        while words < capacity * 4 { words *= 2 }
        index = Slab(capacity: words)
        mask = UInt32(words - 1)
        var generator = SeededGenerator(seed: seed)
        keys = (generator.next() | 1, generator.next() | 1, generator.next() | 1)
    }

    @inline(__always)
    public subscript(id: ConnectionID) -> Connection {
        unsafeAddress { unsafe UnsafePointer(pool.trusted(Int(id))) }
        nonmutating unsafeMutableAddress { unsafe pool.trusted(Int(id)) }
    }

    /// Hash of a flow, the same for both directions.
    @inline(__always)
    private func hash(_ a: IPAddress, _ aPort: UInt16, _ b: IPAddress, _ bPort: UInt16, _ proto: UInt8) -> UInt32 {
        let sum =
            fold(a.high ^ keys.0, a.low ^ keys.1 ^ UInt64(aPort) << 48)
            &+ fold(b.high ^ keys.0, b.low ^ keys.1 ^ UInt64(bPort) << 48)
        return UInt32(truncatingIfNeeded: fold(sum ^ UInt64(proto), keys.2) >> 16)
    }

    @inline(__always)
    func hash(_ flow: Flow) -> UInt32 { hash(flow.source, flow.sourcePort, flow.destination, flow.destinationPort, flow.proto) }

    @inline(__always)
    private func fold(_ a: UInt64, _ b: UInt64) -> UInt64 {
        let product = a.multipliedFullWidth(by: b)
        return product.high ^ product.low
    }

    /// What a packet was found to belong to.
    struct Match: BitwiseCopyable {
        /// Place of the connection, -1 for none.
        var id: ConnectionID
        /// From the server's side to the client's.
        var isReply: Bool
        static var none: Match { Match(id: -1, isReply: false) }
    }

    /// The index word at a place, which counts on from the end to the beginning.
    @inline(__always)
    private func indexWord(_ place: UInt32) -> UInt64 { unsafe index.view.trusted(Int(place & mask)).pointee }

    @inline(__always)
    func prefetchIndex(_ hash: UInt32) { index.view.prefetch(Int(hash & mask)) }

    @inline(__always)
    func prefetchConnection(_ hash: UInt32) {
        let word = indexWord(hash)
        if UInt32(truncatingIfNeeded: word) == hash, word != 0 { pool.prefetch(Int(word >> 32 & 0x7fff_ffff) &- 1) }
    }

    /// The connection of a flow, either direction.
    @inline(never)
    func find(_ flow: Flow) -> Match { find(flow, hash: hash(flow)) }

    /// The same for a flow whose hash is known: what a batch asks for every packet.
    @inline(__always)
    func find(_ flow: Flow, hash: UInt32) -> Match {
        var place = hash
        while true {
            let word = indexWord(place)
            if word == 0 { return .none }
            if UInt32(truncatingIfNeeded: word) == hash {
                let id = ConnectionID(truncatingIfNeeded: word >> 32 & 0x7fff_ffff) &- 1
                let match = compare(flow, id, isReplyWord: word >> 63 != 0)
                if match.id >= 0 { return match }
            }
            place &+= 1
        }
    }

    @inline(__always)
    private func compare(_ flow: Flow, _ id: ConnectionID, isReplyWord: Bool) -> Match {
        guard self[id].proto == flow.proto, !self[id].flags.contains(.template) else { return .none }
        if isReplyWord {
            guard self[id].serverAddress == flow.source, self[id].serverPort == flow.sourcePort else { return .none }
            if self[id].method == .fullNAT {
                guard self[id].localAddress == flow.destination,
                    self[id].localPort == flow.destinationPort
                else { return .none }
            } else {
                guard self[id].client == flow.destination,
                    self[id].clientPort == flow.destinationPort
                else { return .none }
            }
            return Match(id: id, isReply: true)
        }
        if self[id].client == flow.source, self[id].virtual == flow.destination,
            self[id].clientPort == flow.sourcePort, self[id].virtualPort == flow.destinationPort, self[id].isFoundByClient
        {
            return Match(id: id, isReply: false)
        }
        // A reply of a server that answers under the virtual address and happens to pass here.
        if self[id].client == flow.destination, self[id].virtual == flow.source,
            self[id].clientPort == flow.destinationPort, self[id].virtualPort == flow.sourcePort,
            !self[id].translates
        {
            return Match(id: id, isReply: true)
        }
        return .none
    }

    /// The template for a client (already masked, without a port but in what others say) and a virtual address and port; `matches` tells apart what a persistence
    /// engine distinguishes.
    func findTemplate(
        client: IPAddress, clientPort: UInt16 = 0, virtual: IPAddress, virtualPort: UInt16, proto: UInt8,
        where matches: (ConnectionID) -> Bool = { _ in true }
    ) -> ConnectionID? {
        let hash = hash(client, clientPort, virtual, virtualPort, proto)
        var place = hash & mask
        while true {
            let word = index[Int(place)]
            if word == 0 { return nil }
            if UInt32(truncatingIfNeeded: word) == hash {
                let id = ConnectionID(truncatingIfNeeded: word >> 32 & 0x7fff_ffff) &- 1
                let entry = self[id]
                if entry.flags.contains(.template), entry.proto == proto, entry.client == client, entry.virtual == virtual,
                    entry.virtualPort == virtualPort, entry.clientPort == clientPort, matches(id)
                {
                    return id
                }
            }
            place = (place &+ 1) & mask
        }
    }

    mutating func link(_ id: ConnectionID) {
        let entry = self[id]
        insertWord(
            hash(entry.client, entry.clientPort, entry.virtual, entry.virtualPort, entry.proto), id, isReply: false,
            isFirst: !entry.flags.contains(.template) && !entry.isFoundByClient)
        if entry.translates, !entry.flags.contains(.template) {
            self[id].flags.insert(.indexedForReplies)
            insertWord(replyHash(entry), id, isReply: true, isFirst: true)
        }
    }

    mutating func unlink(_ id: ConnectionID) {
        let entry = self[id]
        removeWord(hash(entry.client, entry.clientPort, entry.virtual, entry.virtualPort, entry.proto), id, isReply: false)
        if entry.flags.contains(.indexedForReplies) {
            self[id].flags.remove(.indexedForReplies)
            removeWord(replyHash(entry), id, isReply: true)
        }
    }

    private func replyHash(_ entry: Connection) -> UInt32 {
        entry.method == .fullNAT
            ? hash(entry.serverAddress, entry.serverPort, entry.localAddress, entry.localPort, entry.proto)
            : hash(entry.serverAddress, entry.serverPort, entry.client, entry.clientPort, entry.proto)
    }

    /// Among connections with the same reply endpoints (a client's, to one server through several virtual ports; all that only
    /// replies find) the newest is found first: words of the same hash move back by one.
    private func insertWord(_ hash: UInt32, _ id: ConnectionID, isReply: Bool, isFirst: Bool) {
        var place = hash & mask
        var carried = word(hash, id, isReply)
        while index[Int(place)] != 0 {
            let standing = index[Int(place)]
            if isFirst, UInt32(truncatingIfNeeded: standing) == hash {
                index[Int(place)] = carried
                carried = standing
            }
            place = (place &+ 1) & mask
        }
        index[Int(place)] = carried
    }

    private func removeWord(_ hash: UInt32, _ id: ConnectionID, isReply: Bool) {
        let wanted = word(hash, id, isReply)
        var place = hash & mask
        while index[Int(place)] != wanted {
            precondition(index[Int(place)] != 0, "connection \(id) is not in the index")
            place = (place &+ 1) & mask
        }
        // Words that were pushed past this place move back, so that no search ends here too early.
        var hole = place
        var probe = (place &+ 1) & mask
        while true {
            let moving = index[Int(probe)]
            if moving == 0 { break }
            let home = UInt32(truncatingIfNeeded: moving) & mask
            if (probe &- home) & mask >= (probe &- hole) & mask {
                index[Int(hole)] = moving
                hole = probe
            }
            probe = (probe &+ 1) & mask
        }
        index[Int(hole)] = 0
    }

    @inline(__always)
    private func word(_ hash: UInt32, _ id: ConnectionID, _ isReply: Bool) -> UInt64 {
        UInt64(hash) | UInt64(UInt32(bitPattern: id &+ 1)) << 32 | (isReply ? 1 << 63 : 0)
    }
}
