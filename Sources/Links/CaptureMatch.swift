public import Wire

/// A kind of IP packet that the director wants to see: one end of it, given as a prefix, a protocol and ports.
public struct CaptureMatch: Hashable, Sendable {
    /// Which end of the packet is meant: the destination for what clients send to a virtual service, the source for
    /// what a real server answers.
    public enum End: String, Hashable, Sendable { case source = "src", destination = "dst" }

    public var end: End
    public var prefix: IPAddress
    /// Bits of `prefix` that count; 0 means every address of its family.
    public var prefixLength: Int
    /// IP protocol number; nil means every protocol.
    public var proto: UInt8?
    /// Ports at that end; nil means all.
    public var ports: ClosedRange<UInt16>?

    /// Packets to or from one address.
    public init(_ end: End, _ address: IPAddress, proto: UInt8? = nil, ports: ClosedRange<UInt16>? = nil) {
        self.init(end, address, prefixLength: address.family.width, proto: proto, ports: ports)
    }

    public init(
        _ end: End, _ prefix: IPAddress, prefixLength: Int, proto: UInt8? = nil,
        ports: ClosedRange<UInt16>? = nil
    ) {
        self.end = end
        self.prefix = prefix.masked(to: prefixLength)
        self.prefixLength = min(max(prefixLength, 0), prefix.family.width)
        self.proto = proto
        self.ports = ports
    }
}
