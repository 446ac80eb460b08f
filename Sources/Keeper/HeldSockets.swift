internal import CLinux
internal import Carrying
internal import Glibc
internal import Host
internal import LVS
internal import Links
internal import Linux
internal import SystemPackage

/// Sockets and devices that outlive directors: each is opened when the first director asks for it, and every later one gets
/// copies of its descriptors. Those that an earlier keeper has left are gone on with.
final class HeldSockets {
    /// An interface's sockets, and where the position of its ring stands.
    private struct Held {
        var sockets: LinkSockets
        var place: Int
    }

    private let scheme: String
    /// Names of the director's interfaces, whose frames it may have.
    private let interfaces: [String]
    private var links: [String: Held] = [:]
    private var senders: [String: PacketSocket] = [:]
    private(set) var device: TUNDevice?
    private var rules: RulesetNotifications?
    /// What carries flows, and where it is told to.
    private var carrying: (program: CarryProgram, control: SharedControl)?
    /// The last socket that was handed over, for as long as it takes.
    private var sent: SyncSocket?
    /// Where the readers of the rings stand: a word for each interface.
    private let positions: HeldDescriptor

    /// Bytes of the positions' memory.
    static var positionsSize: Int { 4096 }
    private static var places: Int { positionsSize / 8 }

    init(scheme: String, interfaces: [String], inheriting earlier: InheritedDescriptors) throws(Errno) {
        self.scheme = scheme
        self.interfaces = interfaces
        let rings = earlier.takeAll(Name.link)
        device = earlier.takeAll(Name.device).lazy.compactMap(Name.device).first
        if let positions = earlier.take(Name.positions), svs_memory_size(positions.number) == Self.positionsSize {
            self.positions = positions
            for (name, descriptor) in rings { adopt(name, descriptor) }
        } else {
            // Without its reader's position nobody can tell what of a ring is new.
            let memory = svs_memory_new("svs ring positions", UInt64(Self.positionsSize))
            try Errno.check(memory)
            positions = HeldDescriptor(memory)
        }
    }

    /// Goes on with an interface's socket where it still fits: of the same kind, bound to the interface that has the name now.
    private func adopt(_ name: String, _ descriptor: HeldDescriptor) {
        guard let link = Name.Link(name), link.scheme == scheme, interfaces.contains(link.interface), links[link.interface] == nil,
            (0..<Self.places).contains(link.place), !links.values.contains(where: { $0.place == link.place }),
            svs_socket_is(descriptor.number, AF_PACKET, -1) == 1
        else { return }
        let index = svs_packet_interface(descriptor.number)
        guard index > 0, UInt32(index) == if_nametoindex(link.interface), let sender = try? PacketSocket(sendingOn: link.interface) else {
            return
        }
        let receiver = PacketSocket(adopting: descriptor.copy(), on: link.interface, interface: index, receives: true)
        links[link.interface] = Held(
            sockets: LinkSockets(
                receiver: receiver, sender: sender, ring: RingShape(blocks: Int(link.blocks), slotSize: Int(link.slotSize))),
            place: link.place)
    }

    /// What the next keeper can go on with, by name: it finds the frames that come until then.
    var legacy: [(name: String, descriptor: Int32)] {
        guard !links.isEmpty else { return [] }
        return [(Name.positions, positions.number)]
            + links.map { interface, held in
                let link = Name.Link(
                    scheme: scheme, place: held.place, blocks: Int32(held.sockets.ring?.blocks ?? 0),
                    slotSize: Int32(held.sockets.ring?.slotSize ?? 0), interface: interface)
                return (link.name, held.sockets.receiver.descriptor)
            }
    }

    /// The device, which cannot outlive its last holder.
    var deviceLegacy: [(name: String, descriptor: Int32)] { device.map { [(Name.name(of: $0), $0.descriptor)] } ?? [] }

    /// The sockets of one of the director's interfaces; until a director attaches its filter nothing arrives.
    func link(_ name: String) throws(LinkError) -> (KeeperAnswer, [Int32]) {
        guard interfaces.contains(name) else { throw LinkError("interface \(name): is none of the director's") }
        let held = try opened(name), sockets = held.sockets
        let answer = KeeperAnswer.link(
            interface: sockets.receiver.interface, place: Int32(held.place), blocks: Int32(sockets.ring?.blocks ?? 0),
            slotSize: Int32(sockets.ring?.slotSize ?? 0))
        return (answer, [sockets.receiver.descriptor, sockets.sender.descriptor, positions.number])
    }

    private func opened(_ name: String) throws(LinkError) -> Held {
        if let held = links[name] { return held }
        let taken = Set(links.values.map(\.place))
        guard let place = (0..<Self.places).first(where: { !taken.contains($0) }) else {
            throw LinkError("interface \(name): one too many")
        }
        // A ring that nobody has read.
        var none: UInt64 = 0
        guard pwrite(positions.number, &none, 8, off_t(place * 8)) == 8 else {
            throw LinkError("interface \(name): no position for its ring")
        }
        let sockets = try LinkRoster.type(of: scheme).open(on: name, filter: PacketFilter(accepting: []), group: nil)
        let held = Held(sockets: sockets, place: place)
        links[name] = held
        return held
    }

    /// Binds an interface's sockets to the one that has its name now; `nil` when there is none.
    func rebind(_ name: String) -> Int32? {
        guard let sockets = links[name]?.sockets else { return nil }
        let before = sockets.receiver.interface
        guard sockets.receiver.rebind(), sockets.sender.rebind() else { return nil }
        carrying?.program.forget(before)
        // Where that fails nothing is carried that arrives there: the program's second half is missing, and it notices.
        try? carrying?.program.attach(to: sockets.receiver.interface, sockets.receiver.descriptor)
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

    /// The maps of the program that carries flows, which is at every interface of the director's by now.
    func carry(flows: Int) throws(HostError) -> (KeeperAnswer, [Int32]) {
        if carrying == nil {
            let program = try CarryProgram(flows: flows)
            do throws(Errno) { carrying = (program, try SharedControl(program.maps)) } catch {
                throw HostError(CarryProgram.purpose, errno: error.rawValue)
            }
        }
        guard let program = carrying?.program else { return (.done, []) }
        for held in links.values { try program.attach(to: held.sockets.receiver.interface, held.sockets.receiver.descriptor) }
        return (.done, program.maps.descriptors.map(\.number))
    }

    func stopCarrying() { carrying?.control.isOn = false }

    /// The socket that hears of the host's netfilter rules. What came while no director was there makes the next one look.
    func rulesChanges() throws(HostError) -> (KeeperAnswer, [Int32]) {
        if rules == nil { rules = try RulesetNotifications() }
        return (.done, rules.map { [$0.descriptor] } ?? [])
    }
}

/// By which names one keeper leaves its sockets to the next.
private enum Name {
    static let positions = "positions", link = "link-", device = "device-"

    /// `link-SCHEME-PLACE-BLOCKS-SLOTSIZE-INTERFACE`.
    struct Link {
        var scheme: String
        var place: Int
        var blocks, slotSize: Int32
        var interface: String

        init(scheme: String, place: Int, blocks: Int32, slotSize: Int32, interface: String) {
            (self.scheme, self.place, self.blocks, self.slotSize, self.interface) = (scheme, place, blocks, slotSize, interface)
        }

        /// - Parameter text: what stands behind `link-`.
        init?(_ text: String) {
            let parts = text.split(separator: "-", maxSplits: 4).map(String.init)
            guard parts.count == 5, let place = Int(parts[1]), let blocks = Int32(parts[2]), let slotSize = Int32(parts[3]) else {
                return nil
            }
            self.init(scheme: parts[0], place: place, blocks: blocks, slotSize: slotSize, interface: parts[4])
        }

        var name: String { "\(Name.link)\(scheme)-\(place)-\(blocks)-\(slotSize)-\(interface)" }
    }

    /// `device-INDEX-OFFLOAD-NAME`.
    static func name(of device: TUNDevice) -> String { "\(Name.device)\(device.index)-\(device.hasOffload ? 1 : 0)-\(device.name)" }

    static func device(_ text: String, _ descriptor: HeldDescriptor) -> TUNDevice? {
        let parts = text.split(separator: "-", maxSplits: 2).map(String.init)
        guard parts.count == 3, let index = Int32(parts[0]), index > 0, UInt32(index) == if_nametoindex(parts[2]) else { return nil }
        return TUNDevice(adopting: descriptor.copy(), name: parts[2], index: index, hasOffload: parts[1] == "1")
    }
}
