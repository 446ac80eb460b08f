internal import SystemPackage
public import Wire

/// Where frames enter and leave the director: an interface, a file, memory.
///
/// A link is asked once per batch, so it may be an existential; frames point into the link's own memory.
public protocol Link: AnyObject {
    /// Index of the interface as the engine's network knows it; frames that leave here carry it as `egress`.
    var interface: Int32 { get }

    /// Appends what has arrived, at most what fits, without waiting. The frames' bytes stay valid until the next call.
    func receive(into batch: inout Batch) throws(LinkError)

    /// Sends every frame of the batch whose `egress` is this link's interface, in order.
    func transmit(_ batch: borrowing Batch) throws(LinkError)

    /// What the link has counted.
    var counters: LinkCounters { get }

    /// What poll(2) watches for POLLIN, -1 where nothing has to be waited for. An error event is answered by calling
    /// `receive`, too.
    var descriptor: Int32 { get }

    /// False while another `receive` is likely to bring frames, or has slots to give back, without waiting: the holder
    /// receives until it is true and then waits.
    var wantsPoll: Bool { get }

    /// Whether frames have arrived, as far as memory tells; false where only the kernel knows.
    var hasArrivals: Bool { get }

    /// What others may send frames by that leave by this link's interface; `nil` where only the link itself can.
    var sendingSocket: PacketSocket? { get }
}

extension Link {
    public var descriptor: Int32 { -1 }
    public var wantsPoll: Bool { false }
    public var hasArrivals: Bool { false }
    public var sendingSocket: PacketSocket? { nil }
}

/// Why a link cannot be opened or used: what was tried, on what, and what the system said.
public struct LinkError: Error, Sendable, CustomStringConvertible {
    public let description: String
    public init(_ description: String) { self.description = description }

    /// The system's answer about something: a file, a step of opening an interface.
    init(_ what: String, _ error: Errno) { self.init("\(what): \(error)") }
}

/// Frames and losses at one link since it was opened.
public struct LinkCounters: Sendable, Equatable {
    public var received: UInt64 = 0
    public var sent: UInt64 = 0
    /// Frames that the kernel dropped because the link was read too slowly.
    public var missed: UInt64 = 0
    /// Frames that arrived cut short and were not taken.
    public var truncated: UInt64 = 0
    /// Frames that the next queue had no room for (ENOBUFS, EAGAIN).
    public var queueFull: UInt64 = 0
    /// Frames that the interface refused (over its MTU, for example).
    public var refused: UInt64 = 0
    public init() {}

    mutating func add(_ other: LinkCounters) {
        received &+= other.received
        sent &+= other.sent
        missed &+= other.missed
        truncated &+= other.truncated
        queueFull &+= other.queueFull
        refused &+= other.refused
    }
}
