public import Wire

/// A virtual address, and who has it now.
public struct VirtualAddress: Hashable, Sendable {
    public enum Holder: String, Sendable {
        /// The host: an address of one of its interfaces, or a local route.
        case host
        /// The director, which owns it.
        case director
        /// Nobody: its packets go where the host's routing sends them.
        case nobody
    }

    public var address: IPAddress
    public var holder: Holder

    public init(address: IPAddress, holder: Holder) {
        self.address = address
        self.holder = holder
    }
}

/// The virtual addresses of services and marks, and who has them. Derived from services, marks, ownership and the host's
/// addresses; outdated by every change of one of them.
struct VirtualAddresses {
    /// Those that somebody has, so that the director deals with their packets.
    private(set) var handled: Set<IPAddress> = []
    /// Those of them that only the director has.
    private(set) var owned: Set<IPAddress> = []
    /// Those that nobody has.
    private(set) var waiting: Set<IPAddress> = []
    /// Some connection's virtual address may have left the host, so that known connections ask whether it is there.
    private(set) var mayBeGone = false

    private var isOutdated = true
    /// Of the network that it was derived from.
    private var generation: UInt32 = 0
    /// What the host had then: addresses with their full length, and local routes.
    private var present: Set<Prefix> = []
    /// What it had once and has no more.
    private var lost: Set<Prefix> = []

    private struct Prefix: Hashable {
        var address: IPAddress
        var length: Int
    }

    mutating func outdate() { isOutdated = true }

    /// - Parameter generation: the network's `localGeneration`.
    @inline(__always)
    func isCurrent(_ generation: UInt32) -> Bool { !isOutdated && self.generation == generation }

    /// - Parameter addresses: each with the marks under which services find its packets, 0 for those of its own.
    mutating func read(_ addresses: [IPAddress: Set<UInt32>], _ ownership: Ownership, _ network: Network) {
        if generation != network.localGeneration { follow(network) }
        isOutdated = false
        handled = Set(addresses.keys)
        owned = []
        waiting = []
        for (address, marks) in addresses where !network.isLocal(address) && !network.isLocal(address, markedWith: marks) {
            if ownership.covers(address) {
                owned.insert(address)
            } else if !network.mayBeLocal(address) {
                waiting.insert(address)
            }
        }
        handled.subtract(waiting)
        mayBeGone = !waiting.isEmpty || !lost.isEmpty
    }

    private mutating func follow(_ network: Network) {
        generation = network.localGeneration
        var now = Set(network.addresses.map { Prefix(address: $0.address, length: $0.address.family.width) })
        for route in network.routes where route.kind == .local { now.insert(Prefix(address: route.prefix, length: route.length)) }
        lost.formUnion(present.subtracting(now))
        lost.subtract(now)
        present = now
    }
}

extension Director {
    /// Addresses of services, and those that marks of mark services name one by one.
    private func namedAddresses() -> [IPAddress: Set<UInt32>] {
        var addresses: [IPAddress: Set<UInt32>] = [:]
        for service in services.all where service.key.mark == 0 { addresses[service.key.address, default: []].insert(0) }
        for (family, rules) in [(IPFamily.v4, marks4), (.v6, marks6)] where !rules.isEmpty {
            for mark in Set(services.all.filter { $0.key.family == family }.map(\.key.mark)) where mark != 0 {
                for marked in rules.destinations(of: [mark]) where marked.length == family.width {
                    addresses[marked.prefix, default: []].insert(mark)
                }
            }
        }
        return addresses
    }

    /// Brings up to date who has the virtual addresses.
    mutating func followVirtualAddresses() {
        guard !host.virtuals.isCurrent(host.network.localGeneration) else { return }
        readVirtualAddresses()
    }

    @inline(never)
    private mutating func readVirtualAddresses() {
        host.virtuals.read(namedAddresses(), host.emulation.ownership, host.network)
        host.locals.outdate()
    }

    /// Every virtual address, in order, and who has it now.
    public mutating func virtualAddresses() -> [VirtualAddress] {
        followVirtualAddresses()
        let held = host.virtuals.handled.map { VirtualAddress(address: $0, holder: host.virtuals.owned.contains($0) ? .director : .host) }
        return (held + host.virtuals.waiting.map { VirtualAddress(address: $0, holder: .nobody) }).sorted { $0.address < $1.address }
    }

    /// Virtual addresses that nobody has now.
    @inline(__always)
    public mutating func waitingAddresses() -> Set<IPAddress> {
        followVirtualAddresses()
        return host.virtuals.waiting
    }

    /// Whether the virtual address of a known connection has left the host; asked where some `mayBeGone`.
    @inline(never)
    mutating func hasLeft(_ packet: Packet, _ frame: Frame) -> Bool { !isLocal(packet, frame) }
}

extension HostView {
    /// Whether the host beside the director sees no fragments to an address, so that the director has to speak for it.
    mutating func isKeptFromHost(_ address: IPAddress) -> Bool { answers(for: address) || virtuals.handled.contains(address) }
}
