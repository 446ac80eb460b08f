internal import CLinux
internal import Glibc
public import Wire

/// A live interface read through a TPACKET_V2 ring (Documentation/networking/packet_mmap.rst): the kernel writes frames
/// into shared memory, and the engine works on them where they lie.
///
/// Slots hold ordinary frames; a superframe comes whole through the socket's queue instead. Frames are for this host or
/// for everybody (broadcast, multicast); what is for another host or was sent by this one is left out.
public final class RingLink: LiveLink {
    public static let scheme = "ring"

    private let socket: PacketSocket
    private let transmitter: PacketTransmitter
    private let ring: UnsafeMutableRawPointer
    private let slots: Int
    // A link is used by one thread, a call at a time, and none of its methods comes back to it: what every frame changes is not
    // asked about at run time.
    /// The next slot to look at.
    @exclusivity(unchecked) private var next = 0
    /// Slots before `next` that still belong to the reader: those of the last receive, and before them those that are lent.
    @exclusivity(unchecked) private var taken = 0
    @exclusivity(unchecked) private var lent = 0
    @exclusivity(unchecked) public private(set) var passage: UInt64 = 0
    /// Superframes of the last receive, and how many.
    @exclusivity(unchecked) private var superframes = FrameStore(capacity: mostSuperframes)
    @exclusivity(unchecked) private var stored = 0
    /// Whose frames others send; nothing while the link sends alone.
    @exclusivity(unchecked) private var loans: SlotLoans?
    @exclusivity(unchecked) private var lends = false
    private let queue: OpaquePointer
    @exclusivity(unchecked) private var linkState = LinkState()
    @exclusivity(unchecked) private var counts = LinkCounters()

    private let slotSize: Int
    private let position: RingPosition
    /// Where the position stands that outlives nobody.
    private let ownWord: Slab<UInt64>
    /// Bytes asked for in front of each frame (PACKET_RESERVE). With the kernel's own padding more than 128 are left even
    /// after a VLAN tag came back, and a frame begins where a cache line does, at byte 192 of its slot.
    private static var reserve: Int { 116 }
    /// Slots ahead of the one that is read, whose first bytes are asked for.
    private static var foresight: Int { 3 }
    /// Frames that are worth a batch of their own while another one is sent.
    private static var plenty: Int { 32 }
    /// Superframes of one receive at most.
    static var mostSuperframes: Int { 64 }

    public static func open(on interfaceName: String, filter: PacketFilter, group: UInt16?) throws(LinkError) -> LinkSockets {
        try open(on: interfaceName, filter: filter, group: group, slots: 4096)
    }

    /// A ring of `slots` frames, rounded up to whole blocks of 64 kB; a slot has 2 kB for ordinary Ethernet, more for jumbo
    /// frames.
    public static func open(on interfaceName: String, filter: PacketFilter, group: UInt16?, slots: Int) throws(LinkError) -> LinkSockets {
        let socket = try PacketSocket(on: interfaceName, receives: true)
        try socket.attach(filter)
        let sender = try PacketSocket(sendingOn: interfaceName)
        let shape = RingShape(slots: slots, of: slotSize(mtu: socket.mtu))
        try socket.check(
            svs_packet_ring(
                socket.descriptor, UInt32(RingShape.blockSize), UInt32(shape.blocks), UInt32(shape.slotSize), UInt32(reserve)),
            "making a receive ring of \(shape.bytes >> 10) kB")
        try socket.bind()
        if let group { try socket.join(group: group) }
        return LinkSockets(receiver: socket, sender: sender, ring: shape)
    }

    /// Maps the ring. What a reader before this one had begun to read will be given back unread: it may be half rewritten, or
    /// sent already.
    public init(_ sockets: LinkSockets, position: RingPosition?) throws(LinkError) {
        socket = sockets.receiver
        guard let shape = sockets.ring else { throw LinkError("interface \(socket.interfaceName): the socket has no ring") }
        slots = shape.slots
        slotSize = shape.slotSize
        ownWord = Slab(capacity: 1)
        self.position = position ?? RingPosition(ownWord.view)
        transmitter = PacketTransmitter(sockets.sender)
        guard let queue = svs_packets_new(1) else {
            throw LinkError("interface \(socket.interfaceName): no memory for message headers")
        }
        self.queue = queue
        var memory: UnsafeMutableRawPointer?
        let result = svs_packet_map(socket.descriptor, UInt64(shape.bytes), &memory)
        guard result == 0, let memory else {
            svs_packets_free(queue)
            throw socket.failure("mapping a receive ring of \(shape.bytes >> 10) kB", result)
        }
        ring = memory
        // The first receive gives back what was begun.
        (next, taken) = (self.position.next % slots, min(self.position.taken, slots))
    }

    deinit {
        svs_packet_unmap(ring, UInt64(slots * slotSize))
        svs_packets_free(queue)
    }

    public var interface: Int32 { socket.interface }
    public var descriptor: Int32 { socket.descriptor }

    /// A ring whose last slot is still with the reader makes poll(2) return at once, so slots go back first. A holder that has
    /// others send waits for news only (EPOLLET).
    public var wantsPoll: Bool { taken == lent && (lent == 0 || !hasArrivals) }

    public var hasArrivals: Bool { taken < slots && svs_ring_is_filled(slot(next)) == 1 }

    public var sendingSocket: PacketSocket? { transmitter.socket }

    public var filter: PacketFilter { socket.filter }

    public func attach(_ filter: PacketFilter) throws(LinkError) { try socket.attach(filter) }

    public var counters: LinkCounters {
        counts.missed &+= socket.missed()
        var all = counts
        if let loans { all.add(loans.threads.counters(of: transmitter.socket)) }
        return all
    }

    public func receive(into batch: inout Batch) throws(LinkError) {
        returnSlots()
        var packet = svs_packet()
        stored = 0
        let before = taken
        while !batch.isFull, taken < slots, svs_ring_look(slot(next), &packet) == 1 {
            if packet.queued == 1, stored == Self.mostSuperframes { break }
            let current = slot(next)
            // Before anything of the slot is changed.
            next = following(next)
            taken &+= 1
            position.note(next: next, taken: taken)
            if packet.queued == 1 {
                takeSuperframe(packet, into: &batch)
            } else {
                lookAhead(packet.frame - current)
                take(packet, at: current, into: &batch)
            }
        }
        passage &+= UInt64(taken &- before)
        if taken > before { linkState.carried() } else { try linkState.nothingArrived(at: socket, sending: transmitter) }
    }

    /// Processors may fill slots side by side, so that one stays empty for a moment in front of others.
    private static var mostProcessors: Int { 16 }

    public var arrivals: UInt64 {
        func isFilled(_ place: Int) -> Bool { svs_ring_is_filled(slot((next &+ place) % slots)) == 1 }
        let free = slots - taken
        // Filled slots are those up to one that is found by halves, and some behind it.
        var end = 0, limit = free
        while end < limit {
            let middle = (end + limit) / 2
            if isFilled(middle) { end = middle + 1 } else { limit = middle }
        }
        var place = end
        while place < min(end + Self.mostProcessors, free) {
            if isFilled(place) { end = place + 1 }
            place += 1
        }
        return passage &+ UInt64(end)
    }

    public var framesInHand: FramesInHand {
        var hand = FramesInHand()
        hand.count = taken
        var bytes = [UInt8](repeating: 0, count: slotSize), arrival: UInt64 = 0
        for place in 0..<taken {
            let slot = slot((next - taken + place + slots) % slots)
            let length = Int(svs_ring_copy(slot, UInt32(slotSize), &bytes, &arrival))
            if length > 0 { hand.frames.append((Array(bytes[..<length]), arrival)) }
        }
        return hand
    }

    /// Asks for the memory of a slot that is read soon.
    /// - Parameter place: where the frame begins in the slot that is read now, as most do.
    @inline(__always)
    private func lookAhead(_ place: Int) {
        let ahead = next &+ Self.foresight
        let slot = slot(ahead < slots ? ahead : ahead &- slots)
        svs_prefetch(slot)
        svs_prefetch(slot + place)
    }

    @inline(__always)
    private func following(_ index: Int) -> Int { index &+ 1 == slots ? 0 : index &+ 1 }

    public func transmit(_ batch: borrowing Batch) throws(LinkError) {
        transmitter.send(batch, through: interface, counting: &counts)
    }

    /// The smallest slot that holds a whole frame with what stands before it; MTUs beyond jumbo frames (the loopback's, for
    /// example) come through the queue.
    private static func slotSize(mtu: Int) -> Int {
        [2048, 4096, 16_384].first { mtu + 18 + reserve + 128 <= $0 } ?? 2048
    }

    @inline(__always)
    private func slot(_ index: Int) -> UnsafeMutableRawPointer { ring + index &* slotSize }

    public func giveBack() {
        loans?.threads.drain()
        returnSlots()
    }

    public func use(_ threads: SendingThreads) -> Bool {
        loans = SlotLoans(to: threads)
        lends = true
        return true
    }

    public func lend(until batch: UInt64) {
        loans?.add(taken - lent, batch, usedStore: stored > 0)
        lent = taken
    }

    private func returnSlots() {
        guard !lends else { return returnLentSlots() }
        giveBack(taken)
    }

    /// Those that are sent, and then those that held nothing for the director.
    @inline(never)
    private func returnLentSlots() {
        // Where few frames wait, more come while those before them are sent: a thread is woken for many rather than for each.
        let isPlenty = svs_ring_is_filled(slot((next &+ Self.plenty) % slots)) == 1
        while let ended = loans?.takeEnded(leaving: isPlenty ? 1 : 0) {
            giveBack(ended)
            lent -= ended
        }
        if lent == 0 { giveBack(taken) }
    }

    /// Gives back the oldest slots.
    private func giveBack(_ count: Int) {
        var index = next - taken
        if index < 0 { index += slots }
        let left = taken - count
        while taken > left {
            svs_ring_return(slot(index))
            index = following(index)
            taken &-= 1
            position.note(next: next, taken: taken)
        }
    }

    @inline(__always)
    private func take(_ packet: svs_packet, at slot: UnsafeMutableRawPointer, into batch: inout Batch) {
        guard packet.type < UInt8(SVS_PACKET_OTHERHOST) else { return }
        guard packet.length == packet.arrived, let bytes = packet.frame else { return counts.truncated &+= 1 }
        let buffer = slot + Int(SVS_RING_HEADER)
        append(
            Frame(
                buffer: buffer, capacity: slotSize - Int(SVS_RING_HEADER), headroom: bytes - buffer,
                length: Int(packet.length), ingress: interface), packet, to: &batch)
    }

    @inline(never)
    private func takeSuperframe(_ slot: svs_packet, into batch: inout Batch) {
        if stored == 0, let loans { superframes = loans.nextStore() }
        if takeQueued(slot, into: &batch, at: stored) { stored += 1 }
    }

    /// Takes the whole of a frame that its slot could not hold from the socket's queue, where it stands in ring order;
    /// true when it was kept in `superframes`.
    private func takeQueued(_ slot: svs_packet, into batch: inout Batch, at place: Int) -> Bool {
        // A frame left over from a receive that failed has another length: it is passed over, or the ring and the queue
        // would stay out of step for good.
        for _ in 0..<64 {
            let entry = svs_packets_entries(queue)!
            svs_packets_place(queue, 0, superframes.start(place), UInt32(FrameStore.room))
            let result = svs_packets_receive(queue, socket.descriptor, 1)
            if result == -EINTR { continue }
            guard result == 1 else { break }
            guard entry.pointee.arrived == slot.arrived else { continue }
            guard entry.pointee.length == slot.arrived else { break }
            guard slot.type < UInt8(SVS_PACKET_OTHERHOST) else { return false }
            var whole = slot
            whole.offload = entry.pointee.offload
            append(superframes.frame(place, length: Int(slot.arrived), ingress: interface), whole, to: &batch)
            return true
        }
        counts.truncated &+= 1
        return false
    }

    @inline(__always)
    private func append(_ bare: Frame, _ packet: svs_packet, to batch: inout Batch) {
        var frame = bare
        frame.offload = Offload(packet.offload)
        if packet.tag_protocol != 0 {
            guard frame.putBackTag(protocol: packet.tag_protocol, control: packet.tag_control) else {
                return counts.truncated &+= 1
            }
        }
        counts.received &+= 1
        batch.append(frame)
    }
}
