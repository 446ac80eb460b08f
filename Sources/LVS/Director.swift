public import Wire

/// The director: frames, commands and time go in; frames, counters and reasons come out. It owns no socket, no clock and
/// no thread, so the same engine runs live, replays a capture to the byte, explains a packet and is fuzzed.
///
/// This file is a packet's journey in order: a batch is looked at (`process`), each frame is directed (`direct`), a packet of
/// a known connection is counted, observed and forwarded (`known`); everything else has a file named after what happens there.
/// What belongs to one packet alone travels with it in a `PacketContext`; what the director keeps lies in the groups below,
/// and `docs/internals/state.md` says who changes which.
///
/// Methods are `mutating` where they change something, and also where they only look but are called on the path of a packet
/// and not inlined: the compiler lends a struct that may not be copied to a method that borrows it by copying it to the
/// stack as a whole, whereas `mutating` takes its address. What needs no director is asked of `Packet`, `Flow`, `Network`,
/// or of the group that knows.
public struct Director: ~Copyable {
    /// The host: its network, what is played of it, and what is derived from that.
    var host: HostView
    /// What commands set up: virtual services, synchronisation daemons.
    var services: ServiceTable
    /// The services' real servers, and those that only connections still know.
    var servers: ServerPool
    /// Connections and templates with all that hangs on them.
    var connections: ConnectionState
    /// What is said to other directors of connections, and what they said.
    var synchronisation = Synchronisation()
    /// Fragments that wait for the rest of their datagrams.
    var reassembly = ReassemblyTable()
    /// Time, what time brings, chance, defences.
    var clockwork: Clockwork
    /// Packets and bytes by service and in all.
    var traffic: TrafficCounters
    /// Flows that somebody carries past the director.
    var carrying: Carrying
    /// Packets of known connections are looked at before they count: they may be the host's, or flows are carried.
    var looksAtKnown = false
    /// Frames by verdict.
    public internal(set) var verdicts: VerdictCounters
    public var tunables = Tunables() { didSet { tunablesChanged(from: oldValue) } }
    /// Rules that mark packets before services are looked up, for IPv4 and IPv6.
    public var marks4 = MarkRules(family: .v4) { didSet { host.virtuals.outdate() } }
    public var marks6 = MarkRules(family: .v6) { didSet { host.virtuals.outdate() } }
    /// The host's own rules, of which only what they drop matters.
    public var firewall4 = MarkRules(family: .v4)
    public var firewall6 = MarkRules(family: .v6)
    /// What the director made itself during the last batch; sent after the batch.
    public internal(set) var outbox = Outbox()
    private let parsed: Slab<ParsedFrame>
    /// What is kept for the next director beside records: addresses that schedulers remember, path MTUs.
    var remembered: RememberedAddresses
    var learnedMTUs: MTURecords
    /// Where that lies which outlives a director.
    let memory: StateMemory
    /// The memory, where it is the director's own.
    private let own: Slab<UInt8>?

    /// What was seen of a frame before its turn came.
    struct ParsedFrame: BitwiseCopyable {
        var packet: Packet
        var hash: UInt32
        var verdict: Verdict
        var server: ServerID
    }

    /// Frames that are looked at together, so that the memory they need is on its way when their turn comes.
    private static var group: Int { 32 }
    /// How many turns before its own a frame's connection is asked for: more at once than a processor has on their way would wait.
    private static var foresight: Int { 8 }
    /// Frames of the largest batch.
    public static var largestBatch: Int { 256 }

    /// A director without services.
    /// - Parameters:
    ///   - connections: how many connections and templates it can hold; memory is touched as they come.
    ///   - seed: feeds hash keys and the generator; the same seed makes the same choices.
    ///   - now: the clock's first reading.
    public init(connections capacity: Int = 1 << 20, seed: UInt64 = 0, hostEmulation: HostEmulation = .everything, at now: Instant = 0) {
        let own = Slab<UInt8>(capacity: StateMemory.size(connections: capacity))
        let memory = unsafe StateMemory(own: own.view.memory, connections: capacity, seed: seed)
        self.init(in: memory, own: own, hostEmulation, at: now)
    }

    /// A director whose connections, servers and counters lie in memory that outlives it. What another one left there waits:
    /// to be called next are the commands that make its services and servers again, then `adopt`, before the first frame.
    public init(in memory: StateMemory, hostEmulation: HostEmulation = .everything, at now: Instant = 0) {
        self.init(in: memory, own: nil, hostEmulation, at: now)
    }

    private init(in memory: StateMemory, own: consuming Slab<UInt8>?, _ hostEmulation: HostEmulation, at now: Instant) {
        self.memory = memory
        self.own = own
        host = HostView(emulation: hostEmulation)
        services = ServiceTable(in: memory)
        servers = ServerPool(in: memory)
        connections = ConnectionState(in: memory, at: now)
        traffic = TrafficCounters(in: memory)
        carrying = Carrying(in: memory)
        remembered = RememberedAddresses(in: memory)
        learnedMTUs = MTURecords(in: memory)
        verdicts = VerdictCounters(in: memory)
        clockwork = Clockwork(seed: memory.seed, at: now)
        parsed = Slab(capacity: Self.largestBatch)
        if memory.isInherited { servers.inherit(from: services.slots) }
    }

    /// Directs every frame of a batch. Frames with an `egress` afterwards are to be sent as they are now; then those in
    /// `outbox`. Call `advance(to:)` first when time has passed.
    public mutating func process(_ batch: inout Batch, at now: Instant) {
        var context = PacketContext()
        process(&batch, at: now, &context)
    }

    @inline(never)
    private mutating func process(_ batch: inout Batch, at now: Instant, _ context: inout PacketContext) {
        clockwork.reach(now)
        outbox.removeAll()
        host.follow()
        followVirtualAddresses()
        let parsed = self.parsed.view
        var first = 0
        while first < batch.count {
            let end = min(first &+ Self.group, batch.count)
            for i in first..<end { parse(batch[i], as: i) }
            for i in first..<min(first &+ Self.foresight, end) { prefetch(parsed[i]) }
            for i in first..<end {
                if i &+ Self.foresight < end { prefetch(parsed[i &+ Self.foresight]) }
                let verdict = direct(&batch[i], &parsed[i].packet, parsed[i].hash, &context)
                parsed[i].verdict = verdict
                parsed[i].server = context.countedServer
                verdicts.count(verdict)
            }
            first = end
        }
        noteProgress()
    }

    /// Directs the one frame of a batch like `process`, and says why it went where it went.
    @inline(never)
    public mutating func explain(_ batch: inout Batch, at now: Instant) -> Explanation {
        let recorder = ExplanationRecorder()
        guard batch.count == 1 else { return recorder.explanation }
        let frame = batch[0]
        let packet = Packet(frame)
        if packet.kind == .ip {
            if frame.offload.isSuperframe { recorder.longestSegment = Segmentation(frame, packet)?.longest }
            noteKnown(packet, frame, at: now, recorder)
        }
        var context = PacketContext(recorder: recorder)
        process(&batch, at: now, &context)
        noteOutcome(packet, frame, verdict(of: 0), recorder)
        return recorder.explanation
    }

    /// The verdict on a frame of the batch that was processed last.
    public func verdict(of frame: Int) -> Verdict { parsed[frame].verdict }

    /// The real server that a frame of the last batch went to or came from.
    public func server(of frame: Int) -> ServerKey? { parsed[frame].server >= 0 ? servers[parsed[frame].server].key : nil }

    /// The service that a frame of the last batch belonged to.
    public func service(of frame: Int) -> ServiceKey? {
        parsed[frame].server >= 0 ? services[servers[parsed[frame].server].service]?.key : nil
    }

    /// The clock's last reading.
    public var now: Instant { clockwork.now }

    @inline(__always)
    private func parse(_ frame: Frame, as place: Int) {
        parsed[place].packet = Packet(frame)
        guard parsed[place].packet.kind == .ip else { return }
        let flow = parsed[place].packet.flow
        let hash = connections.table.hash(flow)
        parsed[place].hash = hash
        connections.table.prefetchIndex(hash)
    }

    @inline(__always)
    private func prefetch(_ frame: ParsedFrame) {
        if frame.packet.kind == .ip { connections.table.prefetchConnection(frame.hash) }
    }

    /// One frame's way through the director.
    @inline(__always)
    mutating func direct(_ frame: inout Frame, _ packet: inout Packet, _ hash: UInt32, _ context: inout PacketContext) -> Verdict {
        frame.egress = 0
        context.countedServer = -1
        guard packet.kind == .ip else { return answerNeighbor(frame, packet) }
        guard host.interfaces.isMine(frame) else {
            return frame.isHostsOwn ? directOwn(&frame, packet, &context) : notMine(frame, packet)
        }
        guard !packet.takesSlowPath else { return directOnSlowPath(&frame, packet, &context) }
        guard services.hasServices(packet.family) else { return passServiceless(&frame, packet, &context) }
        guard packet.isBalanced else { return directOther(&frame, packet, &context) }

        let match = connections.table.find(packet.flow, hash: hash)
        guard match.id >= 0 else { return setUpConnection(&frame, packet, &context) }
        return match.isReply ? reply(&frame, packet, match.id, &context) : known(&frame, &packet, match.id, &context)
    }

    /// A packet of a known connection, from the client's side.
    @inline(__always)
    mutating func known(_ frame: inout Frame, _ packet: inout Packet, _ id: ConnectionID, _ context: inout PacketContext) -> Verdict {
        if looksAtKnown, let verdict = lookAtKnown(&frame, packet, id, &context) { return verdict }
        guard !packet.opensConnection else { return openAgain(&frame, packet, id, &context) }
        guard isServed(id) else { return unserved(&frame, packet, id, &context) }
        countRequest(id, packet, &context)
        trackState(id, packet, isReply: false)
        return forward(&frame, &packet, id, &context)
    }
}
