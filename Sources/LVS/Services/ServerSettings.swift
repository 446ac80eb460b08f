/// How packets reach a real server. Numbers are the kernel's connection flags (IP_VS_CONN_F_FWD_MASK); FULLNAT is ours.
@frozen public enum ForwardingMethod: UInt8, Hashable, Sendable, BitwiseCopyable {
    case masquerading = 0
    case localNode = 1
    case tunneling = 2
    case directRouting = 3
    case bypass = 4
    case fullNAT = 5
}

/// What is put in front of a tunnelled packet. Open: a type is known by its number on the control interface.
@frozen public struct TunnelType: RawRepresentable, Hashable, Sendable, BitwiseCopyable {
    public let rawValue: UInt8
    public init(rawValue: UInt8) { self.rawValue = rawValue }
    public static var ipip: TunnelType { .init(rawValue: 0) }
    public static var gue: TunnelType { .init(rawValue: 1) }
    public static var gre: TunnelType { .init(rawValue: 2) }
}

/// Checksum flags of a tunnel (IP_VS_TUNNEL_ENCAP_FLAG_*).
public struct TunnelFlags: OptionSet, Hashable, Sendable, BitwiseCopyable {
    public let rawValue: UInt16
    public init(rawValue: UInt16) { self.rawValue = rawValue }
    public static var checksum: TunnelFlags { .init(rawValue: 1) }
    public static var remoteChecksum: TunnelFlags { .init(rawValue: 2) }
}

/// Everything about a real server that `-a` and `-e` can say.
public struct ServerSettings: Hashable, Sendable, BitwiseCopyable {
    public var method: ForwardingMethod
    /// 0 takes no new connections; negative is refused (ERANGE).
    public var weight: Int32
    /// Upper and lower connection thresholds, 0 for none.
    public var upperThreshold: UInt32
    public var lowerThreshold: UInt32
    public var tunnel: TunnelType
    /// UDP port of a GUE tunnel, host order.
    public var tunnelPort: UInt16
    public var tunnelFlags: TunnelFlags

    public init(
        method: ForwardingMethod = .directRouting, weight: Int32 = 1, upperThreshold: UInt32 = 0,
        lowerThreshold: UInt32 = 0, tunnel: TunnelType = .ipip, tunnelPort: UInt16 = 0, tunnelFlags: TunnelFlags = []
    ) {
        self.method = method
        self.weight = weight
        self.upperThreshold = upperThreshold
        self.lowerThreshold = lowerThreshold
        self.tunnel = tunnel
        self.tunnelPort = tunnelPort
        self.tunnelFlags = tunnelFlags
    }
}
