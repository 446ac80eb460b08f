public import Wire

/// One entry of the connection table, or a persistence template: two cache lines, of which the first is all that a packet
/// of a known connection touches.
public struct Connection: BitwiseCopyable, Sendable {
    // First line: the key, and what every packet changes.
    public var client: IPAddress
    public var virtual: IPAddress
    public var clientPort: UInt16
    public var virtualPort: UInt16
    /// IP protocol; 0 in a template of a mark service.
    public var proto: UInt8
    /// State number of the protocol's table.
    public var state: UInt8
    public var flags: Flags
    /// When it expires unless a packet comes first.
    public var expires: Instant
    /// Place of its server in the pool, -1 without one.
    public var server: ServerID
    /// Packets seen in the request direction.
    public var packetsIn: UInt32
    /// Template: seconds that its timer runs. Other connections take the timeout of their state.
    public var timeout: UInt32
    public var method: ForwardingMethod
    var reserved: UInt8 = 0
    /// Slot of the timer wheel that it is filed in, plus 1.
    var wheelSlot: UInt16 = 0

    // Second line: where it goes, and its place in lists.
    public var serverAddress: IPAddress
    /// FULLNAT: the local address that stands for the client.
    public var localAddress: IPAddress
    public var serverPort: UInt16
    public var localPort: UInt16
    var next: Int32 = -1
    var previous: Int32 = -1
    /// Tick of the timer wheel that it is filed for, low bits.
    var filed: UInt32 = 0
    /// The template or control connection that it hangs on, -1 without one.
    public var controller: Int32 = -1
    /// How many connections hang on this one.
    public var children: Int32 = 0
    /// Firewall mark of the packet that made it.
    public var mark: UInt32 = 0
    /// Place in a side table (persistence engine data, sequence shifts), -1 without.
    public var side: Int32 = -1

    public struct Flags: OptionSet, Hashable, Sendable, BitwiseCopyable {
        public let rawValue: UInt16
        @inline(__always)
        public init(rawValue: UInt16) { self.rawValue = rawValue }
        /// A persistence template.
        public static var template: Flags { .init(rawValue: 0x01) }
        /// No packet of the reply direction was seen or is expected (IP_VS_CONN_F_NOOUTPUT).
        public static var noOutput: Flags { .init(rawValue: 0x02) }
        /// Counted as inactive (IP_VS_CONN_F_INACTIVE).
        public static var inactive: Flags { .init(rawValue: 0x04) }
        /// Has a second index entry for the reply direction.
        public static var indexedForReplies: Flags { .init(rawValue: 0x08) }
        /// Lives for one packet and is never listed (IP_VS_CONN_F_ONE_PACKET).
        public static var onePacket: Flags { .init(rawValue: 0x10) }
        /// The template whose child was established: survives drop_entry.
        public static var assured: Flags { .init(rawValue: 0x20) }
        /// Bound to its server: counted there.
        public static var bound: Flags { .init(rawValue: 0x40) }
        /// The slot holds a connection.
        public static var used: Flags { .init(rawValue: 0x80) }
        /// Was asked to expire now; its controller goes with it when nothing else hangs there.
        public static var forced: Flags { .init(rawValue: 0x100) }
        /// Came from a synchronisation message or an import.
        public static var synchronised: Flags { .init(rawValue: 0x200) }
        /// Translated template: its keys were changed so that nothing finds it (an unusable template's last days).
        public static var retired: Flags { .init(rawValue: 0x400) }
        /// Its client's next connection has taken its place in the index; it still counts for its server until it goes.
        public static var superseded: Flags { .init(rawValue: 0x800) }
    }

    public init(
        client: IPAddress, clientPort: UInt16, virtual: IPAddress, virtualPort: UInt16, proto: UInt8,
        serverAddress: IPAddress, serverPort: UInt16, method: ForwardingMethod, flags: Flags = []
    ) {
        self.client = client
        self.virtual = virtual
        self.clientPort = clientPort
        self.virtualPort = virtualPort
        self.proto = proto
        state = 0
        self.flags = flags.union(.used)
        expires = 0
        server = -1
        packetsIn = 0
        timeout = 0
        self.method = method
        self.serverAddress = serverAddress
        localAddress = .unspecified(client.family)
        self.serverPort = serverPort
        localPort = 0
    }

    /// Whether it waits in the timer wheel.
    var isFiled: Bool { wheelSlot > 0 }

    /// Whether replies come from the server's own address, so that they are found by it.
    @inline(__always)
    var translates: Bool { method == .masquerading || method == .fullNAT }
}

/// Place of a connection in the table.
public typealias ConnectionID = Int32
