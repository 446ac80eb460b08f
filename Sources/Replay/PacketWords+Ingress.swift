internal import Admin
public import LVS

extension PacketWords {
    /// The interface that a packet comes in by, and how that is known.
    public struct Ingress: Sendable, Hashable {
        public enum Reason: String, Sendable {
            /// The packet's words name it.
            case named
            /// The host's route to the packet's source leads there.
            case route
            /// No such route: the first Ethernet interface.
            case assumed
        }
        public var interface: Network.Interface
        public var reason: Reason
    }

    /// Where the packet comes in at a host with this network.
    /// - Throws: `WordsProblem` when the interface that is named, or any, is missing.
    public func ingress(of network: Network) throws(WordsProblem) -> Ingress {
        if let interface {
            guard var found = network.interface(named: interface) else {
                throw WordsProblem(text: "in \(interface): the director has no such Ethernet interface")
            }
            // What the host itself sends.
            if found.isLoopback { found.index = Director.localInterface }
            return Ingress(interface: found, reason: .named)
        }
        if let route = network.lookup(source), route.kind == .unicast, let found = network.interface(route.interface), !found.isLoopback {
            return Ingress(interface: found, reason: .route)
        }
        guard let first = network.firstEthernet else { throw WordsProblem(text: "the director has no Ethernet interface") }
        return Ingress(interface: first, reason: .assumed)
    }

    /// Refuses a packet that a live director would not see, or where nobody can know by which interface it comes.
    /// - Parameter interfaces: names of those that the director takes frames from.
    /// - Throws: `WordsProblem`.
    public func checkIngress(of network: Network, interfaces: [String]) throws(WordsProblem) {
        let ingress = try ingress(of: network), name = ingress.interface.name
        guard ingress.interface.index != Director.localInterface else { return }
        guard ingress.reason != .assumed else {
            throw WordsProblem(
                text: "no route of the host leads to \(source): say which interface the packet comes in by (in \(interfaces.first ?? name))"
            )
        }
        guard interfaces.contains(name) else {
            let reason = ingress.reason == .named ? "" : ", where the host's route to \(source) leads,"
            throw WordsProblem(
                text: "it comes in by \(name)\(reason) and this director takes frames from \(interfaces.joined(separator: ", "))")
        }
    }
}

extension PacketWords.Ingress {
    /// The same for people.
    func text(_ packet: PacketWords) -> String {
        switch reason {
        case .named: "by \(interface.name), as the packet's words say"
        case .route: "by \(interface.name), where the host's route to \(packet.source) leads"
        case .assumed: "by \(interface.name), the first interface: no route leads to \(packet.source)"
        }
    }
}
