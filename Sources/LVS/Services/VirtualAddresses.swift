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

/// Who has the virtual addresses at one moment.
public struct VirtualAddressHolders: Hashable, Sendable {
    /// Those that somebody has.
    public var handled: Set<IPAddress> = []
    /// Those of them that only the director has.
    public var owned: Set<IPAddress> = []
    /// Those that nobody has.
    public var waiting: Set<IPAddress> = []

    public init() {}

    /// Every address, in order.
    public var addresses: [VirtualAddress] {
        let held = handled.map { VirtualAddress(address: $0, holder: owned.contains($0) ? .director : .host) }
        return (held + waiting.map { VirtualAddress(address: $0, holder: .nobody) }).sorted { $0.address < $1.address }
    }
}

/// The virtual addresses of services and marks, and who has them and deals with what is sent to them. Derived from services,
/// daemons, switches, marks, ownership and the host's addresses; outdated by every change of one of them.
struct VirtualAddresses {
    /// Those that somebody has, so that the director deals with their packets.
    private(set) var handled: Set<IPAddress> = []
    /// Those of them that only the director has.
    private(set) var owned: Set<IPAddress> = []
    /// Those that nobody has.
    private(set) var waiting: Set<IPAddress> = []
    /// The director is a backup only, see `Director.isBackupOnly`.
    private(set) var isBackupOnly = false
    /// Packets of known connections may be the host's, so that they ask: the director is a backup only, or some connection's
    /// virtual address may have left the host.
    private(set) var mayBeHosts = false

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
    mutating func read(_ addresses: [IPAddress: Set<UInt32>], _ ownership: Ownership, _ network: Network, isBackupOnly: Bool) {
        self.isBackupOnly = isBackupOnly
        if generation != network.localGeneration { follow(network) }
        isOutdated = false
        (handled, owned, waiting) = ([], [], [])
        handled.reserveCapacity(addresses.count)
        for (address, marks) in addresses { add(address, marks, ownership, network) }
        mayBeHosts = isBackupOnly || !waiting.isEmpty || !lost.isEmpty
    }

    private mutating func add(_ address: IPAddress, _ marks: Set<UInt32>, _ ownership: Ownership, _ network: Network) {
        if !network.isLocal(address) && !network.isLocal(address, markedWith: marks) {
            if ownership.covers(address) {
                owned.insert(address)
            } else if !network.mayBeLocal(address) {
                waiting.insert(address)
                return
            }
        }
        handled.insert(address)
    }

    /// The first service of an address has come, or the last one gone, and no mark names it.
    mutating func follow(_ address: IPAddress, isNamed: Bool, _ ownership: Ownership, _ network: Network) {
        guard isCurrent(network.localGeneration) else { return }
        if isNamed {
            guard !handled.contains(address), !waiting.contains(address) else { return }
            add(address, [], ownership, network)
        } else {
            handled.remove(address)
            owned.remove(address)
            waiting.remove(address)
        }
        mayBeHosts = isBackupOnly || !waiting.isEmpty || !lost.isEmpty
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
        for address in services.addresses.elements { addresses[address] = [] }
        for (family, rules) in [(IPFamily.v4, marks4), (.v6, marks6)] where !rules.isEmpty {
            for mark in Set(services.all.filter { $0.key.family == family }.map(\.key.mark)) where mark != 0 {
                for marked in rules.destinations(of: [mark]) where marked.length == family.width {
                    addresses[marked.prefix, default: []].insert(mark)
                }
            }
        }
        return addresses
    }

    /// A service has come or gone.
    mutating func followVirtualAddress(of service: ServiceKey) {
        guard service.mark == 0, marks4.isEmpty, marks6.isEmpty else { return host.virtuals.outdate() }
        let isNamed = services.addresses.contains(service.address)
        host.virtuals.follow(service.address, isNamed: isNamed, host.emulation.ownership, host.network)
        virtualAddressesChanged()
    }

    /// Brings up to date who has the virtual addresses.
    mutating func followVirtualAddresses() {
        guard !host.virtuals.isCurrent(host.network.localGeneration) else { return }
        readVirtualAddresses()
    }

    @inline(never)
    private mutating func readVirtualAddresses() {
        host.virtuals.read(namedAddresses(), host.emulation.ownership, host.network, isBackupOnly: isBackupOnly)
        virtualAddressesChanged()
        if host.virtuals.mayBeHosts { stopAll(.addresses) }
    }

    private mutating func virtualAddressesChanged() {
        host.locals.outdate()
        looksAtKnown = carrying.isOn || host.virtuals.mayBeHosts
    }

    /// Every virtual address, in order, and who has it now.
    public mutating func virtualAddresses() -> [VirtualAddress] { virtualAddressHolders().addresses }

    /// The same as sets.
    public mutating func virtualAddressHolders() -> VirtualAddressHolders {
        followVirtualAddresses()
        var holders = VirtualAddressHolders()
        (holders.handled, holders.owned, holders.waiting) = (host.virtuals.handled, host.virtuals.owned, host.virtuals.waiting)
        return holders
    }

    /// Virtual addresses that nobody has now.
    @inline(__always)
    public mutating func waitingAddresses() -> Set<IPAddress> {
        followVirtualAddresses()
        return host.virtuals.waiting
    }
}

extension HostView {
    /// Whether the host beside the director sees no fragments to an address, so that the director has to speak for it.
    mutating func isKeptFromHost(_ address: IPAddress) -> Bool {
        answers(for: address) || !virtuals.isBackupOnly && virtuals.handled.contains(address)
    }
}
