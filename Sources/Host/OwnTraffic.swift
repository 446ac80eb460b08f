public import Wire

/// What the host itself sends and the director wants to have. Plain data; `OwnTrafficRouting` leads it.
public struct OwnTraffic: Hashable, Sendable {
    /// Packets of one protocol, by one or both of their ends.
    public struct Match: Hashable, Sendable {
        /// IP protocol number, 0 for every one.
        public var proto: UInt8
        public var source: IPAddress?
        /// Host order; 0 for every port.
        public var sourcePort: UInt16
        public var destination: IPAddress?
        /// Host order; `nil` for every port.
        public var destinationPorts: ClosedRange<UInt16>?
        /// The host has the destination as its own, so that the rule stands before that of the table `local`.
        public var isForHost: Bool

        /// What a real server that is the host answers: to everybody, or to a client that is the host as well.
        public init(answersOf server: IPAddress, proto: UInt8, port: UInt16, to client: IPAddress? = nil) {
            self.init(proto: proto, source: server, sourcePort: port, destination: client, isForHost: client != nil)
        }

        /// What the host asks of a virtual address.
        public init(requestsTo address: IPAddress, proto: UInt8 = 0, ports: ClosedRange<UInt16>? = nil, isForHost: Bool) {
            self.init(proto: proto, destination: address, destinationPorts: ports, isForHost: isForHost)
        }

        public init(
            proto: UInt8, source: IPAddress? = nil, sourcePort: UInt16 = 0, destination: IPAddress? = nil,
            destinationPorts: ClosedRange<UInt16>? = nil, isForHost: Bool
        ) {
            self.proto = proto
            self.source = source
            self.sourcePort = sourcePort
            self.destination = destination
            self.destinationPorts = destinationPorts
            self.isForHost = isForHost
        }

        var family: IPFamily { (source ?? destination)?.family ?? .v4 }
    }

    /// Answers of real servers that are the host itself, which the director translates.
    public var answers: Set<Match> = []
    /// What the host asks of virtual addresses as a client.
    public var requests: Set<Match> = []
    /// How the host asks each virtual address.
    public var clients: [IPAddress: Client] = [:]

    /// The host as a client of a virtual address.
    public struct Client: Hashable, Sendable {
        /// The address that it asks from unless a process chooses one; `nil` leaves the choice to the host. That would be the
        /// virtual address itself where the host has it, which a server that has it too could not answer.
        public var source: IPAddress?
        /// Bytes of the longest packet that all servers can be sent.
        public var mtu: Int

        public init(from source: IPAddress?, mtu: Int) {
            self.source = source
            self.mtu = mtu
        }
    }

    public init() {}

    public var isEmpty: Bool { answers.isEmpty && requests.isEmpty }
}
