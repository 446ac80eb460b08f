import Host
import LVS
import Wire

/// Asks the director's wires from time to time who has its virtual addresses: a server that answers for one (the ARP pitfall) is
/// otherwise heard by the client alone that has asked.
final class AddressWatch {
    /// When each address is asked for next.
    private var due: [IPAddress: Instant] = [:]
    private var batch = Batch(capacity: AddressWatch.frames)
    private let memory = Slab<UInt8>(capacity: AddressWatch.frames * AddressQuestion.longest)

    /// Nanoseconds from one question for an address to the next, and from its coming to the first.
    private static let interval: Instant = 30 * second, patience: Instant = 2 * second
    /// Frames at a time, so that thousands of addresses are no burst.
    private static let frames = 16

    /// To be called every second or so.
    /// - Parameters:
    ///   - names: of the interfaces that frames are taken from.
    ///   - transmit: sends frames, each by its `egress`.
    func ask(_ director: inout Director, on names: [String], at now: Instant, _ transmit: (borrowing Batch) -> Void) {
        let places = director.addressesOnWires(names)
        let present = Set(places.map(\.address))
        due = due.filter { present.contains($0.key) }
        batch.removeAll()
        var asked: Set<IPAddress> = []
        for (address, interface) in places {
            guard let moment = due[address] else {
                due[address] = now + Self.patience
                continue
            }
            guard moment <= now || asked.contains(address), batch.count < Self.frames, interface.hasCarrier else { continue }
            var frame = Frame(
                buffer: UnsafeMutableRawPointer(memory.mutableAddress(checked: batch.count * AddressQuestion.longest)),
                capacity: AddressQuestion.longest, headroom: 0, length: AddressQuestion.longest)
            _ = frame.resize(to: AddressQuestion(address, on: interface, of: director.network).write(to: frame.bytes))
            frame.egress = interface.index
            batch.append(frame)
            asked.insert(address)
        }
        for address in asked { due[address] = now + Self.interval }
        if !batch.isEmpty { transmit(batch) }
    }
}

extension Director {
    /// The virtual addresses by which neighbours find the director, each with an interface of its wire: the host's one that has the
    /// address, or every one of the director's where it owns the address or the host has it on some other (VRRP's macvlan).
    /// - Parameter names: of the interfaces that frames are taken from.
    mutating func addressesOnWires(_ names: [String]) -> [(address: IPAddress, interface: Network.Interface)] {
        guard !isBackupOnly else { return [] }
        let wires = network.interfaces.filter { names.contains($0.name) && $0.isUp && !$0.isLoopback }
        var found: [(address: IPAddress, interface: Network.Interface)] = []
        for virtual in virtualAddresses() where virtual.holder == .director || virtual.holder == .host && network.isOnWire(virtual.address)
        {
            let own = network.addresses.filter { $0.address == virtual.address }.map(\.interface)
            let home = wires.filter { own.contains($0.index) }
            for wire in home.isEmpty ? wires : home { found.append((virtual.address, wire)) }
        }
        return found
    }
}
