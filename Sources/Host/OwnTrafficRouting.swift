import Clibnl
import Glibc
import Wire

/// Leads traffic of the host's own into a TUN device, for the director: policy rules (ip-rule(8): `iif lo from ADDRESS ipproto
/// PROTO sport PORT`, `iif lo to ADDRESS ipproto PROTO dport PORT`) to a routing table whose routes all end there.
///
/// Rules about the host's own addresses have to be asked before the table `local`. They get the same priority as its rule, 0,
/// which is then made anew behind them: at every moment there is one, and it never has another priority.
///
/// The rules go with this object. After kill -9 they stay, but the device is gone and its routes with it, so that they lead
/// nowhere and the host's other rules decide; the next `OwnTrafficRouting` removes them.
public final class OwnTrafficRouting {
    /// Of rules that need not come before the local table's: behind it, and before everybody else's.
    static var priority: UInt32 { 0x5356 }
    /// Who made a rule or route (`ip rule` shows it as `proto`); below 192 belong to routing daemons, 255 is the last.
    static var origin: UInt8 { 0xd5 }
    /// The table of a device is this plus the device's interface index.
    static var firstTable: UInt32 { 0x5356_0000 }

    private let rules: PolicyRuleSet
    private let socket: NetlinkSocket
    private var led: Set<OwnTraffic.Match> = []
    private var routes: [LedRoute.Key: LedRoute] = [:]

    /// Removes what directors that were killed have left. Needs CAP_NET_ADMIN; acts in the calling thread's network namespace.
    public init() throws(HostError) {
        socket = try NetlinkSocket()
        rules = PolicyRuleSet(socket)
        try rules.removeLeftovers()
    }

    deinit { end() }

    /// Leads exactly this into the device. `mtu` is what the director's interfaces carry: peers are asked for TCP segments
    /// that fit (`advmss`). One and the same device at every call.
    public func lead(_ traffic: OwnTraffic, into device: TUNDevice, mtu: Int) throws(HostError) {
        let table = Self.firstTable &+ UInt32(bitPattern: device.index)
        var wanted: [LedRoute.Key: LedRoute] = [:]
        for match in traffic.answers {
            let all = LedRoute(to: .unspecified(match.family), length: 0, carried: mtu)
            wanted[all.key] = all
        }
        for (address, client) in traffic.clients {
            let single = LedRoute(to: address, length: address.family.width, by: client, carried: mtu)
            wanted[single.key] = single
        }
        for (key, route) in wanted where routes[key] != route {
            try route.add(in: table, through: device, by: socket)
            routes[key] = route
        }
        let matches = traffic.answers.union(traffic.requests)
        for match in led.subtracting(matches) {
            try rules.remove(match, table)
            led.remove(match)
        }
        for match in matches.subtracting(led) {
            try rules.add(match, table)
            led.insert(match)
        }
        for family in [IPFamily.v4, .v6] where led.contains(where: { $0.family == family && $0.isForHost }) {
            try rules.putLocalLast(family)
        }
        for (key, route) in routes where wanted[key] == nil {
            try route.remove(from: table, through: device, by: socket)
            routes[key] = nil
        }
        self.table = table
    }

    private var table: UInt32 = 0

    /// Removes the rules; the routes vanish with their device.
    public func end() {
        for match in led { try? rules.remove(match, table) }
        led = []
    }
}

/// A route into the device.
private struct LedRoute: Equatable {
    struct Key: Hashable {
        var prefix: IPAddress
        var length: Int
    }

    var key: Key
    /// How the host asks the address; `nil` for answers, which go to anybody.
    var client: OwnTraffic.Client?
    /// Bytes of a packet that the director's interfaces carry.
    var carried: Int

    init(to prefix: IPAddress, length: Int, by client: OwnTraffic.Client? = nil, carried: Int) {
        key = Key(prefix: prefix, length: length)
        self.client = client
        self.carried = carried
    }

    func add(in table: UInt32, through device: TUNDevice, by socket: NetlinkSocket) throws(HostError) {
        let what = "make a route through \(device.name)"
        try withRoute(in: table, through: device, what) { route throws(HostError) in
            var message: OpaquePointer?
            var status = rtnl_route_build_add_request(route, NLM_F_CREATE | NLM_F_REPLACE, &message)
            if status >= 0, let message { status = socket.carryOut(message) }
            guard status >= 0 else { throw .netlink(what, status) }
        }
    }

    func remove(from table: UInt32, through device: TUNDevice, by socket: NetlinkSocket) throws(HostError) {
        let what = "remove a route through \(device.name)"
        try withRoute(in: table, through: device, what) { route throws(HostError) in
            var message: OpaquePointer?
            var status = rtnl_route_build_del_request(route, 0, &message)
            if status >= 0, let message { status = socket.carryOut(message) }
            // With its source address the kernel may have dropped it.
            guard status >= 0 || status == -NLE_OBJ_NOTFOUND else { throw .netlink(what, status) }
        }
    }

    private func withRoute(
        in table: UInt32, through device: TUNDevice, _ what: String, _ body: (OpaquePointer) throws(HostError) -> Void
    ) throws(HostError) {
        let isV4 = key.prefix.isV4, number = isV4 ? AF_INET : AF_INET6
        guard let route = rtnl_route_alloc(), let hop = rtnl_route_nh_alloc(), let prefix = NetlinkAddress(key.prefix, length: key.length)
        else { throw HostError(what, errno: ENOMEM) }
        defer { rtnl_route_put(route) }
        rtnl_route_set_family(route, UInt8(number))
        rtnl_route_set_table(route, table)
        rtnl_route_set_protocol(route, OwnTrafficRouting.origin)
        rtnl_route_set_scope(route, UInt8(RT_SCOPE_LINK.rawValue))
        rtnl_route_set_dst(route, prefix.pointer)
        rtnl_route_set_metric(route, Int32(RTAX_ADVMSS), UInt32(clamping: max(carried - (isV4 ? 40 : 60), 88)))
        if let client {
            // What an ICMP error teaches the host about an address is lost on a way that rules with ports lead to.
            rtnl_route_set_metric(route, Int32(RTAX_MTU), UInt32(clamping: max(client.mtu, isV4 ? 576 : 1280)))
            if let source = client.source, let own = NetlinkAddress(source) { rtnl_route_set_pref_src(route, own.pointer) }
        }
        rtnl_route_nh_set_ifindex(hop, device.index)
        rtnl_route_add_nexthop(route, hop)
        try body(route)
    }
}
