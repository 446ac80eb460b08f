public import Wire

/// Why the director did what it did with one frame: its decisions in the order in which they were made. Recorded while the
/// frame is directed by the same code that directs all others, so that it cannot say anything else than what happens.
public struct Explanation: Sendable {
    public internal(set) var steps: [Step] = []
    public internal(set) var verdict = Verdict.malformed
    /// The service and the real server that the frame was counted for.
    public internal(set) var service: ServiceKey?
    public internal(set) var server: ServerKey?

    /// One decision.
    public enum Step: Sendable {
        /// The operator's rules were asked for a mark; the rules are those that made it.
        case marked(UInt32, by: [MarkRule])
        /// A rule of netfilter drops the packet.
        case refused(MarkDrop)
        /// The service that takes the packet, and by what.
        case matched(ServiceKey, Match)
        /// No service takes the packet; those that come nearest.
        case unmatched([Miss])
        /// The packet may open no connection, in words.
        case opensNothing(String)
        /// The connection that the packet belongs to.
        case found(Entry, isReply: Bool)
        /// No connection is known for the flow.
        case unknownFlow(Flow)
        /// The connection of the packet is given up and the packet is scheduled like a new one, in words why.
        case startsAfresh(Entry, String)
        /// The persistence template that names the server: found or made by this packet.
        case template(Entry, isNew: Bool)
        /// A template that is of no use any more, in words why.
        case retired(Entry, String)
        case scheduled(Schedule)
        /// The connection that the packet made.
        case connected(Entry)
        /// What the packet did to its connection.
        case observed(StateTracking)
        /// How the packet leaves.
        case way(Way)
        case measured(Length)
        /// The datagram whose last fragment the frame brought: bytes of the whole IP packet.
        case gathered(Int)
        /// An ICMP error that is not sent, in words why.
        case untold(String)
    }

    /// By what a service was found.
    public enum Match: String, Sendable {
        case mark
        case endpoint = "address and port"
        case range = "port range"
        case ftp = "port 21, which takes FTP data connections too"
        case anyPort = "address with every port"
    }

    /// A service that a packet did not find.
    public struct Miss: Sendable, Hashable {
        public var service: ServiceKey
        /// What would have to be otherwise.
        public var reason: String
    }

    /// A connection or template at one moment.
    public struct Entry: Sendable, Hashable {
        public var proto: UInt8
        public var client: IPAddress
        public var clientPort: UInt16
        public var virtual: IPAddress
        public var virtualPort: UInt16
        public var server: IPAddress
        public var serverPort: UInt16
        /// FULLNAT: what stands for the client.
        public var local: IPAddress?
        public var localPort: UInt16 = 0
        public var method: ForwardingMethod
        /// The kernel's name of the state.
        public var state: String
        public var isTemplate: Bool
        /// Packets of the client so far.
        public var packets: UInt32
        /// Nanoseconds since its last packet, as far as its state's timeout tells; and until it expires.
        public var idle: Instant
        public var remaining: Instant
        /// Connections that hang on it.
        public var children: Int
        /// Its packets are carried past the director; `nil` where they are not.
        public var carried: Carried?
    }

    /// What of a connection is carried.
    public struct Carried: Sendable, Hashable {
        /// Nanoseconds since it was handed over.
        public var time: Instant
        public var packets: UInt64
    }

    /// A scheduler's choice.
    public struct Schedule: Sendable {
        public var scheduler: String
        public var candidates: [Candidate]
        /// Place among the candidates; `nil` when none was usable.
        public var picked: Int?
    }

    /// A server as the scheduler saw it before it chose.
    public struct Candidate: Sendable {
        public var server: ServerKey
        public var weight: Int32
        public var active: Int32
        public var inactive: Int32
        public var isOverloaded: Bool
        /// The scheduler's own words.
        public var score: String
    }

    /// A connection's state before and after a packet.
    public struct StateTracking: Sendable, Hashable {
        public var before: String
        public var after: String
        /// Nanoseconds until it expires from now on.
        public var remaining: Instant
    }

    /// Where packets to an address go.
    public struct Way: Sendable, Hashable {
        public var method: ForwardingMethod
        public var to: IPAddress
        public var kind: Path.Kind
        public var interface: String
        public var nextHop: IPAddress
        /// `nil` while the neighbour is unknown.
        public var mac: MACAddress?
    }

    /// A packet's length against what its way carries; bytes of IP packets.
    public struct Length: Sendable, Hashable {
        /// As it came; each segment's for a superframe.
        public var packet: Int
        /// What forwarding puts in front.
        public var overhead: Int
        public var limit: Int
        public var dontFragment: Bool
        public var isSuperframe: Bool
        public var fits: Bool { packet + overhead <= limit }
    }
}
