import Wire

/// What the director knows of flows that a carrier carries past it. While there is no carrier, nothing of this is looked at.
struct Carrying: ~Copyable {
    /// What is known of a carried flow, at the same place as its connection's record.
    struct Mark: BitwiseCopyable {
        /// When it was handed over.
        var since: Instant = 0
        /// The round in which it was handed over.
        var round: UInt32 = 0
    }

    /// What is carried to a server.
    struct Server: BitwiseCopyable {
        /// How often its flows were taken back all at once.
        var round: UInt32 = 0
        /// Flows that are carried now.
        var flows: Int32 = 0
        /// Place in `known`, plus 1; 0 without one.
        var place: Int32 = 0
        var egress: Int32 = 0
        var mtu: Int32 = 0
        var destination = MACAddress.zero
        var source = MACAddress.zero
    }

    private(set) var carrier: (any FlowCarrier)?
    /// There is one: what the path of a packet asks.
    private(set) var isOn = false
    private(set) var marks = Slab<Mark>(capacity: 1)
    /// One bit for each place of a connection, so that those that are not carried touch little memory.
    private var marked = Slab<UInt64>(capacity: 1)
    private(set) var servers = Slab<Server>(capacity: 1)
    /// Servers that something is carried to, or was since they were last accounted.
    private(set) var known: [ServerID] = []
    /// What carriers had counted of each server when it was last accounted, kept for the next director.
    let accounted: SlabView<CarriedCounters>
    let backing: BlockBacking
    /// How often everything was taken back at once.
    private(set) var round: UInt32 = 0
    /// Connections whose flows may be handed over when what they sent has left.
    private(set) var candidates = Slab<ConnectionID>(capacity: 1)
    private(set) var candidateCount = 0
    /// Something was taken back since the carrier was last waited for.
    var isUnsettled = false
    /// It is waited for later.
    var settlesLater = false
    /// Servers that have left their services since then, with those.
    var late: [(server: ServerID, service: Int32)] = []
    /// Flows that were taken back with others and of which the carrier still knows what it saw.
    var uncollected = 0
    /// Where the next of them is looked for.
    var hand: ConnectionID = 0
    /// The carrier takes no more until then.
    var refusedUntil: Instant = 0
    /// Something else forbids that flows are carried: somebody wants to see every frame.
    var isPaused = false
    var policy = CarryingPolicy()
    var counters = CarryingCounters()
    /// Of the network and of who has the virtual addresses, as they were when flows were last judged by them.
    var generation: UInt32 = 0

    init(in memory: StateMemory) {
        accounted = memory.carried
        backing = memory.layout.carried.backed(by: memory.backing)
    }

    /// Whether a connection's flow is carried, or was and what was seen of it is not read yet.
    func has(_ id: ConnectionID) -> Bool { marked[Int(id) >> 6] >> UInt64(id & 63) & 1 != 0 }

    /// Begins with nothing that is carried.
    mutating func begin(_ carrier: any FlowCarrier, connections: Int) {
        (self.carrier, isOn) = (carrier, true)
        marks = Slab(capacity: connections)
        marked = Slab(capacity: connections / 64 + 1)
        servers = Slab(capacity: ServerPool.capacity)
        candidates = Slab(capacity: Director.largestBatch)
        forgetAll()
        counters = CarryingCounters()
    }

    mutating func end() {
        (carrier, isOn) = (nil, false)
        forgetAll()
    }

    /// From now on what is carried is only looked at.
    mutating func leave() {
        guard let carrier, !(carrier is SeenCarrier) else { return }
        self.carrier = SeenCarrier(carrier)
    }

    private mutating func forgetAll() {
        (known, candidateCount, uncollected, late, isUnsettled) = ([], 0, 0, [], false)
    }

    /// The round in which flows to a server are handed over now: it grows whenever one of its parts does.
    func round(of server: ServerID) -> UInt32 { round &+ servers[Int(server)].round }

    /// A flow's connection may be handed over at the end of the batch.
    mutating func add(candidate id: ConnectionID) {
        guard candidateCount < candidates.capacity, candidateCount == 0 || candidates[candidateCount - 1] != id else { return }
        candidates[candidateCount] = id
        candidateCount += 1
    }

    mutating func clearCandidates() { candidateCount = 0 }

    /// A flow to a server is carried from now on.
    mutating func note(_ id: ConnectionID, to server: ServerID, _ way: CarriedWay, at now: Instant) {
        let place = Int(server)
        marks[Int(id)] = Mark(since: now, round: round(of: server))
        marked[Int(id) >> 6] |= 1 << UInt64(id & 63)
        if servers[place].place == 0 {
            known.append(server)
            servers[place].place = Int32(known.count)
        }
        (servers[place].egress, servers[place].mtu) = (way.egress, way.mtu)
        (servers[place].destination, servers[place].source) = (way.destination, way.source)
        servers[place].flows += 1
        counters.flows += 1
        counters.handedOver += 1
    }

    /// Nothing more is to be accounted of a known server; the last one takes its place.
    mutating func leaveOut(at place: Int) {
        servers[Int(known[place])].place = 0
        let last = known.removeLast()
        guard place < known.count else { return }
        known[place] = last
        servers[Int(last)].place = Int32(place + 1)
    }

    /// Whether a server's flows still go the way that they were handed over with.
    func isUnchanged(_ server: ServerID, _ way: CarriedWay?) -> Bool {
        guard let way else { return false }
        let known = servers[Int(server)]
        return (known.egress, known.mtu) == (way.egress, way.mtu) && (known.destination, known.source) == (way.destination, way.source)
    }

    /// Whether a flow was taken back with others, and what was seen of it is not read yet.
    func isTakenBack(_ id: ConnectionID, to server: ServerID) -> Bool { marks[Int(id)].round != round(of: server) }

    /// A connection as it would be if everything that was carried of it had passed the director.
    func upToDate(_ connection: Connection, at id: ConnectionID) -> Connection {
        guard let carrier, has(id), let progress = carrier.progress(of: connection.clientFlow) else { return connection }
        var connection = connection
        connection.take(progress)
        return connection
    }

    /// Since when a connection's packets are carried, and how many were; `nil` where they are not.
    func standing(of connection: Connection, at id: ConnectionID, _ now: Instant) -> Explanation.Carried? {
        guard let carrier, has(id), !isTakenBack(id, to: connection.server) else { return nil }
        let packets = carrier.progress(of: connection.clientFlow)?.packets ?? 0
        return Explanation.Carried(time: max(now - marks[Int(id)].since, 0), packets: packets)
    }

    /// A flow that is carried no more is forgotten.
    mutating func forget(_ id: ConnectionID, to server: ServerID, _ reason: TakeBackReason) {
        if !isTakenBack(id, to: server) {
            isUnsettled = true
            servers[Int(server)].flows -= 1
            counters.flows -= 1
            counters.takenBack[reason, default: 0] += 1
        } else {
            uncollected -= 1
        }
        marked[Int(id) >> 6] &= ~(1 << UInt64(id & 63))
    }

    /// All flows to a server are carried no more.
    mutating func end(_ server: ServerID, _ reason: TakeBackReason) {
        let flows = Int(servers[Int(server)].flows)
        servers[Int(server)].round &+= 1
        servers[Int(server)].flows = 0
        note(ended: flows, reason)
    }

    /// Nothing is carried any more.
    mutating func endAll(_ reason: TakeBackReason) {
        round &+= 1
        for server in known { servers[Int(server)].flows = 0 }
        note(ended: Int(counters.flows), reason)
    }

    private mutating func note(ended flows: Int, _ reason: TakeBackReason) {
        guard flows > 0 else { return }
        isUnsettled = true
        uncollected += flows
        counters.flows -= UInt64(flows)
        counters.takenBack[reason, default: 0] += UInt64(flows)
    }
}

extension Connection {
    /// The flow of its client's packets.
    var clientFlow: Flow {
        Flow(source: client, sourcePort: clientPort, destination: virtual, destinationPort: virtualPort, proto: proto)
    }

    /// Packets and time that it got by frames that were carried.
    mutating func take(_ progress: CarriedProgress) {
        guard progress.packets > 0 else { return }
        packetsIn &+= UInt32(truncatingIfNeeded: progress.packets)
        expires = max(expires, progress.lastSeen &+ progress.timeout)
    }
}

/// From when on a flow is worth being handed over. A short connection costs less when the director sees all of it.
public struct CarryingPolicy: Hashable, Sendable {
    /// Packets of the client's in an established TCP connection's life.
    public var packetsTCP: UInt32 = 10
    /// Datagrams.
    public var packetsUDP: UInt32 = 3

    public init() {}
}

/// Why a flow is carried no more.
public enum TakeBackReason: String, CaseIterable, Sendable {
    /// Its connection has left the state in which every packet is treated alike, by a FIN or RST of either side, or its client
    /// begins a new one.
    case state
    /// Its connection was silent for too long, or had to go.
    case expiry
    /// Server or service were removed, or the server resets what it has.
    case server
    /// Interface, MAC addresses, MTU or route to the server have changed.
    case way
    /// It has changed who has the virtual addresses.
    case addresses
    /// Timeouts were set.
    case timeouts
    /// Something wants to see every frame: a recording, a defence against floods, a synchronisation daemon.
    case pause
}

/// How much is carried, and was.
public struct CarryingCounters: Hashable, Sendable {
    /// Flows that are carried now.
    public var flows: UInt64 = 0
    /// Frames that were carried, as far as they are accounted.
    public var frames: UInt64 = 0
    /// Flows that were handed over.
    public var handedOver: UInt64 = 0
    /// Flows that were taken back.
    public var takenBack: [TakeBackReason: UInt64] = [:]

    public init() {}
}
