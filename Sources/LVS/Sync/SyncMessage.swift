import Wire

/// A datagram between directors: what a master says of its connections, and what a backup hears.
public struct SyncMessage: Hashable, Sendable {
    /// The payload behind the UDP header.
    public var bytes: [UInt8]
    /// How many ports behind the daemon's first one it goes to: 0 unless `sync_ports` is more than 1.
    public var portOffset: Int

    public init(bytes: [UInt8], portOffset: Int = 0) {
        self.bytes = bytes
        self.portOffset = portOffset
    }
}

/// How much was said and heard since the director began.
public struct SyncCounters: Hashable, Sendable {
    /// Messages that left, and records in them.
    public var messagesSent: UInt64 = 0
    public var recordsSent: UInt64 = 0
    /// Messages that were given up because too many waited (`sync_qlen_max`).
    public var messagesLost: UInt64 = 0
    /// Messages that came, and those of them of which nothing could be used: another length than they say, or for others.
    public var messagesHeard: UInt64 = 0
    public var messagesRefused: UInt64 = 0
    /// Records that a connection or template was made or brought up to date by, and those that could not be used.
    public var recordsTaken: UInt64 = 0
    public var recordsRefused: UInt64 = 0
}

/// What a master says of one connection or template. Numbers are the kernel's.
struct SyncRecord: Hashable {
    var proto: UInt8
    var flags: SyncFlags
    var state: UInt16
    var client: IPAddress
    var clientPort: UInt16
    var virtual: IPAddress
    var virtualPort: UInt16
    var server: IPAddress
    var serverPort: UInt16
    /// Firewall mark of the packet that made it.
    var mark: UInt32
    /// Seconds that it lives on without a packet; 0 says nothing.
    var timeout: UInt32
    /// By how much sequence numbers are moved; only behind flags that say so.
    var sequences: SyncSequences?
    /// A template's persistence engine and what that found.
    var engine = ""
    var data: [UInt8] = []
}

/// A connection's flags as messages carry them (IP_VS_CONN_F_*).
struct SyncFlags: OptionSet, Hashable {
    let rawValue: UInt32
    static let synchronised = SyncFlags(rawValue: 0x20)
    static let noOutput = SyncFlags(rawValue: 0x80)
    static let inactive = SyncFlags(rawValue: 0x100)
    static let adjustsOutput = SyncFlags(rawValue: 0x200)
    static let adjustsInput = SyncFlags(rawValue: 0x400)
    static let anyClientPort = SyncFlags(rawValue: 0x800)
    static let template = SyncFlags(rawValue: 0x1000)
    static let onePacket = SyncFlags(rawValue: 0x2000)
    /// Both of those that sequence numbers follow.
    static let sequences: SyncFlags = [.adjustsOutput, .adjustsInput]
    /// What a backup keeps of a new connection (IP_VS_CONN_F_BACKUP_MASK), beside the method.
    static let kept: SyncFlags = [.noOutput, .inactive, .sequences, .anyClientPort, .template]

    /// The forwarding method, in the lowest three bits.
    var method: UInt8 { UInt8(truncatingIfNeeded: rawValue & 7) }
    init(rawValue: UInt32) { self.rawValue = rawValue }
    init(method: ForwardingMethod) { self.init(rawValue: UInt32(method.rawValue)) }
}

/// By how much an application helper moves the sequence numbers of each direction (struct ip_vs_seq, twice): where it begins,
/// the difference, the difference before.
struct SyncSequences: Hashable {
    static let length = 24
    var words = InlineArray<6, UInt32>(repeating: 0)

    static func == (a: Self, b: Self) -> Bool { (0..<6).allSatisfy { a.words[$0] == b.words[$0] } }
    func hash(into hasher: inout Hasher) { for place in 0..<6 { hasher.combine(words[place]) } }
}
