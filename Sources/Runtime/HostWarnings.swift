import Admin
import Host
import LVS
import Wire

/// What the host around a director keeps from working as its services seem to say. Looked at once services and network are known.
enum HostWarnings {
    /// One for each kind of thing, with the first server that it concerns.
    static func faults(_ director: borrowing Director) -> [Fault] { faults(director.inventory().services, director.network) }

    static func faults(_ services: [ServiceRecord], _ network: Network) -> [Fault] {
        var translated = ConcernedServers(), translated6 = ConcernedServers(), routed = ConcernedServers(), unreachable = ConcernedServers()
        for service in services {
            for server in service.servers where !network.isLocal(server.key.address) {
                let server = (service.key, server.key, server.settings.method)
                if server.2 == .masquerading {
                    if service.key.family == .v4, !network.forwards4 { translated.add(server.0, server.1) }
                    if service.key.family == .v6, !network.forwards6 { translated6.add(server.0, server.1) }
                }
                let path = network.path(to: server.1.address)
                if path.kind == .noRoute {
                    unreachable.add(server.0, server.1)
                } else if server.2 == .directRouting, path.nextHop != server.1.address {
                    routed.add(server.0, server.1, " by \(path.nextHop)")
                }
            }
        }
        return [
            translated.fault(
                "nat-forwarding", "NAT while net.ipv4.ip_forward is 0: no answer passes", cure: "sysctl -w net.ipv4.ip_forward=1"),
            translated6.fault(
                "nat-forwarding", "NAT while net.ipv6.conf.all.forwarding is 0: no answer passes",
                cure: "sysctl -w net.ipv6.conf.all.forwarding=1"),
            routed.fault(
                "dr-router", "direct routing reaches only what is on a wire of the director, and the way there leads past a router",
                cure: "tunnelling (-i) or NAT (-m) for it"),
            unreachable.fault(Verdict.noRoute.name, "no route leads there"),
        ].compactMap { $0 }
    }

    /// The same as lines of the log.
    static func lines(_ director: borrowing Director) -> [String] { faults(director).map(line) }

    static func lines(_ services: [ServiceRecord], _ network: Network) -> [String] { faults(services, network).map(line) }

    private static func line(_ fault: Fault) -> String { "warning: \(fault.text)" + (fault.cure.isEmpty ? "" : "; \(fault.cure)") }

    /// What an interface does that cannot be directed; `nil` for one that is as it should be.
    static func fault(of interface: String) -> Fault? {
        guard let facts = try? LinkFacts(of: interface), facts.hasLRO else { return nil }
        return Fault(
            "lro", "interface \(interface) has large receive offload on: merged packets cannot be forwarded",
            cure: "ethtool -K \(interface) lro off")
    }

    /// The same as a line of the log.
    static func line(of interface: String) -> String? { fault(of: interface).map(line) }

    /// Servers that one thing is wrong with.
    private struct ConcernedServers {
        private var first: String?
        private var others = 0

        mutating func add(_ service: ServiceKey, _ server: ServerKey, _ way: String = "") {
            guard first == nil else { return others += 1 }
            first = "server \(server)\(way) of service \(service)"
        }

        func fault(_ code: String, _ text: String, cure: String = "") -> Fault? {
            first.map { Fault(code, "\($0)\(others > 0 ? " and \(counted(others, "other"))" : ""): \(text)", cure: cure) }
        }
    }
}
