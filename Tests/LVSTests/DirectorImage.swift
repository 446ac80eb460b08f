import Wire

@testable import LVS

extension Director {
    /// What a journal would tell the next director: services and servers as they stand.
    var standingCommands: [Command] {
        var commands: [Command] = []
        for service in services.all {
            commands.append(.addService(service.key, service.settings))
            for id in service.servers.reversed() { commands.append(.addServer(service.key, servers[id].key, servers[id].settings)) }
        }
        let timeouts = connections.timeouts.shown
        return commands + [.setTimeouts(tcp: timeouts.tcp, fin: timeouts.fin, udp: timeouts.udp)]
    }

    /// Everything that the next director has to know, in words.
    var image: [String] {
        let snapshot = snapshot()
        var words = ["clock \(snapshot.clock)", "dice \(snapshot.generator ?? 0)", "due \(String(describing: snapshot.due))"]
        words += ["SYNs \(clampedSYNs)", "verdicts \(verdicts.all)", "MTUs \(snapshot.pathMTUs)", "ports \(snapshot.ports)"]
        words += snapshot.gone.map { "gone \($0)" }.sorted()
        for service in snapshot.services {
            var memory = service.memory
            memory.items.sort { $0.address < $1.address }
            words.append("\(service.key) next \(service.nextLocalAddress) \(memory)")
        }
        words += snapshot.servers.map { "\($0)" }.sorted()
        words += inventory().services.map { "\($0)" }
        words.append("total \(inventory().total)")
        words += connectionRecords().map { "\($0)" }
        words += snapshot.entries.map { Self.words($0) }.sorted()
        return words
    }

    private static func words(_ entry: Snapshot.Entry) -> String {
        let record = entry.connection
        return "\(entry.number) \(record.flags.rawValue) \(record.expires) \(record.packetsIn) \(record.timeout) \(record.method) "
            + "\(record.localAddress):\(record.localPort) \(record.controller) \(record.children) \(record.mark) "
            + "\(String(describing: entry.server)) \(entry.engine) \(entry.data) \(String(describing: entry.stream))"
    }
}
