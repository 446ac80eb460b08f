import Clibnl
import Glibc
public import LVS
public import Wire

/// Has the kernel find out, and keep, the MACs of neighbours, as `ip neigh … use` does (RTM_NEWNEIGH with NTF_USE): it sends
/// the ARP requests or neighbour solicitations, and `HostNetwork` hears what came of them.
public final class NeighborResolver {
    /// How long nothing is asked again about an address whose MAC is unknown: as long as the kernel waits for an answer
    /// (net.ipv4.neigh.*.retrans_time_ms).
    public static var patience: Instant { second }
    /// How often a neighbour in use is reported as used: from the first report on after it has gone stale (15 to 45 seconds, by
    /// net.ipv4.neigh.*.base_reachable_time_ms) the kernel's time runs until it asks (delay_first_probe_time). A packet of the
    /// kernel's own would start it, so that nothing is to be gained by waiting.
    public static var refreshInterval: Instant { second }
    /// Addresses that are remembered, so that a scan of addresses cannot take all memory.
    static var capacity: Int { 8192 }

    private let socket: NetlinkSocket
    private var asked: [LVS.Network.NeighborKey: Instant] = [:]
    private var previouslyWanted: Set<LVS.Network.NeighborKey> = []
    /// What the kernel refused last, such as an interface that is gone.
    public private(set) var lastRefusal: HostError?

    /// Needs CAP_NET_ADMIN. Acts in the network namespace of the calling thread.
    public init() throws(HostError) {
        socket = try NetlinkSocket()
        socket.waitsForNothing()
    }

    /// Asks for the MAC of an address on a link; false when that was done a moment ago or too many addresses are waiting.
    @discardableResult
    public func resolve(_ address: IPAddress, on interface: Int32, at now: Instant) -> Bool {
        use(LVS.Network.NeighborKey(address: address, interface: interface), interval: Self.patience, at: now)
    }

    /// Asks for the MACs of all neighbours that are wanted now: at once for those that were not wanted at the last call, whatever
    /// became of earlier questions, then again and again.
    public func resolve(_ wanted: [LVS.Network.NeighborKey], at now: Instant) {
        for key in wanted {
            if !previouslyWanted.contains(key) { asked[key] = nil }
            _ = use(key, interval: Self.patience, at: now)
        }
        previouslyWanted = Set(wanted)
    }

    /// Reports neighbours as used, each at most once a second, so that the kernel verifies them again before they rot.
    public func refresh(_ used: some Sequence<LVS.Network.NeighborKey>, at now: Instant) {
        for key in used { _ = use(key, interval: Self.refreshInterval, at: now) }
    }

    private func use(_ key: LVS.Network.NeighborKey, interval: Instant, at now: Instant) -> Bool {
        guard key.interface > 0, !key.address.isMulticast, !key.address.isUnspecified else { return false }
        if let last = asked[key], now &- last < interval { return false }
        if asked.count >= Self.capacity, asked[key] == nil {
            asked = asked.filter { now &- $0.value < Self.refreshInterval }
            guard asked.count < Self.capacity else { return false }
        }
        asked[key] = now
        if let refusal = socket.refusal() { lastRefusal = HostError("resolve a neighbour", errno: refusal) }
        let status = request(key)
        if status < 0 { lastRefusal = .netlink("resolve neighbour \(key.address)", status) }
        return status >= 0
    }

    private func request(_ key: LVS.Network.NeighborKey) -> Int32 {
        guard let neighbor = rtnl_neigh_alloc() else { return -NLE_NOMEM }
        defer { rtnl_neigh_put(neighbor) }
        guard let address = NetlinkAddress(key.address) else { return -NLE_NOMEM }
        rtnl_neigh_set_ifindex(neighbor, key.interface)
        rtnl_neigh_set_dst(neighbor, address.pointer)
        rtnl_neigh_set_state(neighbor, NUD_NONE)
        rtnl_neigh_set_flags(neighbor, UInt32(NTF_USE))
        var message: OpaquePointer?
        let status = rtnl_neigh_build_add_request(neighbor, NLM_F_CREATE, &message)
        guard status >= 0, let message else { return status }
        return socket.send(message)
    }
}

extension IPAddress {
    /// Lends the 4 or 16 bytes in network order.
    func withNetworkBytes<Result>(_ body: (UnsafeMutableRawPointer, Int) -> Result) -> Result {
        var bytes = [UInt8](repeating: 0, count: isV4 ? 4 : 16)
        return bytes.withBytes {
            $0.setIP(self, at: 0)
            return body($0.base, $0.count)
        }
    }
}
