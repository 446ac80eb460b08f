internal import CLinux
public import Carrying
internal import Glibc
public import Host
public import LVS
public import Links
public import Linux
public import Runtime
internal import SystemPackage
internal import Wire

/// The keeper as a director sees it: what takes rights is asked for over the channel, and clients come from it. Belongs to
/// the engine's thread.
public final class KeptHost: HostRequests, ClientSource {
    private let channel: Channel
    private typealias Event = (event: KeeperEvent, descriptor: HeldDescriptor?)
    private var events: [Event] = []
    /// The memory of the rings' positions, mapped when the first ring is.
    private var positions: SlabView<UInt64>?
    public private(set) var lastRefusal: HostError?
    public private(set) var endsForNext = false
    public private(set) var versions = ""
    /// What the keeper knows to be wanted: it hears of each change, also that nothing is, since what is wanted anew is asked for
    /// at once; and again when the time for the next question has come.
    private var lastWanted: Set<Network.NeighborKey> = []
    private var lastResolution: Instant = 0
    /// Whose answers are not waited for, in the order in which they come.
    private var awaited: [(HostError?) -> Void] = []
    /// What the director before this one had begun to read.
    private var framesInHand = FramesInHand()

    public init(_ channel: Channel) { self.channel = channel }

    public var descriptor: Int32 { channel.descriptor }
    public var hasHeard: Bool { !events.isEmpty }

    /// Says that frames are directed, and before that which ones are not, because the director before had them in hand.
    public func isWorking() {
        if framesInHand.count > 0 { report(.framesInHand(Int32(clamping: framesInHand.count), pcap: framesInHand.pcap)) }
        framesInHand = FramesInHand()
        report(.working)
    }

    // MARK: clients

    public func clientsAtStart() throws(HostError) -> [ArrivedClient] {
        var clients: [ArrivedClient] = []
        while true {
            while let event = takeEvent() {
                if case .clientsTold = event.event { return clients }
                if let client = client(event) { clients.append(client) }
            }
            if let message = try receive(waits: true) { try note(message) }
        }
    }

    public func nextClient() throws(HostError) -> ArrivedClient? {
        while true {
            while let event = takeEvent() { if let client = client(event) { return client } }
            guard let message = try receive(waits: false) else { return nil }
            try note(message)
        }
    }

    private func takeEvent() -> Event? { events.isEmpty ? nil : events.removeFirst() }

    /// The client that an event brings; anything else is noted.
    private func client(_ event: Event) -> ArrivedClient? {
        switch event.event {
        case .client(let number, let onlyLooks):
            return event.descriptor.map { ArrivedClient(descriptor: $0.copy(), number: number, onlyLooks: onlyLooks) }
        case .refusal(let error): lastRefusal = error
        case .endForNext: endsForNext = true
        case .versions(let text): versions = text
        case .clientsTold: break
        }
        return nil
    }

    public func left(_ number: UInt64) { report(.clientLeft(number)) }

    /// Takes a message that nobody waits for: an event, or the answer to a question that has time.
    private func note(_ message: Channel.Message) throws(HostError) {
        if KeeperEvent.isEvent(message.bytes), let event = KeeperEvent(message.bytes) {
            events.append((event, message.descriptors.first))
        } else if !awaited.isEmpty, let answer = KeeperAnswer(message.bytes) {
            let done = awaited.removeFirst()
            if case .refused(let error) = answer { done(error) } else { done(nil) }
        } else {
            throw HostError("hear the keeper", errno: EBADMSG)
        }
    }

    // MARK: requests

    public func suppress(_ traffic: SuppressedTraffic) throws(HostError) { _ = try ask(.suppress(traffic)) }

    public func suppress(_ traffic: SuppressedTraffic, packed: [UInt8], done: @escaping (HostError?) -> Void) { ask(packed, done) }

    public var codec: RequestCodec {
        RequestCodec(suppression: { DirectorRequest.suppress($0).bytes }, lead: { DirectorRequest.lead($0, mtu: $1).bytes })
    }

    public func resolve(_ neighbors: [Network.NeighborKey], at now: Instant) {
        let wanted = Set(neighbors)
        guard wanted != lastWanted || !wanted.isEmpty && now &- lastResolution >= NeighborResolver.patience else { return }
        (lastWanted, lastResolution) = (wanted, now)
        report(.resolve(neighbors, now))
    }
    public func refresh(_ neighbors: [Network.NeighborKey], at now: Instant) {
        if !neighbors.isEmpty { report(.refresh(neighbors, now)) }
    }
    public func stopLeading() { report(.stopLeading) }
    public func firstFrameDirected() { report(.firstFrame) }
    public func isAlive() { report(.alive) }
    public func filesRead() { report(.filesRead) }
    public func interfacesChanged() { report(.interfacesChanged) }

    public func lead(_ traffic: OwnTraffic, into device: TUNDevice, mtu: Int) throws(HostError) {
        _ = try ask(.lead(traffic, mtu: mtu))
    }

    public func lead(
        _ traffic: OwnTraffic, packed: [UInt8], into device: TUNDevice, mtu: Int, done: @escaping (HostError?) -> Void
    ) { ask(packed, done) }

    public func openLink(_ scheme: String, on interface: String) throws(LinkError) -> any LiveLink {
        let (answer, descriptors) = try asLinkError { () throws(HostError) in try ask(.link(interface)) }
        guard case .link(let index, let place, let blocks, let slotSize) = answer, descriptors.count == 3 else {
            throw LinkError("interface \(interface): the keeper's answer is none")
        }
        let rebinding = { [weak self] () -> Int32? in
            guard case .interface(let found)? = try? self?.ask(.rebind(interface)).0, found > 0 else { return nil }
            return found
        }
        func socket(_ place: Int, receives: Bool) -> PacketSocket {
            PacketSocket(
                adopting: descriptors[place].copy(), on: interface, interface: index, receives: receives, rebinding: rebinding)
        }
        let sockets = LinkSockets(
            receiver: socket(0, receives: true), sender: socket(1, receives: false),
            ring: RingShape(blocks: Int(blocks), slotSize: Int(slotSize)))
        let link = try LinkRoster.type(of: scheme).init(sockets, position: position(Int(place), in: descriptors[2]))
        framesInHand += link.framesInHand
        return link
    }

    public func openSender(on interface: String) throws(LinkError) -> any Link {
        let (answer, descriptors) = try asLinkError { () throws(HostError) in try ask(.sender(interface)) }
        guard case .interface(let index) = answer, let descriptor = descriptors.first else {
            throw LinkError("interface \(interface): the keeper's answer is none")
        }
        return SendingLink(
            PacketSocket(adopting: descriptor.copy(), on: interface, interface: index, receives: false, rebinding: { nil }))
    }

    public func openDevice() throws(HostError) -> TUNDevice {
        guard case (.device(let name, let index, let hasOffload), let descriptors) = try ask(.device), let descriptor = descriptors.first
        else { throw HostError("make a TUN device", errno: EBADMSG) }
        return TUNDevice(adopting: descriptor.copy(), name: name, index: index, hasOffload: hasOffload)
    }

    public func openSync(_ endpoint: SyncEndpoint) throws(HostError) -> SyncSocket {
        guard let descriptor = try ask(.sync(endpoint)).1.first else { throw HostError("open a synchronisation socket", errno: EBADMSG) }
        return SyncSocket(adopting: descriptor.copy())
    }

    public func openCarrier() throws(HostError) -> KernelCarrier {
        guard let maps = CarryMaps(try ask(.carry).1) else { throw HostError(CarryProgram.purpose, errno: EBADMSG) }
        do throws(Errno) { return try KernelCarrier(maps) } catch { throw HostError(CarryProgram.purpose, errno: error.rawValue) }
    }

    /// What hears of the host's netfilter rules.
    public func rulesChanges() throws(HostError) -> RulesetNotifications {
        guard let descriptor = try ask(.rulesChanges).1.first else { throw HostError("follow the host's netfilter rules", errno: EBADMSG) }
        return try RulesetNotifications(adopting: descriptor.copy())
    }

    private func asLinkError<Result>(_ body: () throws(HostError) -> Result) throws(LinkError) -> Result {
        do throws(HostError) { return try body() } catch { throw LinkError(error.what.isEmpty ? error.cause : error.description) }
    }

    private func position(_ place: Int, in memory: HeldDescriptor) throws(LinkError) -> RingPosition {
        let size = HeldSockets.positionsSize
        var mapping: UnsafeMutableRawPointer?
        if positions == nil {
            guard svs_memory_size(memory.number) == size, svs_memory_map(memory.number, UInt64(size), &mapping) == 0, let mapping else {
                throw LinkError("the positions of the rings cannot be mapped")
            }
            positions = SlabView(UnsafeMutableRawBufferPointer(start: mapping, count: size))
        }
        guard let positions, (0..<positions.capacity).contains(place) else { throw LinkError("a ring has no position") }
        return RingPosition(positions.element(place))
    }

    // MARK: the channel

    private func report(_ request: DirectorRequest) { try? channel.send(request.bytes, waits: true) }

    /// Asks, and waits for the answer; what else comes meanwhile is kept.
    private func ask(_ request: DirectorRequest) throws(HostError) -> (KeeperAnswer, [HeldDescriptor]) {
        do throws(Errno) { try channel.send(request.bytes, waits: true) } catch { throw HostError("ask the keeper", errno: error.rawValue) }
        while true {
            guard let message = try receive(waits: true) else { continue }
            if KeeperEvent.isEvent(message.bytes) || !awaited.isEmpty {
                try note(message)
                continue
            }
            guard let answer = KeeperAnswer(message.bytes) else { throw HostError("hear the keeper", errno: EBADMSG) }
            if case .refused(let error) = answer { throw error }
            return (answer, message.descriptors)
        }
    }

    /// Asks, and has the answer told to `done` when it comes.
    private func ask(_ packed: [UInt8], _ done: @escaping (HostError?) -> Void) {
        do throws(Errno) { try channel.send(packed, waits: true) } catch {
            return done(HostError("ask the keeper", errno: error.rawValue))
        }
        awaited.append(done)
    }

    private func receive(waits: Bool) throws(HostError) -> Channel.Message? {
        do throws(Errno) { return try channel.receive(waits: waits) } catch { throw HostError("hear the keeper", errno: error.rawValue) }
    }
}
