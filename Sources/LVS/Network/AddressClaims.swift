public import Wire

/// Somebody else on a wire who says that a virtual address is his, while it is the director's.
public struct AddressClaim: Hashable, Sendable {
    public var address: IPAddress
    public var mac: MACAddress
    /// Where it was heard.
    public var interface: Int32
    /// When it was heard for the first time, and last.
    public var first: Instant
    public var last: Instant
}

/// What others have claimed by ARP and neighbour discovery, the oldest first.
struct AddressClaims {
    private(set) var all: [AddressClaim] = []
    /// Claims that are remembered: who claims more is known well enough.
    private static let capacity = 64

    mutating func note(_ address: IPAddress, _ mac: MACAddress, on interface: Int32, at now: Instant) {
        all.removeAll { now - $0.last > AddressClaim.patience }
        if let place = all.firstIndex(where: { $0.address == address && $0.mac == mac && $0.interface == interface }) {
            all[place].last = now
        } else if all.count < Self.capacity {
            all.append(AddressClaim(address: address, mac: mac, interface: interface, first: now, last: now))
        }
    }
}

extension AddressClaim {
    /// Nanoseconds after which a claim that was not heard again is past.
    public static var patience: Instant { 75 * second }
}

extension Director {
    /// What others on the wires have claimed of the director's virtual addresses.
    public var addressClaims: [AddressClaim] { host.claims.all }

    /// Takes notice of an address that a neighbour says is his. Only those count that neighbours find here: what the host has on
    /// its loopback alone, for a router or as a server, others may have as well.
    @inline(never)
    mutating func noteClaim(of address: IPAddress, by mac: MACAddress, on interface: Int32) {
        guard host.virtuals.handled.contains(address), !isBackupOnly, !host.network.interfaces.contains(where: { $0.mac == mac }),
            host.virtuals.owned.contains(address) || host.network.isOnWire(address)
        else { return }
        host.claims.note(address, mac, on: interface, at: now)
    }
}

extension Network {
    /// Whether an address is configured on an interface other than the loopback.
    public func isOnWire(_ address: IPAddress) -> Bool {
        addresses.contains { $0.address == address && interface($0.interface)?.isLoopback == false }
    }
}
