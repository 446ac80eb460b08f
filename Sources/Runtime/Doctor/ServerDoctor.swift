public import Admin
internal import Host
internal import LVS
public import Wire

/// What keeps this host from being a real server for direct routing or tunnelling: its own settings, looked at in the network
/// namespace of the caller.
public struct ServerDoctor {
    public private(set) var faults: [Fault] = []

    /// - Parameter addresses: virtual addresses that it is to serve.
    /// - Throws: `HostError` when the host's network cannot be read.
    public init(_ addresses: [IPAddress]) throws {
        var network = Network()
        try HostNetwork().update(&network)
        for address in addresses { look(for: address, network) }
        for interface in network.interfaces where interface.isUp && !interface.isLoopback {
            guard let facts = try? LinkFacts(of: interface.name) else { continue }
            if facts.isEthernet {
                if addresses.contains(where: \.isV4) { lookAtARP(interface.name) }
            } else if ReversePathFilter.inForce(on: interface.name) == .strict {
                faults.append(
                    Fault(
                        "rp-filter",
                        "\(interface.name) drops what comes out of the tunnel: its clients are not reached through it (rp_filter is strict)",
                        cure: "sysctl -w net.ipv4.conf.\(interface.name).rp_filter=2"))
            }
        }
    }

    private mutating func look(for address: IPAddress, _ network: Network) {
        let width = address.family.width
        let places = network.addresses.filter { $0.address == address }
        guard !places.isEmpty else {
            return faults.append(
                Fault(
                    "vip-missing", "this host does not have \(address): it throws away what the director sends",
                    cure: "ip addr add \(address)/\(width) dev lo\(address.isV4 ? "" : " preferred_lft 0")"))
        }
        for place in places {
            guard let interface = network.interface(place.interface) else { continue }
            if interface.isLoopback, place.prefixLength != width {
                faults.append(
                    Fault(
                        "vip-prefix", "\(address)/\(place.prefixLength) on lo makes the whole network this host's own",
                        cure: "ip addr del \(address)/\(place.prefixLength) dev lo && ip addr add \(address)/\(width) dev lo"))
            }
            // On an interface where clients ask it is answered for, whatever arp_ignore says.
            let answers = !interface.isLoopback && network.addresses.contains { $0.interface == place.interface && $0.address != address }
            if answers {
                faults.append(
                    Fault(
                        "vip-on-interface", "\(address) is on \(interface.name), where this host answers for it in the director's place",
                        cure: "ip addr del \(address)/\(place.prefixLength) dev \(interface.name) && ip addr add \(address)/\(width) dev lo"
                    ))
            }
        }
    }

    /// The kernel takes the greater of `all` and the interface's own.
    private mutating func lookAtARP(_ interface: String) {
        func value(_ name: String) -> Int {
            max(Sysctl.number("net/ipv4/conf/all/\(name)") ?? 0, Sysctl.number("net/ipv4/conf/\(interface)/\(name)") ?? 0)
        }
        if value("arp_ignore") == 0 {
            faults.append(
                Fault(
                    "arp-ignore", "\(interface) answers ARP for virtual addresses, so that clients find this server past the director",
                    cure: "sysctl -w net.ipv4.conf.all.arp_ignore=1"))
        }
        if value("arp_announce") < 2 {
            faults.append(
                Fault(
                    "arp-announce",
                    "\(interface) asks ARP in the name of virtual addresses, so that others learn this server's MAC for them",
                    cure: "sysctl -w net.ipv4.conf.all.arp_announce=2"))
        }
    }
}
