public import Admin
internal import CLinux
internal import Host
public import LVS
internal import Linux
internal import SystemPackage
public import Wire

/// What is wrong with a running director and around it: its own status, its host, who else on its wires claims a virtual address,
/// and servers that do not answer on the way that it has to them. Looked at in the network namespace of the caller, which is to be
/// the director's.
public struct DirectorDoctor {
    public private(set) var faults: [Fault]
    private let status: DirectorStatus
    private let inventory: Inventory

    /// - Parameters:
    ///   - status, inventory: what the director says of itself.
    ///   - addresses: the virtual addresses to look at, each of a service; none: all of them, and services by mark.
    ///   - milliseconds: to wait for somebody to answer who has an address.
    public init(
        _ status: DirectorStatus, _ inventory: Inventory, at addresses: [IPAddress] = [], listening milliseconds: Int32 = 1000
    ) throws {
        var (status, inventory) = (status, inventory)
        if !addresses.isEmpty {
            status.keepOnly(addresses)
            inventory.services.removeAll { $0.key.mark != 0 || !addresses.contains($0.key.address) }
        }
        (self.status, self.inventory) = (status, inventory)
        let host = try HostNetwork()
        var director = Director(connections: 16)
        for service in inventory.services {
            try director.apply(.addService(service.key, service.settings))
            for server in service.servers { try director.apply(.addServer(service.key, server.key, server.settings)) }
        }
        try host.update(&director.network)
        // What was heard, and who did not answer, is asked for once more.
        let asked = status.claims.map(\.fault) + status.failing.map(\.fault)
        faults = status.faults.filter { !asked.contains($0) }
        faults += HostWarnings.faults(director)
        faults += status.interfaces.compactMap { HostWarnings.fault(of: $0.name) }
        lookAtHost(&director)
        try lookForClaims(director.network, milliseconds)
        try lookAtServers(host, &director.network)
    }

    private mutating func lookAtHost(_ director: inout Director) {
        if let text = try? FileReader("/proc/net/ip_vs").all() {
            faults += HostWarnings.kernelFault(String(decoding: text, as: UTF8.self))
        }
        // What the host asks as a client comes back through it.
        for interface in director.network.interfaces where interface.name.hasPrefix("svs") {
            faults += HostWarnings.filterFault(of: interface.name, ReversePathFilter.inForce(on: interface.name))
        }
        guard let rules = try? HostRules() else { return }
        rules.apply(to: &director, marks: false, honours: true)
        faults += HostWarnings.firewallFaults(director, isHonoured: status.honoursFirewall)
    }

    private mutating func lookForClaims(_ network: Network, _ milliseconds: Int32) throws {
        let held = status.addresses.filter { $0.holder != "nobody" }.compactMap { IPAddress($0.address) }
        var unconfirmed = status.claims
        let owned = Set(status.addresses.filter { $0.holder == "director" }.compactMap { IPAddress($0.address) })
        for interface in network.interfaces where interface.isUp && status.interfaces.contains(where: { $0.name == interface.name }) {
            let addresses = held.filter { owned.contains($0) || network.isOnWire($0) }
            let answers = try AddressProbe(interface, network).answers(for: addresses, within: milliseconds)
            for (address, mac) in answers.sorted(by: { ($0.0, $0.1.bits) < ($1.0, $1.1.bits) }) {
                let claim = DirectorStatus.Claim(address: "\(address)", interface: interface.name, mac: "\(mac)")
                unconfirmed.removeAll { $0 == claim }
                faults.append(claim.fault)
            }
        }
        for claim in unconfirmed {
            var fault = claim.fault
            fault.text = "\(claim.mac) on \(claim.interface) has claimed \(claim.address) a moment ago, and does not when it is asked for"
            faults.append(fault)
        }
    }

    // MARK: servers

    /// Servers that are asked; of more than that the first ones.
    private static let most = 1000

    private mutating func lookAtServers(_ host: HostNetwork, _ network: inout Network) throws {
        var targets: [ServerProbe.Target] = []
        for service in inventory.services where service.key.mark == 0 {
            for server in service.servers where server.settings.weight > 0 && !network.isLocal(server.key.address) {
                let path = network.path(to: server.key.address)
                let isPastRouter = server.settings.method == .directRouting && path.nextHop != server.key.address
                guard path.isUsable, !isPastRouter, targets.count < Self.most else { continue }
                targets.append(.init(service: service.key, server: server))
            }
        }
        let silent = try resolve(targets, host, &network)
        for key in silent.keys.sorted() {
            let name = network.interface(key.interface)?.name ?? "interface \(key.interface)"
            faults.append(DirectorStatus.Neighbor(address: "\(key.address)", interface: name, servers: silent[key] ?? 0).fault)
        }
        let hops = Set(targets.map { "\(network.path(to: $0.server.key.address).nextHop)" })
        faults += status.failing.filter { $0.servers > 0 && !hops.contains($0.address) }.map(\.fault)
        let names = Set(status.interfaces.map(\.name)).union(
            targets.compactMap { network.interface(network.path(to: $0.server.key.address).interface)?.name })
        let interfaces = network.interfaces.filter { names.contains($0.name) && $0.isUp && !$0.isLoopback }
        let reachable = targets.filter { network.path(to: $0.server.key.address).kind == .ready }
        let probe = try ServerProbe(
            network, tunables, interfaces: interfaces, virtual: Set(status.addresses.compactMap { IPAddress($0.address) }))
        let answers = try probe.ask(reachable.map { ServerProbe.Question(target: $0) })
        try judge(zip(reachable, answers), probe, network)
    }

    /// The director's switches as far as they are not as usual.
    private var tunables: Tunables {
        var tunables = Tunables()
        for one in status.switches where !one.isUsual { try? tunables.set(one.name, to: one.value) }
        return tunables
    }

    /// Has the kernel find out the MACs of the servers' next hops.
    /// - Returns: those that did not answer, with how many servers are behind each.
    private func resolve(_ targets: [ServerProbe.Target], _ host: HostNetwork, _ network: inout Network) throws
        -> [Network.NeighborKey: UInt32]
    {
        let resolver = try NeighborResolver(), poller = try Poller()
        try poller.watch(host.descriptor, as: 0)
        // As long as the kernel asks, three times a second apart.
        let end = Instant(svs_clock()) + 3500 * millisecond
        var unknown: [Network.NeighborKey: UInt32] = [:]
        while true {
            try host.update(&network)
            unknown = [:]
            for path in targets.map({ network.path(to: $0.server.key.address) }) where path.kind == .unknownNeighbor {
                unknown[Network.NeighborKey(address: path.nextHop, interface: path.interface), default: 0] += 1
            }
            let now = Instant(svs_clock())
            guard now < end, !unknown.isEmpty else { return unknown }
            resolver.resolve(Array(unknown.keys), at: now)
            _ = try poller.wait(milliseconds: 100)
        }
    }

    /// Servers that are named in faults; what is wrong with more is wrong with all.
    private static let mostNamed = 20

    private mutating func judge(
        _ answers: some Sequence<(ServerProbe.Target, ServerProbe.Answer?)>, _ probe: ServerProbe, _ network: Network
    )
        throws
    {
        let answers = Array(answers)
        let found = answers.compactMap { Self.fault(of: $0.0, $0.1) }
        faults += found.prefix(Self.mostNamed)
        if found.count > Self.mostNamed {
            faults.append(Fault("more-servers", "\(found.count - Self.mostNamed) more servers do not answer, or refuse connections"))
        }
        faults += try PathProbe(probe, network).faults(answers.filter { $0.1 != nil }.map { $0.0 })
    }

    /// What a server's answer to a SYN means. Of services of UDP and SCTP only that nothing listens for TCP is to be expected, or that
    /// a firewall drops it.
    private static func fault(of target: ServerProbe.Target, _ answer: ServerProbe.Answer?) -> Fault? {
        let name = "server \(target.server.key) of service \(target.service)"
        guard target.service.proto == IPProtocol.tcp else { return nil }
        switch answer {
        case .accepted: return nil
        case .refused where target.service.port == 0: return nil
        case .refused:
            return Fault("server-refuses", "\(name) refuses connections", cure: "is the program up there, and does it listen on that port?")
        case nil where target.hasVirtualAddress:
            return Fault(
                "vip-silent", "\(name): a SYN that is forwarded there is not answered from the virtual address",
                cure: "on that host: svs doctor --server \(target.service.address)")
        case nil: return Fault("server-silent", "\(name) does not answer a SYN", cure: "is it up, and no firewall in front of it?")
        }
    }
}

extension DirectorStatus {
    /// Leaves out what concerns other virtual addresses, services by mark, and neighbours, of which only those servers' are asked.
    mutating func keepOnly(_ addresses: [IPAddress]) {
        let kept = Set(addresses.map { "\($0)" })
        self.addresses.removeAll { !kept.contains($0.address) }
        claims.removeAll { !kept.contains($0.address) }
        failing = []
        unmarked = []
    }
}
