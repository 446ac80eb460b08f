public import LVS
import Wire

extension NetworkFile {
    /// A network as lines that this file's reader, and `ip -batch`, make the same network of: links, addresses without the
    /// routes that they would bring, then all routes, then neighbours. What the director has no use for is left out: routes
    /// for groups, link-local addresses of links that are down.
    public static func text(of network: Network) -> String {
        var lines: [String] = []
        func name(_ index: Int32) -> String? { network.interface(index)?.name }
        for interface in network.interfaces where !interface.isLoopback {
            lines.append(
                "link set dev \(interface.name) address \(interface.mac) mtu \(min(max(interface.mtu, 68), 65535)) addrgenmode none")
            if interface.isUp { lines.append("link set dev \(interface.name) up") }
        }
        lines.append("link set dev lo up")
        for address in network.addresses where !address.address.isLoopback {
            guard let name = name(address.interface) else { continue }
            let usual = Network.Address(address: address.address, prefixLength: address.prefixLength, interface: address.interface).scope
            let scope = address.scope == usual ? "" : " scope \(address.scope)"
            lines.append("addr add \(address.address)/\(address.prefixLength) dev \(name)\(scope) noprefixroute")
        }
        let own = Set(network.addresses.map(\.address))
        // Of several routes of one prefix and metric, such as each link's own to fe80::/64, the first one counts.
        var known: Set<NetworkBuilder.RouteKey> = []
        let routes = network.routes.filter { route in
            guard !route.prefix.isMulticast else { return false }
            if hasInterface(route.kind) {
                guard let interface = network.interface(route.interface) else { return false }
                let isImplied =
                    route.kind == .local && route.table == RouteTableID.local
                    && route.length == route.prefix.family.width && own.contains(route.prefix)
                guard !isImplied, !(interface.isLoopback && route.prefix.isLoopback) else { return false }
                guard interface.isUp || route.kind != .unicast else { return false }
            }
            return known.insert(NetworkBuilder.RouteKey(route)).inserted
        }
        // Routes without a gateway first: they lead to the gateways of the others.
        for route in routes.filter({ $0.gateway == nil }) + routes.filter({ $0.gateway != nil }) {
            lines.append(line(route, network))
        }
        lines += ruleLines(of: network)
        let neighbors = network.neighbors.sorted { ($0.key.interface, $0.key.address) < ($1.key.interface, $1.key.address) }
        for (key, mac) in neighbors where !key.address.isMulticast {
            guard let name = name(key.interface), mac.bits != 0 else { continue }
            lines.append("neigh replace \(key.address) lladdr \(mac) dev \(name) nud permanent")
        }
        return lines.map { $0 + "\n" }.joined()
    }

    private static func hasInterface(_ kind: Network.Route.Kind) -> Bool { kind == .unicast || kind == .local || kind == .broadcast }

    private static func line(_ route: Network.Route, _ network: Network) -> String {
        var words = ["route", "append"]
        if route.kind != .unicast { words.append("\(route.kind)") }
        words.append("\(route.prefix)/\(route.length)")
        if route.typeOfService != 0 { words += ["tos", "0x" + String(route.typeOfService, radix: 16)] }
        if hasInterface(route.kind), route.nextHops.isEmpty {
            words += hop(Network.NextHop(gateway: route.gateway, interface: route.interface), network)
        }
        if let source = route.source { words += ["src", "\(source)"] }
        if route.metric != 0 { words += ["metric", "\(route.metric)"] }
        if route.mtu != 0 { words += ["mtu", "\(route.mtu)"] }
        if route.gateway != nil, route.nextHops.isEmpty { words.append("onlink") }
        if route.table != RouteTableID.main { words += ["table", RouteTableID.name(of: route.table)] }
        for next in route.nextHops {
            words += ["nexthop"] + hop(next, network) + ["weight", "\(next.weight)"]
            if next.gateway != nil { words.append("onlink") }
        }
        return words.joined(separator: " ")
    }

    private static func hop(_ hop: Network.NextHop, _ network: Network) -> [String] {
        (hop.gateway.map { ["via", "\($0)"] } ?? []) + ["dev", network.interface(hop.interface)?.name ?? "lo"]
    }

    /// Rules as they differ from those that every host begins with.
    private static func ruleLines(of network: Network) -> [String] {
        var lines: [String] = []
        for family in [IPFamily.v4, .v6] {
            let rules = network.rules.filter { $0.family == family }, standard = PolicyRule.standard.filter { $0.family == family }
            let object = family == .v4 ? "rule" : "-6 rule"
            // Made again, a standard rule stands behind others of its priority: it is left where it is if it can be.
            let keepsStandard = standard.allSatisfy { known in rules.first { $0.priority == known.priority } == known }
            if !keepsStandard { lines += standard.map { "\(object) delete priority \($0.priority)" } }
            lines += rules.filter { !keepsStandard || !standard.contains($0) }.map { "\(object) add \($0)" }
            if family == .v4, rules == standard, !network.joinsLocalAndMain {
                // It says nothing, but that IPv4's tables local and main are apart.
                lines.append("rule add priority 32767 nop")
            }
        }
        return lines
    }
}
