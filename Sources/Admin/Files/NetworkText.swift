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
            lines.append("addr add \(address.address)/\(address.prefixLength) dev \(name) noprefixroute")
        }
        let own = Set(network.addresses.map(\.address))
        // Of several routes of one prefix and metric, such as each link's own to fe80::/64, the first one counts.
        var known: Set<NetworkBuilder.RouteKey> = []
        let routes = network.routes.filter { route in
            guard !route.prefix.isMulticast, let interface = network.interface(route.interface) else { return false }
            let isImplied = route.kind == .local && route.length == route.prefix.family.width && own.contains(route.prefix)
            guard !isImplied, !(interface.isLoopback && route.prefix.isLoopback) else { return false }
            return (interface.isUp || route.kind != .unicast) && known.insert(NetworkBuilder.RouteKey(route)).inserted
        }
        // Routes without a gateway first: they lead to the gateways of the others.
        for route in routes.filter({ $0.gateway == nil }) + routes.filter({ $0.gateway != nil }) {
            if let interface = network.interface(route.interface) { lines.append(line(route, interface)) }
        }
        let neighbors = network.neighbors.sorted { ($0.key.interface, $0.key.address) < ($1.key.interface, $1.key.address) }
        for (key, mac) in neighbors where !key.address.isMulticast {
            guard let name = name(key.interface), mac.bits != 0 else { continue }
            lines.append("neigh replace \(key.address) lladdr \(mac) dev \(name) nud permanent")
        }
        return lines.map { $0 + "\n" }.joined()
    }

    private static func line(_ route: Network.Route, _ interface: Network.Interface) -> String {
        var words = ["route", "append"]
        if route.kind != .unicast { words.append("\(route.kind)") }
        words.append("\(route.prefix)/\(route.length)")
        if let gateway = route.gateway { words += ["via", "\(gateway)"] }
        words += ["dev", interface.name]
        if let source = route.source { words += ["src", "\(source)"] }
        if route.metric != 0 { words += ["metric", "\(route.metric)"] }
        if route.mtu != 0 { words += ["mtu", "\(route.mtu)"] }
        if route.gateway != nil { words.append("onlink") }
        if route.kind == .local || route.kind == .broadcast { words += ["table", "local"] }
        return words.joined(separator: " ")
    }
}
