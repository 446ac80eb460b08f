import Clibnl
import Glibc
import LVS
import Wire

extension IPAddress {
    /// An address of libnl; `nil` when it is none of IP or holds no bytes.
    init?(_ address: OpaquePointer?) {
        guard let address, let bytes = nl_addr_get_binary_addr(address) else { return nil }
        switch (nl_addr_get_family(address), nl_addr_get_len(address)) {
        case (AF_INET, 4): self = Bytes(bytes, count: 4).ipv4(at: 0)
        case (AF_INET6, 16): self = Bytes(bytes, count: 16).ipv6(at: 0)
        default: return nil
        }
    }
}

/// Interface flags of if.h (IFF_UP, IFF_LOOPBACK).
private enum LinkFlags {
    static var up: UInt32 { 0x1 }
    static var loopback: UInt32 { 0x8 }
}

extension LVS.Network.Interface {
    /// `link` is a `struct rtnl_link`. A link without an Ethernet address has MAC zero.
    init?(link: OpaquePointer) {
        guard let name = rtnl_link_get_name(link) else { return nil }
        let flags = rtnl_link_get_flags(link)
        self.init(
            index: rtnl_link_get_ifindex(link), name: String(cString: name),
            mac: MACAddress(rtnl_link_get_addr(link)) ?? .zero, mtu: Int(rtnl_link_get_mtu(link)),
            isUp: flags & LinkFlags.up != 0, isLoopback: flags & LinkFlags.loopback != 0)
    }
}

extension MACAddress {
    /// A link-layer address of libnl; `nil` unless it has six octets.
    init?(_ address: OpaquePointer?) {
        guard let address, nl_addr_get_len(address) == 6, let bytes = nl_addr_get_binary_addr(address) else { return nil }
        self = Bytes(bytes, count: 6).mac(at: 0)
    }
}

extension LVS.Network.Address {
    /// `address` is a `struct rtnl_addr`. Of a point-to-point address the own end counts.
    init?(address: OpaquePointer) {
        guard let local = IPAddress(rtnl_addr_get_local(address)) else { return nil }
        self.init(
            address: local, prefixLength: Int(rtnl_addr_get_prefixlen(address)),
            interface: rtnl_addr_get_ifindex(address))
    }
}

/// Whether duplicate address detection has not passed an address (RFC 4862 section 5.4), which is then not assigned yet;
/// the kernel tells of it only afterwards. `address` is a `struct rtnl_addr`.
func isTentative(_ address: OpaquePointer) -> Bool {
    let flags = Int(rtnl_addr_get_flags(address))
    return flags & Int(IFA_F_TENTATIVE) != 0 && flags & Int(IFA_F_OPTIMISTIC) == 0
}

/// A neighbour entry: the MAC is `nil` while the kernel knows none that works.
struct NeighborEntry {
    let key: LVS.Network.NeighborKey
    let mac: MACAddress?
    /// The kernel has asked for the MAC in vain.
    let hasFailed: Bool

    /// States in which the kernel itself would send to the entry's MAC; NOARP entries stand for multicast and the like.
    private static var usable: Int32 { NUD_REACHABLE | NUD_STALE | NUD_DELAY | NUD_PROBE | NUD_PERMANENT }

    /// `neighbor` is a `struct rtnl_neigh`.
    init?(neighbor: OpaquePointer) {
        guard rtnl_neigh_get_flags(neighbor) & UInt32(NTF_PROXY) == 0,
            let address = IPAddress(rtnl_neigh_get_dst(neighbor))
        else { return nil }
        key = LVS.Network.NeighborKey(address: address, interface: rtnl_neigh_get_ifindex(neighbor))
        let state = rtnl_neigh_get_state(neighbor)
        hasFailed = state > 0 && state & NUD_FAILED != 0
        mac = state > 0 && state & Self.usable != 0 ? MACAddress(rtnl_neigh_get_lladdr(neighbor)) : nil
    }
}

/// A route of the local or the main table.
struct RouteEntry {
    let route: LVS.Network.Route
    let isLocalTable: Bool
    /// Several next hops, of which `route` holds the first that is alive.
    let isMultipath: Bool

    /// Whether the route stands in a table that is kept and holds whatever the type of service and the source; copies in
    /// a cache are none.
    static func isKept(_ fixed: rtmsg) -> Bool {
        (fixed.rtm_table == RT_TABLE_LOCAL.rawValue || fixed.rtm_table == RT_TABLE_MAIN.rawValue)
            && fixed.rtm_tos == 0 && fixed.rtm_src_len == 0 && fixed.rtm_flags & UInt32(RTM_F_CLONED) == 0
    }

    /// `nil` for a route that is not kept, and for one that is not a deletion and whose next hops are all dead.
    init?(_ message: RtnetlinkMessage) {
        guard let fixed = message.fixed(rtmsg.self), Self.isKept(fixed) else { return nil }
        let family: IPFamily
        switch Int32(fixed.rtm_family) {
        case AF_INET: family = .v4
        case AF_INET6: family = .v6
        default: return nil
        }
        var parsed: OpaquePointer?
        guard rtnl_route_parse(message.header, &parsed) >= 0, let parsed else { return nil }
        defer { rtnl_route_put(parsed) }

        let kind: LVS.Network.Route.Kind
        switch Int(fixed.rtm_type) {
        case RTN_UNICAST: kind = .unicast
        case RTN_LOCAL, RTN_ANYCAST: kind = .local
        case RTN_BROADCAST, RTN_MULTICAST: kind = .broadcast
        case RTN_BLACKHOLE: kind = .blackhole
        case RTN_PROHIBIT: kind = .prohibit
        // `throw` ends the search in this table; behind the main one nothing is left to search.
        case RTN_UNREACHABLE, RTN_THROW: kind = .unreachable
        default: return nil
        }
        var hop: OpaquePointer?
        let hops = rtnl_route_get_nnexthops(parsed)
        for i in 0..<max(hops, 0) {
            guard let candidate = rtnl_route_nexthop_n(parsed, i),
                rtnl_route_nh_get_flags(candidate) & UInt32(RTNH_F_DEAD) == 0
            else { continue }
            hop = candidate
            break
        }
        guard hop != nil || kind != .unicast || message.type == Int32(RTM_DELROUTE) else { return nil }

        var mtu: UInt32 = 0
        if rtnl_route_get_metric(parsed, Int32(RTAX_MTU), &mtu) < 0 { mtu = 0 }
        route = LVS.Network.Route(
            prefix: IPAddress(rtnl_route_get_dst(parsed)) ?? .unspecified(family), length: Int(fixed.rtm_dst_len),
            gateway: hop.flatMap { IPAddress(rtnl_route_nh_get_gateway($0)) ?? IPAddress(rtnl_route_nh_get_via($0)) },
            interface: hop.map { rtnl_route_nh_get_ifindex($0) } ?? 0, kind: kind, mtu: Int(mtu),
            metric: rtnl_route_get_priority(parsed), source: IPAddress(rtnl_route_get_pref_src(parsed)))
        isLocalTable = fixed.rtm_table == RT_TABLE_LOCAL.rawValue
        isMultipath = hops > 1
    }
}
