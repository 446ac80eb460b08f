public import Wire

/// What identifies a virtual service: a firewall mark, or protocol, address and port.
public struct ServiceKey: Hashable, Sendable {
    public var family: IPFamily
    /// IP protocol number; TCP for mark services, as ipvsadm sends it.
    public var proto: UInt8
    public var address: IPAddress
    /// Host order; 0 is every port of the address.
    public var port: UInt16
    /// Firewall mark; 0 for a service with an address.
    public var mark: UInt32
    /// More than one port: the ranges of `-t VIP:80,443` and `-t VIP:8000-8099`, in the order given. Empty for the
    /// classic single port; otherwise `port` is the first port of the first range.
    public var ranges: [ClosedRange<UInt16>]

    public init(proto: UInt8, address: IPAddress, port: UInt16, ranges: [ClosedRange<UInt16>] = []) {
        family = address.family
        self.proto = proto
        self.address = address
        self.port = port
        mark = 0
        self.ranges = ranges
    }

    public init(mark: UInt32, family: IPFamily) {
        self.family = family
        proto = IPProtocol.tcp
        address = .unspecified(family)
        port = 0
        self.mark = mark
        ranges = []
    }
}

/// What identifies a real server within its service. The port is in host order.
public struct ServerKey: Hashable, Sendable, BitwiseCopyable {
    public var address: IPAddress
    public var port: UInt16

    public init(address: IPAddress, port: UInt16) {
        self.address = address
        self.port = port
    }
}

/// Flags of a service, numbered as in the kernel's control interface (IP_VS_SVC_F_*).
public struct ServiceFlags: OptionSet, Hashable, Sendable {
    public let rawValue: UInt32
    public init(rawValue: UInt32) { self.rawValue = rawValue }
    public static var persistent: ServiceFlags { .init(rawValue: 0x0001) }
    /// Set on every listed service.
    public static var hashed: ServiceFlags { .init(rawValue: 0x0002) }
    public static var onePacket: ServiceFlags { .init(rawValue: 0x0004) }
    /// What these three mean is the scheduler's business (`Scheduler.flagNames`).
    public static var scheduler1: ServiceFlags { .init(rawValue: 0x0008) }
    public static var scheduler2: ServiceFlags { .init(rawValue: 0x0010) }
    public static var scheduler3: ServiceFlags { .init(rawValue: 0x0020) }
}

/// Everything about a service that `-A` and `-E` can say.
public struct ServiceSettings: Hashable, Sendable {
    /// Scheduler name; `Schedulers.none` is a service that schedules nothing.
    public var scheduler: String
    public var flags: ServiceFlags
    /// Persistence timeout in seconds, 0 without persistence.
    public var timeout: UInt32
    /// IPv4: netmask as a number in host order; IPv6: prefix length.
    public var netmask: UInt32
    /// Persistence engine name, empty without one.
    public var persistenceEngine: String
    /// FULLNAT: the local addresses that client addresses are replaced with.
    public var localAddresses: [ClosedRange<IPAddress>] = []
    /// FULLNAT: how a server learns the client's address.
    public var clientAddress: ClientAddressOption = .toa
    public var mssClamp: MSSClamp = .off
    /// Seconds; 0 follows the director's own timeouts (`--set`).
    public var timeoutTCP: UInt32 = 0
    public var timeoutFIN: UInt32 = 0
    public var timeoutUDP: UInt32 = 0

    public init(
        scheduler: String = Schedulers.usual, flags: ServiceFlags = [], timeout: UInt32 = 0, netmask: UInt32 = 0xffff_ffff,
        persistenceEngine: String = ""
    ) {
        self.scheduler = scheduler
        self.flags = flags
        self.timeout = timeout
        self.netmask = netmask
        self.persistenceEngine = persistenceEngine
    }

    /// Whether connections last as long as with other settings.
    func hasSameTimeouts(as other: ServiceSettings) -> Bool {
        (timeoutTCP, timeoutFIN, timeoutUDP) == (other.timeoutTCP, other.timeoutFIN, other.timeoutUDP)
    }
}

/// How FULLNAT tells a server who the client is.
public enum ClientAddressOption: UInt8, Hashable, Sendable, BitwiseCopyable {
    case none = 0
    /// TCP option 254 on the first segments.
    case toa = 1
    /// PROXY protocol version 2 in front of the stream.
    case proxyProtocol = 2
}

/// Whether the maximum segment size that SYNs announce is lowered to what the path carries.
public enum MSSClamp: Hashable, Sendable {
    case off
    /// Path MTU minus the headers that forwarding adds.
    case auto
    /// A fixed number of bytes.
    case value(UInt16)
}

extension ServiceKey: CustomStringConvertible {
    /// `TCP 10.0.0.1:80`, or `FWM 7`.
    public var description: String {
        if mark != 0 { return "FWM \(mark)" + (family == .v6 ? " IPv6" : "") }
        let ports =
            ranges.isEmpty
            ? "\(port)"
            : ranges.map { $0.count == 1 ? "\($0.lowerBound)" : "\($0.lowerBound)-\($0.upperBound)" }.joined(separator: ",")
        return "\(Self.protocolName(proto)) \(address.isV4 ? "\(address)" : "[\(address)]"):\(ports)"
    }

    /// `TCP`, `UDP`, `SCTP`, or the number.
    public static func protocolName(_ proto: UInt8) -> String {
        proto == IPProtocol.tcp ? "TCP" : proto == IPProtocol.udp ? "UDP" : proto == IPProtocol.sctp ? "SCTP" : "\(proto)"
    }
}

extension ServerKey: CustomStringConvertible {
    public var description: String { "\(address.isV4 ? "\(address)" : "[\(address)]"):\(port)" }
}
