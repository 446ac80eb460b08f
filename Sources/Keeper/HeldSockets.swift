internal import CLinux
internal import Host
internal import Links
internal import Linux
internal import SystemPackage

/// Sockets and devices that outlive directors: each is opened when the first director asks for it, and every later one gets
/// copies of its descriptors.
final class HeldSockets {
    private let scheme: String
    /// Names of the director's interfaces, whose frames it may have.
    private let interfaces: [String]
    private var links: [String: LinkSockets] = [:]
    private var senders: [String: PacketSocket] = [:]
    private(set) var device: TUNDevice?
    private var rules: RulesetNotifications?
    /// The last socket that was handed over, for as long as it takes.
    private var sent: SyncSocket?
    /// Where the readers of the rings stand: a word for each interface.
    private let positions: HeldDescriptor

    /// Bytes of the positions' memory.
    static var positionsSize: Int { 4096 }

    init(scheme: String, interfaces: [String]) throws(Errno) {
        self.scheme = scheme
        self.interfaces = interfaces
        let memory = svs_memory_new("svs ring positions", UInt64(Self.positionsSize))
        try Errno.check(memory)
        positions = HeldDescriptor(memory)
    }

    /// The sockets of one of the director's interfaces; until a director attaches its filter nothing arrives.
    func link(_ name: String) throws(LinkError) -> (KeeperAnswer, [Int32]) {
        guard let place = interfaces.firstIndex(of: name), place < Self.positionsSize / 8 else {
            throw LinkError("interface \(name): is none of the director's")
        }
        let sockets = try opened(name)
        let answer = KeeperAnswer.link(
            interface: sockets.receiver.interface, place: Int32(place), blocks: Int32(sockets.ring?.blocks ?? 0),
            slotSize: Int32(sockets.ring?.slotSize ?? 0))
        return (answer, [sockets.receiver.descriptor, sockets.sender.descriptor, positions.number])
    }

    private func opened(_ name: String) throws(LinkError) -> LinkSockets {
        if let held = links[name] { return held }
        let sockets = try LinkRoster.type(of: scheme).open(on: name, filter: PacketFilter(accepting: []), group: nil)
        links[name] = sockets
        return sockets
    }

    /// Binds an interface's sockets to the one that has its name now; `nil` when there is none.
    func rebind(_ name: String) -> Int32? {
        guard let sockets = links[name], sockets.receiver.rebind(), sockets.sender.rebind() else { return nil }
        return sockets.receiver.interface
    }

    /// A socket that only sends. One whose interface was made anew is opened anew.
    func sender(_ name: String) throws(LinkError) -> (KeeperAnswer, [Int32]) {
        if let held = senders[name], held.isPresent { return (.interface(held.interface), [held.descriptor]) }
        let socket = try PacketSocket(sendingOn: name)
        senders[name] = socket
        return (.interface(socket.interface), [socket.descriptor])
    }

    /// The device by which packets are exchanged with the host's stack.
    func openDevice(_ open: () throws(HostError) -> TUNDevice) throws(HostError) -> (KeeperAnswer, [Int32]) {
        if device == nil { device = try open() }
        guard let device else { return (.done, []) }
        return (.device(name: device.name, index: device.index, hasOffload: device.hasOffload), [device.descriptor])
    }

    /// A socket of a synchronisation daemon. The director alone has it: what came while there was none is said again in time.
    func sync(_ endpoint: SyncEndpoint) throws(HostError) -> (KeeperAnswer, [Int32]) {
        let socket = try SyncSocket(opening: endpoint)
        sent = socket
        return (.done, [socket.descriptor])
    }

    /// The socket that hears of the host's netfilter rules. What came while no director was there makes the next one look.
    func rulesChanges() throws(HostError) -> (KeeperAnswer, [Int32]) {
        if rules == nil { rules = try RulesetNotifications() }
        return (.done, rules.map { [$0.descriptor] } ?? [])
    }
}
