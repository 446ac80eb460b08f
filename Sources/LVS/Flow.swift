public import Wire

/// The five values that name a flow, as one packet carries them. Ports are in host order, 0 where the protocol has none.
@frozen public struct Flow: Hashable, Sendable, BitwiseCopyable {
    public var source: IPAddress
    public var destination: IPAddress
    public var sourcePort: UInt16
    public var destinationPort: UInt16
    public var proto: UInt8

    @inlinable @inline(__always)
    public init(source: IPAddress, sourcePort: UInt16, destination: IPAddress, destinationPort: UInt16, proto: UInt8) {
        self.source = source
        self.destination = destination
        self.sourcePort = sourcePort
        self.destinationPort = destinationPort
        self.proto = proto
    }

    /// The same flow seen from the other end.
    @inlinable
    public var reversed: Flow {
        Flow(source: destination, sourcePort: destinationPort, destination: source, destinationPort: sourcePort, proto: proto)
    }
}
