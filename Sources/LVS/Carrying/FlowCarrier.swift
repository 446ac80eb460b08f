public import Wire

/// Carries frames of established flows past the director, as it was told: the kernel with a program of ours, or a model of it
/// in tests. The director decides what is carried and stays the truth about it; the carrier rewrites, sends and counts.
///
/// It carries only frames that the director would have treated alike: whole, for this host by their MAC, sound by their lengths
/// and IPv4 header checksum, without options, extension headers or tag of a virtual LAN, with more than one hop left, within the
/// way's MTU (of a superframe, each of its segments); of TCP with the whole header, with ACK and without SYN, FIN and RST.
/// Everything else of the flow comes to the director, and after it all of the flow, until that has left again: no frame overtakes
/// another one of its flow.
public protocol FlowCarrier: AnyObject {
    /// How many servers it can tell apart: those at the first places.
    var serverLimit: Int { get }
    /// Begins to carry a flow, in the place of what it may have known of it; what the director has had of it is sent.
    /// - Returns: false when it takes no more flows for now.
    func carry(_ flow: CarriedFlow) -> Bool
    /// What it has seen of a flow since `carry`, whether it carries it still or was told to stop by server or altogether; `nil`
    /// for a flow of which it knows nothing.
    func progress(of flow: Flow) -> CarriedProgress?
    /// Stops carrying a flow and forgets it.
    /// - Returns: what it has seen of it, to the last frame.
    func stop(_ flow: Flow) -> CarriedProgress?
    /// Stops carrying all flows to a server; what was seen of them stays until each of them is stopped.
    func stop(to server: ServerID)
    /// The same of every flow.
    func stopAll()
    /// Returns when no frame is under way any more as one of a flow that has been stopped, so that what it counts is final.
    func settle()
    /// What was carried to a server since the carrier began; never goes back.
    func counters(of server: ServerID) -> CarriedCounters
    /// Stops every flow that another director began, tells what was seen of each, and forgets them.
    func takeOver(_ each: (Flow, CarriedProgress) -> Void)
}

/// A flow that may be carried, and how. Nothing of it changes while it is.
public struct CarriedFlow: Hashable, Sendable, BitwiseCopyable {
    /// As the client's frames have it.
    public var flow: Flow
    /// Whose counters its frames go to: a place below `serverLimit`.
    public var server: ServerID
    public var way: CarriedWay
    /// Nanoseconds that its connection gets with each packet; the carrier keeps it for whoever asks for the flow's progress.
    public var timeout: Instant

    public init(flow: Flow, server: ServerID, way: CarriedWay, timeout: Instant) {
        (self.flow, self.server, self.way, self.timeout) = (flow, server, way, timeout)
    }
}

/// Where carried frames leave, and with what in front.
public struct CarriedWay: Hashable, Sendable, BitwiseCopyable {
    /// Index of the interface.
    public var egress: Int32
    public var destination: MACAddress
    public var source: MACAddress
    /// Bytes of the longest IP packet that may leave; of a superframe, of each of its segments.
    public var mtu: Int32

    public init(egress: Int32, destination: MACAddress, source: MACAddress, mtu: Int32) {
        (self.egress, self.destination, self.source, self.mtu) = (egress, destination, source, mtu)
    }

    /// `nil` while a packet cannot be sent along the path without further ado.
    init?(_ path: Path) {
        guard path.kind == .ready else { return nil }
        (egress, destination, source, mtu) = (path.interface, path.destination, path.source, path.mtu)
    }
}

/// What a carrier has seen of one flow since it began to carry it.
public struct CarriedProgress: Hashable, Sendable, BitwiseCopyable {
    public var packets: UInt64
    /// When the last frame passed, on the director's clock; 0 when none did.
    public var lastSeen: Instant
    /// That of the flow.
    public var timeout: Instant

    public init(packets: UInt64 = 0, lastSeen: Instant = 0, timeout: Instant) {
        (self.packets, self.lastSeen, self.timeout) = (packets, lastSeen, timeout)
    }
}

/// What was carried to one server.
public struct CarriedCounters: Hashable, Sendable, BitwiseCopyable {
    public var packets: UInt64
    /// IP lengths, as IPVS counts them.
    public var bytes: UInt64

    public init(packets: UInt64 = 0, bytes: UInt64 = 0) { (self.packets, self.bytes) = (packets, bytes) }
}

extension CarriedCounters: StateRecord {
    static var fields: [StateField] { field("packets", \.packets) + field("bytes", \.bytes) }
}
