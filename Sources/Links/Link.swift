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
}

extension Link {
    public var descriptor: Int32 { -1 }
    public var wantsPoll: Bool { false }
}

/// A link that can be opened by a name such as `ring:eth0`. Links that hold another link are not.
public protocol NamedLink: Link, SendableMetatype {
    /// The word in front of the colon that chooses this link: `ring` in `ring:eth0`.
    static var scheme: String { get }

    /// Opens what the part behind the colon names: an interface, a file.
    init(opening name: String) throws(LinkError)
}

/// Every link that a name can choose; a new one is a file and a word here.
public enum LinkRoster {
    public static let all: [any NamedLink.Type] = [RingLink.self, SocketLink.self, PcapLink.self]

    /// Opens the link that `name` asks for: `ring:eth0`, `socket:eth0`, `pcap:in.pcap,out.pcap`.
    public static func open(_ name: String) throws(LinkError) -> any NamedLink {
        let parts = name.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false)
        let schemes = all.map { $0.scheme }.joined(separator: ", ")
        guard parts.count == 2, !parts[1].isEmpty else {
            throw LinkError("link \(name): expected SCHEME:NAME, where SCHEME is one of \(schemes)")
        }
        for type in all where type.scheme == parts[0] { return try type.init(opening: String(parts[1])) }
        throw LinkError("link \(name): no scheme \(parts[0]); there are \(schemes)")
    }
}

/// Why a link cannot be opened or used: what was tried, on what, and what the system said.
public struct LinkError: Error, Sendable, CustomStringConvertible {
    public let description: String
    public init(_ description: String) { self.description = description }
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
}
