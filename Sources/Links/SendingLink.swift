public import Wire

/// The way out through an interface that no frames are taken from.
public final class SendingLink: Link {
    private let transmitter: PacketTransmitter
    public private(set) var counters = LinkCounters()

    /// Opens a socket that only sends (protocol 0), so that the kernel copies no frame for it. Needs CAP_NET_RAW.
    public convenience init(on interfaceName: String) throws(LinkError) { try self.init(PacketSocket(sendingOn: interfaceName)) }

    /// A link over a socket that is open already.
    public init(_ socket: PacketSocket) { transmitter = PacketTransmitter(socket) }

    public var interface: Int32 { transmitter.socket.interface }
    public var wantsPoll: Bool { true }
    public var sendingSocket: PacketSocket? { transmitter.socket }

    /// Nothing ever arrives.
    public func receive(into batch: inout Batch) throws(LinkError) {}

    public func transmit(_ batch: borrowing Batch) throws(LinkError) {
        transmitter.send(batch, through: interface, counting: &counters)
    }
}
