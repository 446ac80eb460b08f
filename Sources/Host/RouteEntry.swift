import Clibnl
import Glibc
import LVS
import Wire

/// A route as the kernel tells of it.
struct RouteEntry {
    let route: LVS.Network.Route
    /// Several next hops, of which `route` holds those that are alive.
    let isMultipath: Bool

    /// Whether the route is one of a table, not a copy in a cache, and for packets from everywhere.
    static func isKept(_ fixed: rtmsg) -> Bool { fixed.rtm_flags & UInt32(RTM_F_CLONED) == 0 && fixed.rtm_src_len == 0 }

    /// What of a route is not followed, in words; `nil` for nearly every one.
    static func unfollowed(_ message: RtnetlinkMessage) -> String? {
        guard let fixed = message.fixed(rtmsg.self), fixed.rtm_flags & UInt32(RTM_F_CLONED) == 0 else { return nil }
        var isEncapsulated = false, isWithoutHops = true, prefix = "default", nextHop: UInt32?
        message.forEachAttribute(behind: MemoryLayout<rtmsg>.size) { type, bytes in
            switch type {
            case Int(RTA_ENCAP.rawValue): isEncapsulated = true
            case Int(RTA_OIF.rawValue), Int(RTA_MULTIPATH.rawValue): isWithoutHops = false
            case Int(RTA_NH_ID.rawValue): nextHop = bytes.count >= 4 ? bytes.loadUnaligned(as: UInt32.self) : nil
            default: break
            }
            if type == Int(RTA_DST.rawValue), let address = IPAddress(network: bytes) { prefix = "\(address)/\(fixed.rtm_dst_len)" }
        }
        if fixed.rtm_src_len != 0 { return "route \(prefix): for packets from certain sources only, is not followed" }
        if let nextHop, isWithoutHops, Int(fixed.rtm_type) == RTN_UNICAST {
            return "route \(prefix): nhid \(nextHop) is not followed while net.ipv4.nexthop_compat_mode is 0"
        }
        return isEncapsulated ? "route \(prefix): its encapsulation (encap) is not followed, packets leave without" : nil
    }

    /// `nil` for a route that is not kept, and for one that is not a deletion and whose next hops are all dead.
    init?(_ message: RtnetlinkMessage) {
        guard let fixed = message.fixed(rtmsg.self), Self.isKept(fixed), let family = IPFamily(netlink: Int32(fixed.rtm_family)),
            let kind = Self.kind(Int(fixed.rtm_type))
        else { return nil }
        var parsed: OpaquePointer?
        guard rtnl_route_parse(message.header, &parsed) >= 0, let parsed else { return nil }
        defer { rtnl_route_put(parsed) }
        let hops = Self.hops(of: parsed)
        guard !hops.isEmpty || kind != .unicast || message.type == Int32(RTM_DELROUTE) else { return nil }

        var mtu: UInt32 = 0
        if rtnl_route_get_metric(parsed, Int32(RTAX_MTU), &mtu) < 0 { mtu = 0 }
        var route = LVS.Network.Route(
            prefix: IPAddress(rtnl_route_get_dst(parsed)) ?? .unspecified(family), length: Int(fixed.rtm_dst_len),
            gateway: hops.first?.gateway, interface: hops.first?.interface ?? 0, kind: kind, mtu: Int(mtu),
            metric: rtnl_route_get_priority(parsed), source: IPAddress(rtnl_route_get_pref_src(parsed)),
            table: rtnl_route_get_table(parsed))
        if family == .v4 { route.typeOfService = fixed.rtm_tos }
        if hops.count > 1 { route.nextHops = hops }
        isMultipath = rtnl_route_get_nnexthops(parsed) > 1
        message.forEachAttribute(behind: MemoryLayout<rtmsg>.size) { type, bytes in
            // High, medium and low are 1, 0 and 3 (RFC 4191 section 2.1).
            if type == Int(RTA_PREF.rawValue), let value = bytes.first { route.preference = value == 1 ? 1 : value == 3 ? -1 : 0 }
        }
        self.route = route
    }

    private static func kind(_ type: Int) -> LVS.Network.Route.Kind? {
        switch type {
        case RTN_UNICAST: .unicast
        case RTN_LOCAL, RTN_ANYCAST: .local
        case RTN_BROADCAST, RTN_MULTICAST: .broadcast
        case RTN_BLACKHOLE: .blackhole
        case RTN_PROHIBIT: .prohibit
        case RTN_UNREACHABLE: .unreachable
        case RTN_THROW: .throw
        default: nil
        }
    }

    /// The next hops that are alive.
    private static func hops(of route: OpaquePointer) -> [LVS.Network.NextHop] {
        (0..<max(rtnl_route_get_nnexthops(route), 0)).compactMap { place in
            guard let hop = rtnl_route_nexthop_n(route, place), rtnl_route_nh_get_flags(hop) & UInt32(RTNH_F_DEAD) == 0 else { return nil }
            return LVS.Network.NextHop(
                gateway: IPAddress(rtnl_route_nh_get_gateway(hop)) ?? IPAddress(rtnl_route_nh_get_via(hop)),
                interface: rtnl_route_nh_get_ifindex(hop), weight: Int(rtnl_route_nh_get_weight(hop)) + 1)
        }
    }
}

extension IPAddress {
    /// The 4 or 16 bytes of an attribute.
    init?(network bytes: UnsafeRawBufferPointer) {
        guard let base = bytes.baseAddress, bytes.count == 4 || bytes.count == 16 else { return nil }
        let lent = Bytes(UnsafeMutableRawPointer(mutating: base), count: bytes.count)
        self = bytes.count == 4 ? lent.ipv4(at: 0) : lent.ipv6(at: 0)
    }
}

extension IPFamily {
    /// AF_INET, AF_INET6.
    init?(netlink number: Int32) {
        switch number {
        case AF_INET: self = .v4
        case AF_INET6: self = .v6
        default: return nil
        }
    }
}
