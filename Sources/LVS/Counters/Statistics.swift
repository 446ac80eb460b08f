/// The five counters that IPVS keeps for a server, a service and the whole director.
@frozen public struct Counters: Hashable, Sendable, BitwiseCopyable {
    public var connections: UInt64 = 0
    public var packetsIn: UInt64 = 0
    public var packetsOut: UInt64 = 0
    /// IP lengths, before encapsulation and translation.
    public var bytesIn: UInt64 = 0
    public var bytesOut: UInt64 = 0

    public init() {}

    public static func - (a: Counters, b: Counters) -> Counters {
        var difference = Counters()
        difference.connections = a.connections &- b.connections
        difference.packetsIn = a.packetsIn &- b.packetsIn
        difference.packetsOut = a.packetsOut &- b.packetsOut
        difference.bytesIn = a.bytesIn &- b.bytesIn
        difference.bytesOut = a.bytesOut &- b.bytesOut
        return difference
    }
}

/// What a listing shows: counters as of the last estimator tick since the last `-Z`, and rates a second.
public struct Statistics: Hashable, Sendable {
    public var counters: Counters
    /// Connections, packets and bytes a second.
    public var rates: Counters

    public init(counters: Counters = Counters(), rates: Counters = Counters()) {
        self.counters = counters
        self.rates = rates
    }
}
