public import Wire

/// What the host stack shall not see, because the director handles it. Plain data; `StackSuppressor` carries it out.
public struct SuppressedTraffic: Hashable, Sendable {
    /// Ports of an address: a service, or a server.
    public struct Endpoint: Hashable, Sendable {
        /// IP protocol number.
        public var proto: UInt8
        public var address: IPAddress
        /// Host order; `0...65535` for every port.
        public var ports: ClosedRange<UInt16>

        public init(proto: UInt8, address: IPAddress, ports: ClosedRange<UInt16>) {
            self.proto = proto
            self.address = address
            self.ports = ports
        }

        /// One port, or every port for port 0, as a service without a port means it.
        public init(proto: UInt8, address: IPAddress, port: UInt16) {
            self.init(proto: proto, address: address, ports: port == 0 ? 0...65535 : port...port)
        }
    }

    /// What a rule that sets a firewall mark matches.
    public struct Destination: Hashable, Sendable {
        public var prefix: IPAddress
        public var length: Int
        /// `nil` for every protocol; with ports, for those that have ports (TCP, UDP, SCTP).
        public var proto: UInt8?
        /// `nil` for every port, and for protocols without ports.
        public var ports: ClosedRange<UInt16>?

        public init(prefix: IPAddress, length: Int, proto: UInt8? = nil, ports: ClosedRange<UInt16>? = nil) {
            self.prefix = prefix
            self.length = length
            self.proto = proto
            self.ports = ports
        }
    }

    /// What a machine sends to an address.
    public struct Source: Hashable, Sendable {
        public var mac: MACAddress
        public var destination: IPAddress

        public init(_ mac: MACAddress, to destination: IPAddress) {
            self.mac = mac
            self.destination = destination
        }
    }

    /// Addresses that svs owns because the host does not have them: ARP requests and neighbour solicitations for them, and
    /// everything IP to them.
    public var ownedAddresses: [IPAddress]
    /// Addresses that nobody has yet: as long as the host does not have them, none of the below goes for what is sent to them.
    public var waitingAddresses: [IPAddress] = []
    /// Everything IP to these: local addresses of FULLNAT, which servers answer to.
    public var localAddresses: [IPAddress] = []
    /// Left to the host, whatever is below: rules mark nothing of it, as what another director sends to this one as a server.
    public var unmarked: [Source] = []
    /// Packets to these.
    public var services: [Endpoint]
    /// Packets from these: servers that answer through the director.
    public var replies: [Endpoint]
    /// Fragments to these addresses; a fragment other than the first has no port.
    public var fragmentAddresses: [IPAddress]
    /// Fragments from these addresses.
    public var fragmentSources: [IPAddress]
    public var marked: [Destination]
    /// Also ICMP errors that quote a packet of `services` (sent by the service) or of `replies` (sent to the server).
    public var icmpErrors: Bool
    /// Packets from `services` to these: answers of servers to the host itself, which the director hands to it.
    public var clientAddresses: [IPAddress] = []
    /// Names of the interfaces that the director receives on.
    public var interfaces: [String]

    public init(
        ownedAddresses: [IPAddress] = [], services: [Endpoint] = [], replies: [Endpoint] = [],
        fragmentAddresses: [IPAddress] = [], fragmentSources: [IPAddress] = [], marked: [Destination] = [],
        icmpErrors: Bool = false, interfaces: [String] = []
    ) {
        self.ownedAddresses = ownedAddresses
        self.services = services
        self.replies = replies
        self.fragmentAddresses = fragmentAddresses
        self.fragmentSources = fragmentSources
        self.marked = marked
        self.icmpErrors = icmpErrors
        self.interfaces = interfaces
    }
}
