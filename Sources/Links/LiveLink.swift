/// A link on a real interface: frames arrive when they want to.
public protocol LiveLink: Link, SendableMetatype {
    /// The word that chooses this link: `ring` in `svs run --link ring`.
    static var scheme: String { get }

    /// Opens the interface's sockets. Nothing that `filter` does not accept arrives, from the first frame on. Links that share
    /// a fanout `group` share the frames, each flow on one of them. Needs CAP_NET_RAW.
    static func open(on interfaceName: String, filter: PacketFilter, group: UInt16?) throws(LinkError) -> LinkSockets

    /// A link over sockets that `open` has made, here or in another process.
    /// - Parameter position: where its reader stands, for a link that has a ring.
    init(_ sockets: LinkSockets, position: RingPosition?) throws(LinkError)

    /// Lets the kernel keep back what the filter does not accept, or less where it has no room for the whole filter.
    func attach(_ filter: PacketFilter) throws(LinkError)

    /// The filter in force.
    var filter: PacketFilter { get }

    /// What a reader before this one had begun to read, and what the next `receive` gives back unread.
    var framesInHand: FramesInHand { get }

    /// Gives back the memory of the frames that the last `receive` brought; nobody may use them any more.
    func giveBack()

    /// Has its frames sent by these threads where that is faster; false where it keeps their memory for one batch only.
    func use(_ threads: SendingThreads) -> Bool

    /// How many frames it has taken from its ring so far, with those that held nothing for the director.
    var passage: UInt64 { get }

    /// The same count for the last frame that stands in the ring now.
    var arrivals: UInt64 { get }

    /// The frames of the last `receive` were handed over as the batch of this number: their memory is kept until that is sent.
    func lend(until batch: UInt64)
}

extension LiveLink {
    public var framesInHand: FramesInHand { FramesInHand() }
    public func giveBack() {}
    public func use(_ threads: SendingThreads) -> Bool { false }
    public func lend(until batch: UInt64) {}
    public var passage: UInt64 { 0 }
    public var arrivals: UInt64 { 0 }

    /// Opens the interface for this process alone.
    public init(on interfaceName: String, filter: PacketFilter = .everything, group: UInt16? = nil) throws(LinkError) {
        try self.init(Self.open(on: interfaceName, filter: filter, group: group), position: nil)
    }
}

/// Every way to take frames from an interface; a new one is a file and a word here. The first is the usual one.
public enum LinkRoster {
    public static let all: [any LiveLink.Type] = [RingLink.self, SocketLink.self]

    public static let schemes: [String] = all.map { $0.scheme }

    /// Opens an interface in the way that `scheme` names.
    public static func open(_ scheme: String, on interface: String, filter: PacketFilter = .everything) throws(LinkError) -> any LiveLink {
        try type(of: scheme).init(on: interface, filter: filter)
    }

    /// The kind of link that `scheme` names.
    public static func type(of scheme: String) throws(LinkError) -> any LiveLink.Type {
        guard let type = all.first(where: { $0.scheme == scheme }) else {
            throw LinkError("no link \(scheme); there are \(schemes.joined(separator: ", "))")
        }
        return type
    }
}
