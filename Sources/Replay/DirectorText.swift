internal import Admin
public import LVS
internal import Wire

/// A running director in the words of a case's files.
public enum DirectorText {
    /// Services and servers in the order in which they were made, thresholds and timeouts included.
    public static func services(_ inventory: Inventory) -> String {
        commands(inventory).compactMap { SaveFormat.line(for: $0) }.map { $0 + "\n" }.joined()
    }

    /// The same as commands.
    public static func commands(_ inventory: Inventory) -> [Command] {
        var commands: [Command] = []
        for service in inventory.services.reversed() {
            commands.append(.addService(service.key, service.settings))
            for server in service.servers.reversed() { commands.append(.addServer(service.key, server.key, server.settings)) }
        }
        let timeouts = inventory.timeouts
        commands.append(.setTimeouts(tcp: timeouts.tcp, fin: timeouts.fin, udp: timeouts.udp))
        return commands
    }

    /// `network` as it was at the start, with the neighbours that became known until the end.
    public static func network(_ start: Network, until end: Network) -> String {
        var network = start
        for (key, mac) in end.neighbors where network.neighbors[key] == nil { network.setNeighbor(key.address, on: key.interface, to: mac) }
        return NetworkFile.text(of: network)
    }

    /// Frames by verdict, and entries that gave way by what they were.
    public static func counters(_ director: borrowing Director) -> String {
        let drops = director.earlyDrop.counts.kinds.map { "early-drop-\($0.name) \($0.number)\n" }
        return director.verdicts.all.map { "\($0.verdict.name) \($0.frames)\n" }.joined() + drops.joined()
    }

    /// Every switch with its value; whether the host forwards is what its network says.
    public static func switches(_ director: borrowing Director) -> String {
        var tunables = director.tunables
        tunables.forward4 = director.network.forwards4 ? 1 : 0
        tunables.forward6 = director.network.forwards6 ? 1 : 0
        return tunables.text
    }
}
