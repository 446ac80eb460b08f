public import Carrying
public import Host
public import LVS
public import Links

/// What the director asks of somebody who has the rights for it: each needs a capability that what directs frames can do
/// without. What is asked is plain data or a name, so that the answer may come from this process or from another one.
/// Files are opened through `RunFiles.open`, on the thread that reads them.
public protocol HostRequests: AnyObject {
    /// Keeps the host's stack from seeing exactly this.
    func suppress(_ traffic: SuppressedTraffic) throws(HostError)
    /// The same without waiting for it.
    /// - Parameters:
    ///   - packed: what `codec` has made of it.
    ///   - done: is called on this thread, now or when the answer has come.
    func suppress(_ traffic: SuppressedTraffic, packed: [UInt8], done: @escaping (HostError?) -> Void)
    /// Makes messages of what is asked for without waiting.
    var codec: RequestCodec { get }
    /// Has the kernel find out the MACs of all next hops that are wanted now, each at once and then every second; `HostNetwork`
    /// hears of them, or that they did not answer.
    func resolve(_ neighbors: [Network.NeighborKey], at now: Instant)
    /// Has the kernel keep what it knows about neighbours that are in use.
    func refresh(_ neighbors: [Network.NeighborKey], at now: Instant)
    /// A link that nothing arrives on until it gets a filter.
    /// - Parameter scheme: one of `LinkRoster`'s.
    func openLink(_ scheme: String, on interface: String) throws(LinkError) -> any LiveLink
    /// A link that only sends.
    func openSender(on interface: String) throws(LinkError) -> any Link
    /// A TUN device by which packets are exchanged with the host's stack.
    func openDevice() throws(HostError) -> TUNDevice
    /// What carries flows that arrive at the links which are open.
    func openCarrier() throws(HostError) -> KernelCarrier
    /// A socket of a synchronisation daemon.
    func openSync(_ endpoint: SyncEndpoint) throws(HostError) -> SyncSocket
    /// Has exactly this of the host's own traffic led into that device; `mtu` is what the director's interfaces carry.
    func lead(_ traffic: OwnTraffic, into device: TUNDevice, mtu: Int) throws(HostError)
    /// The same without waiting for it.
    /// - Parameters:
    ///   - packed: what `codec` has made of it.
    ///   - done: is called on this thread, now or when the answer has come.
    func lead(_ traffic: OwnTraffic, packed: [UInt8], into device: TUNDevice, mtu: Int, done: @escaping (HostError?) -> Void)
    /// Leaves the host's own traffic to the host again.
    func stopLeading()
    /// Says that the host's interfaces have changed.
    func interfacesChanged()
    /// Says, once, that a frame has arrived and was directed.
    func firstFrameDirected()
    /// Says, every second, that the director is at work.
    func isAlive()
    /// Says that the files were read again, and what differed was applied if it could be.
    func filesRead()
    /// What went wrong last with something that is asked for without waiting for the answer.
    var lastRefusal: HostError? { get }
}

/// Makes messages of long requests, on any thread; empty ones where none are needed.
public struct RequestCodec: Sendable {
    var suppression: @Sendable (SuppressedTraffic) -> [UInt8] = { _ in [] }
    var lead: @Sendable (OwnTraffic, _ mtu: Int) -> [UInt8] = { _, _ in [] }

    init() {}

    public init(
        suppression: @escaping @Sendable (SuppressedTraffic) -> [UInt8], lead: @escaping @Sendable (OwnTraffic, _ mtu: Int) -> [UInt8]
    ) {
        (self.suppression, self.lead) = (suppression, lead)
    }
}

extension HostRequests {
    public func suppress(_ traffic: SuppressedTraffic, packed: [UInt8], done: @escaping (HostError?) -> Void) {
        do throws(HostError) {
            try suppress(traffic)
            done(nil)
        } catch { done(error) }
    }
    public func openCarrier() throws(HostError) -> KernelCarrier { throw HostError(CarryProgram.purpose, cause: "nobody here can") }
    public func lead(
        _ traffic: OwnTraffic, packed: [UInt8], into device: TUNDevice, mtu: Int, done: @escaping (HostError?) -> Void
    ) {
        do throws(HostError) {
            try lead(traffic, into: device, mtu: mtu)
            done(nil)
        } catch { done(error) }
    }
    public var codec: RequestCodec { RequestCodec() }
    public func firstFrameDirected() {}
    public func isAlive() {}
    public func filesRead() {}
}

/// This process's own rights: CAP_NET_ADMIN and CAP_NET_RAW, in the network namespace of the thread that makes it.
public final class PrivilegedHost: HostRequests {
    private let suppressor: StackSuppressor
    private let resolver: NeighborResolver
    private let routing: OwnTrafficRouting

    /// Removes what a director that was killed may have left in the host's policy rules.
    public init() throws(HostError) {
        suppressor = try StackSuppressor()
        resolver = try NeighborResolver()
        routing = try OwnTrafficRouting()
    }

    public func suppress(_ traffic: SuppressedTraffic) throws(HostError) { try suppressor.apply(traffic) }

    /// The socket to which the suppression belongs, for as long as it is open anywhere; -1 where it is not known.
    public var suppressionDescriptor: Int32 { suppressor.descriptor }

    public func resolve(_ neighbors: [Network.NeighborKey], at now: Instant) {
        resolver.resolve(neighbors, at: now)
    }

    public func refresh(_ neighbors: [Network.NeighborKey], at now: Instant) { resolver.refresh(neighbors, at: now) }

    public func openLink(_ scheme: String, on interface: String) throws(LinkError) -> any LiveLink {
        try LinkRoster.open(scheme, on: interface, filter: PacketFilter(accepting: []))
    }

    public func openSender(on interface: String) throws(LinkError) -> any Link { try SendingLink(on: interface) }

    public func openSync(_ endpoint: SyncEndpoint) throws(HostError) -> SyncSocket { try SyncSocket(opening: endpoint) }

    public func openDevice() throws(HostError) -> TUNDevice {
        let device = try TUNDevice(name: "svs%d", mtu: 65_535, offload: true)
        // Where the host itself is the client, both ends are its own.
        try Sysctl.write("1", to: "net/ipv4/conf/\(device.name)/accept_local")
        // The clients are not to be reached through the device; the loose filter of one interface outdoes a strict one of all.
        if ReversePathFilter.inForce(on: device.name) == .strict { try Sysctl.write("2", to: "net/ipv4/conf/\(device.name)/rp_filter") }
        return device
    }

    public func lead(_ traffic: OwnTraffic, into device: TUNDevice, mtu: Int) throws(HostError) {
        try routing.lead(traffic, into: device, mtu: mtu)
    }

    public func stopLeading() { routing.end() }

    public func interfacesChanged() {}

    public var lastRefusal: HostError? { resolver.lastRefusal }
}

/// Where the director learns what the host's network is.
public protocol NetworkSource: AnyObject {
    /// Readable when the network may have changed.
    var descriptor: Int32 { get }
    /// Takes in what changed, without waiting; true when `network` is different now.
    func update(_ network: inout Network) throws(HostError) -> Bool
    /// What of the host's rules and routes cannot be followed and was not said before, in the words of ip(8).
    func newlyUnfollowed() -> [String]
    /// Whether a neighbour's MAC was set by hand, so that nobody is to be asked.
    func isStatic(_ neighbor: Network.NeighborKey) -> Bool
}

extension HostNetwork: NetworkSource {}
