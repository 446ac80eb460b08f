import Clibnl
import Glibc
public import Wire

/// A real server that is the director's host itself, as its answers bear it.
public struct LocalServer: Hashable, Sendable {
    /// IP protocol number.
    public var proto: UInt8
    public var address: IPAddress
    /// Host order; 0 for every port.
    public var port: UInt16

    public init(proto: UInt8, address: IPAddress, port: UInt16) {
        self.proto = proto
        self.address = address
        self.port = port
    }
}

/// Leads what local servers answer into a TUN device, for the director to translate: a policy rule for each server
/// (ip-rule(8): `iif lo from ADDRESS ipproto PROTO sport PORT`) to a routing table that holds one default route.
///
/// The rules go with this object. After kill -9 they stay, but the device is gone and its route with it, so that they lead
/// nowhere and the host's other rules decide; the next `LocalServerRouting` removes them.
public final class LocalServerRouting {
    /// Between the local table's rule (0) and everybody else's.
    static var priority: UInt32 { 0x5356 }
    /// Who made a rule or route (`ip rule` shows it as `proto`); below 192 belong to routing daemons, 255 is the last.
    static var origin: UInt8 { 0xd5 }
    /// The table of a device is this plus the device's interface index.
    static var firstTable: UInt32 { 0x5356_0000 }

    private let socket: NetlinkSocket
    private var led: Set<LocalServer> = []
    private var table: UInt32 = 0
    /// Longest packets of the route of each family that there is.
    private var routes: [IPFamily: Int] = [:]

    /// Removes what directors that were killed have left. Needs CAP_NET_ADMIN; acts in the calling thread's network namespace.
    public init() throws(HostError) {
        socket = try NetlinkSocket()
        try removeLeftovers()
    }

    deinit { end() }

    /// Leads the answers of exactly these servers into the device. `mtu` is what the director's interfaces carry: peers are
    /// asked for TCP segments that fit (`advmss`). One and the same device at every call.
    public func route(_ servers: Set<LocalServer>, into device: TUNDevice, mtu: Int) throws(HostError) {
        table = Self.firstTable &+ UInt32(bitPattern: device.index)
        for family in Set(servers.map(\.address.family)) where routes[family] != mtu {
            try addRoute(family, through: device, mtu: mtu)
            routes[family] = mtu
        }
        for server in led.subtracting(servers) {
            try change(server, isAddition: false)
            led.remove(server)
        }
        for server in servers.subtracting(led) {
            try change(server, isAddition: true)
            led.insert(server)
        }
    }

    /// Removes the rules; the route vanishes with its device.
    public func end() {
        for server in led { try? change(server, isAddition: false) }
        led = []
    }

    private func change(_ server: LocalServer, isAddition: Bool) throws(HostError) {
        let what = "\(isAddition ? "lead" : "stop leading") the host's answers from \(server.address) into the director"
        guard let rule = rtnl_rule_alloc() else { throw HostError(what, errno: ENOMEM) }
        defer { rtnl_rule_put(rule) }
        let family = server.address.isV4 ? AF_INET : AF_INET6
        guard let source = server.address.withNetworkBytes({ nl_addr_build(family, $0, $1) }) else { throw HostError(what, errno: ENOMEM) }
        defer { nl_addr_put(source) }
        rtnl_rule_set_family(rule, family)
        rtnl_rule_set_prio(rule, Self.priority)
        rtnl_rule_set_protocol(rule, Self.origin)
        rtnl_rule_set_action(rule, UInt8(FR_ACT_TO_TBL))
        rtnl_rule_set_table(rule, table)
        rtnl_rule_set_src(rule, source)
        // Only what the host itself sends.
        rtnl_rule_set_iif(rule, "lo")
        rtnl_rule_set_ipproto(rule, server.proto)
        if server.port != 0 { rtnl_rule_set_sport(rule, server.port) }
        var message: OpaquePointer?
        var status =
            isAddition
            ? rtnl_rule_build_add_request(rule, NLM_F_CREATE | NLM_F_EXCL, &message)
            : rtnl_rule_build_delete_request(rule, 0, &message)
        if status >= 0, let message { status = socket.carryOut(message) }
        guard status >= 0 || status == (isAddition ? -NLE_EXIST : -NLE_OBJ_NOTFOUND) else { throw .netlink(what, status) }
    }

    private func addRoute(_ family: IPFamily, through device: TUNDevice, mtu: Int) throws(HostError) {
        let what = "make a route through \(device.name)"
        guard let route = rtnl_route_alloc(), let hop = rtnl_route_nh_alloc(), let all = nl_addr_alloc(0) else {
            throw HostError(what, errno: ENOMEM)
        }
        defer { rtnl_route_put(route); nl_addr_put(all) }
        let number = family == .v4 ? AF_INET : AF_INET6
        nl_addr_set_family(all, number)
        rtnl_route_set_family(route, UInt8(number))
        rtnl_route_set_table(route, table)
        rtnl_route_set_protocol(route, Self.origin)
        rtnl_route_set_scope(route, UInt8(RT_SCOPE_LINK.rawValue))
        rtnl_route_set_dst(route, all)
        rtnl_route_set_metric(route, Int32(RTAX_ADVMSS), UInt32(clamping: max(mtu - (family == .v4 ? 40 : 60), 88)))
        rtnl_route_nh_set_ifindex(hop, device.index)
        rtnl_route_add_nexthop(route, hop)
        var message: OpaquePointer?
        var status = rtnl_route_build_add_request(route, NLM_F_CREATE | NLM_F_REPLACE, &message)
        if status >= 0, let message { status = socket.carryOut(message) }
        guard status >= 0 else { throw .netlink(what, status) }
    }

    /// Removes rules of ours whose device is gone.
    private func removeLeftovers() throws(HostError) {
        var leftovers: [OpaquePointer] = []
        defer { for rule in leftovers { rtnl_rule_put(rule) } }
        for family in [AF_INET, AF_INET6] {
            _ = try socket.dump(Int32(RTM_GETRULE), family: family, "policy rules") { message in
                let leftover = message.withObject { (rule: OpaquePointer) -> OpaquePointer? in
                    guard Self.isLeftover(rule) else { return nil }
                    nl_object_get(rule)
                    return rule
                }
                if let leftover { leftovers.append(leftover) }
            }
        }
        for rule in leftovers {
            var message: OpaquePointer?
            var status = rtnl_rule_build_delete_request(rule, 0, &message)
            if status >= 0, let message { status = socket.carryOut(message) }
            guard status >= 0 || status == -NLE_OBJ_NOTFOUND else { throw .netlink("remove a policy rule of a dead director", status) }
        }
    }

    private static func isLeftover(_ rule: OpaquePointer) -> Bool {
        var made: UInt8 = 0
        guard rtnl_rule_get_protocol(rule, &made) >= 0, made == origin, rtnl_rule_get_prio(rule) == priority else { return false }
        let table = rtnl_rule_get_table(rule)
        guard table > firstTable else { return false }
        var name = [CChar](repeating: 0, count: Int(IF_NAMESIZE))
        return if_indextoname(table - firstTable, &name) == nil
    }
}
