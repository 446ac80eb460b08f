internal import CLinux
internal import Glibc
public import Wire

/// A live interface read with recvmmsg(2) into buffers that hold a whole superframe each: simpler than the ring and a
/// tenth slower, for kernels and interfaces where a ring cannot be had. What arrives is the same.
public final class SocketLink: LiveLink {
    public static let scheme = "socket"

    private let socket: PacketSocket
    private let transmitter: PacketTransmitter
    private let store = FrameStore(capacity: 64)
    private let packets: OpaquePointer
    private let entries: UnsafeMutablePointer<svs_packet>
    // A link is used by one thread, a call at a time, and none of its methods comes back to it: what every frame changes is not
    // asked about at run time.
    @exclusivity(unchecked) private var linkState = LinkState()
    @exclusivity(unchecked) private var counts = LinkCounters()
    @exclusivity(unchecked) public private(set) var wantsPoll = true

    public static func open(on interfaceName: String, filter: PacketFilter, group: UInt16?) throws(LinkError) -> LinkSockets {
        let socket = try PacketSocket(on: interfaceName, receives: true)
        try socket.attach(filter)
        let sender = try PacketSocket(sendingOn: interfaceName)
        try socket.bind()
        if let group { try socket.join(group: group) }
        return LinkSockets(receiver: socket, sender: sender)
    }

    public init(_ sockets: LinkSockets, position: RingPosition? = nil) throws(LinkError) {
        socket = sockets.receiver
        transmitter = PacketTransmitter(sockets.sender)
        guard let packets = svs_packets_new(UInt32(store.capacity)) else {
            throw LinkError("interface \(socket.interfaceName): no memory for message headers")
        }
        self.packets = packets
        entries = svs_packets_entries(packets)
        for place in 0..<store.capacity { svs_packets_place(packets, UInt32(place), store.start(place), UInt32(FrameStore.room)) }
    }

    deinit { svs_packets_free(packets) }

    public var interface: Int32 { socket.interface }
    public var descriptor: Int32 { socket.descriptor }

    public var filter: PacketFilter { socket.filter }

    public func attach(_ filter: PacketFilter) throws(LinkError) { try socket.attach(filter) }

    public var counters: LinkCounters {
        counts.missed &+= socket.missed()
        return counts
    }

    public func receive(into batch: inout Batch) throws(LinkError) {
        let room = min(batch.capacity - batch.count, store.capacity)
        guard room > 0 else { return }
        let got = svs_packets_receive(packets, socket.descriptor, UInt32(room))
        wantsPoll = got < room
        if got > 0 {
            linkState.carried()
            for index in 0..<Int(got) { take(entries[index], at: index, into: &batch) }
            return
        }
        switch -got {
        case EAGAIN, EINTR:
            try linkState.nothingArrived(at: socket, sending: transmitter)
        case EINVAL:
            // The kernel has no virtio_net_hdr for this kind of superframe (SCTP, for example) and drops it.
            counts.truncated &+= 1
        case ENETDOWN:
            try linkState.lost(socket)
        default:
            try socket.check(got, "receiving")
        }
    }

    public func transmit(_ batch: borrowing Batch) throws(LinkError) {
        transmitter.send(batch, through: interface, counting: &counts)
    }

    private func take(_ packet: svs_packet, at place: Int, into batch: inout Batch) {
        guard packet.length == packet.arrived else { return counts.truncated &+= 1 }
        var frame = store.frame(place, length: Int(packet.length), ingress: interface, offload: Offload(packet.offload))
        if packet.tag_protocol != 0 {
            guard frame.putBackTag(protocol: packet.tag_protocol, control: packet.tag_control) else {
                return counts.truncated &+= 1
            }
        }
        counts.received &+= 1
        batch.append(frame)
    }
}
