public import Wire

/// One entry of the connection table, or a persistence template: two cache lines, of which the first is all that a packet
/// of a known connection touches.
public struct Connection: BitwiseCopyable, Sendable {
    #if SVS_OTHER_LAYOUT
        /// Another layout of the state than that of every other build, for tests.
        var longer: UInt64 = 0
    #endif
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
    /// State in which it was synchronised last (the kernel's old_state).
    var saidState: UInt8 = 0
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
    /// Over what never changes (`expectedCheck`).
    var check: UInt32 = 0

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
        /// Established, or a datagram of its was answered; the template of such a connection survives drop_entry.
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
        /// Has something in the side table (persistence engine data, a client's stream).
        public static var hasSide: Flags { .init(rawValue: 0x1000) }
        /// An application helper of the master's moves sequence numbers of replies, or of requests (IP_VS_CONN_F_OUT_SEQ, IN_SEQ).
        public static var adjustsOutput: Flags { .init(rawValue: 0x2000) }
        public static var adjustsInput: Flags { .init(rawValue: 0x4000) }
        /// The client's port is not known yet (IP_VS_CONN_F_NO_CPORT).
        public static var anyClientPort: Flags { .init(rawValue: 0x8000) }
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

    /// As it stands at its place before it is in use.
    var unused: Connection {
        var record = self
        record.next = -1
        record.flags.remove(.used)
        record.check = record.expectedCheck
        return record
    }

    /// The key of a retired template.
    mutating func takeRetiredKey() {
        virtualPort = 0xffff
        serverPort = 0xffff
        clientPort = 0
    }

    /// Whether packets of the client's find it. One that a message told of, without the client's port but not as of any, or as of
    /// any but with the port, they pass by, as they do in the kernel; only replies find it.
    @inline(__always)
    var isFoundByClient: Bool { flags.contains(.anyClientPort) ? clientPort == 0 : clientPort != 0 || !flags.contains(.synchronised) }

    /// Has something in the side table.
    @inline(__always)
    var hasSide: Bool { flags.contains(.hasSide) }

    /// Sum over what a connection is from its beginning to its end: key, server's address, method. By it a record is known
    /// that no director wrote.
    var expectedCheck: UInt32 {
        let kind = flags.intersection([.template, .onePacket]).rawValue
        let numbers =
            UInt64(clientPort) | UInt64(virtualPort) << 16 | UInt64(serverPort) << 32 | UInt64(localPort) << 48
        let rest = UInt64(proto) | UInt64(method.rawValue) << 8 | UInt64(kind) << 16 | UInt64(mark) << 32
        let sum =
            StateCheck.term(client.high ^ 0x9e37_79b9_7f4a_7c15, client.low ^ 0xbf58_476d_1ce4_e5b9)
            &+ StateCheck.term(virtual.high ^ 0x94d0_49bb_1331_11eb, virtual.low ^ 0xd6e8_feb8_6659_fd93)
            &+ StateCheck.term(serverAddress.high ^ 0xa076_1d64_78bd_642f, serverAddress.low ^ 0xe703_7ed1_a0b4_28db)
            &+ StateCheck.term(localAddress.high ^ 0x8ebc_6af0_9c88_c6e3, localAddress.low ^ 0x5899_65cc_7537_4cc3)
            &+ StateCheck.term(numbers ^ 0x1d8e_4e27_c47d_124f, rest ^ 0xeb44_acca_b455_d165)
        return UInt32(truncatingIfNeeded: sum >> 32 ^ sum)
    }

    /// Whether it waits in the timer wheel.
    var isFiled: Bool { wheelSlot > 0 }

    /// Whether replies come from the server's own address, so that they are found by it.
    @inline(__always)
    var translates: Bool { method == .masquerading || method == .fullNAT }
}

/// Place of a connection in the table.
public typealias ConnectionID = Int32
