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
    static func fault(of interface: String) -> Fault? { (try? LinkFacts(of: interface)).flatMap { fault(of: interface, $0) } }

    static func fault(of interface: String, _ facts: LinkFacts) -> Fault? {
        guard facts.hasLRO else { return nil }
        return Fault(
            "lro", "interface \(interface) has large receive offload on: merged packets cannot be forwarded",
            cure: "ethtool -K \(interface) lro off")
    }

    /// The kernel's own IPVS, which would see the same packets.
    /// - Parameter listing: what /proc/net/ip_vs says: three lines of title, then the services.
    static func kernelFault(_ listing: String) -> [Fault] {
        guard listing.split(separator: "\n").count > 3 else { return [] }
        return [Fault("kernel-ipvs", "the kernel's own IPVS has services on this host too", cure: "ipvsadm -C && modprobe -r ip_vs")]
    }

    /// A reverse path filter on the device by which the host reaches the services itself.
    static func filterFault(of device: String, _ filter: ReversePathFilter?) -> [Fault] {
        guard filter == .strict else { return [] }
        return [
            Fault(
                "rp-filter", "\(device) drops what services answer to this host itself (rp_filter is strict)",
                cure: "sysctl -w net.ipv4.conf.\(device).rp_filter=2")
        ]
    }

    /// Rules of the host's firewall that concern packets of services, and that the director passes over.
    /// - Parameters:
    ///   - director: with the host's rules.
    ///   - isHonoured: the running one drops what they drop.
    static func firewallFaults(_ director: borrowing Director, isHonoured: Bool) -> [Fault] {
        guard isHonoured else {
            let services = director.inventory().services.map(\.key)
            guard [director.firewall4, director.firewall6].contains(where: { $0.drops($0.taken(by: services)) }) else { return [] }
            return [
                Fault(
                    "firewall-ignored",
                    "the host's firewall drops packets of services, which svs run --firewall ignore directs all the same",
                    cure: "svs run --firewall honour")
            ]
        }
        return director.rulesNotHonoured().map { Fault("firewall-unclear", "\($0)", cure: "a rule in other words; see docs/marks.md") }
    }

    /// The same as a line of the log.
    static func line(of interface: String) -> String? { fault(of: interface).map(line) }
}
