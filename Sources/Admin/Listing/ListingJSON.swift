public import LVS
import Wire

/// What listings show, as programs read it.
public enum ListingJSON {
    /// The services with their servers, in the order of `-L`.
    public static func services(_ inventory: Inventory, sorted: Bool = true) -> JSONValue {
        .list((sorted ? ListingOrder.services(inventory.services) : inventory.services).map(service))
    }

    /// What `-L` shows, on one line.
    static func text(_ request: ListRequest, of inventory: Inventory) -> String? {
        let value: JSONValue
        switch request.subject {
        case .services, .connections:
            value = .object(["size": .number(Int64(inventory.tableSize)), "services": services(inventory, sorted: request.sorted)])
        case .service(let key):
            guard let found = inventory.services.first(where: { $0.key == key }) else { return nil }
            value = service(found)
        case .timeouts:
            let timeouts = inventory.timeouts
            value = .object([
                "tcp": .number(Int64(timeouts.tcp)), "tcpfin": .number(Int64(timeouts.fin)), "udp": .number(Int64(timeouts.udp)),
            ])
        case .daemons:
            value = .list(
                inventory.daemons.sorted { $0.role.rawValue < $1.role.rawValue }.map { daemon in
                    .object([
                        "role": .text("\(daemon.role)"), "interface": .text(daemon.interface), "syncid": .number(Int64(daemon.syncID)),
                    ])
                })
        }
        return value.written + "\n"
    }

    private static func service(_ service: ServiceRecord) -> JSONValue {
        let key = service.key, family = key.family
        var members: [String: JSONValue] = [
            "family": .text(family == .v4 ? "ipv4" : "ipv6"), "scheduler": .text(service.settings.scheduler),
            "options": .text(String(service.settings.saved(family).dropFirst())),
            "servers": .list(service.servers.map { server($0, family) }),
        ]
        if key.mark != 0 {
            members["protocol"] = .text("FWM")
            members["mark"] = .number(Int64(key.mark))
        } else {
            members["protocol"] = .text(Listing.protocolName(key.proto))
            members["address"] = .text(Naming<SystemNames>.text(key.address, family))
            members["ports"] = .list(
                (key.ranges.isEmpty ? [key.port...key.port] : key.ranges).map {
                    .list([.number(Int64($0.lowerBound)), .number(Int64($0.upperBound))])
                })
        }
        add(service.statistics, to: &members)
        return .object(members)
    }

    private static func server(_ server: ServerRecord, _ family: IPFamily) -> JSONValue {
        var members: [String: JSONValue] = [
            "address": .text("\(server.key.address)"), "port": .number(Int64(server.key.port)),
            "weight": .number(Int64(server.settings.weight)), "active": .number(Int64(server.active)),
            "inactive": .number(Int64(server.inactive)), "persistent": .number(Int64(server.persistent)),
            "options": .text(String(server.settings.saved(family).dropFirst())),
        ]
        add(server.statistics, to: &members)
        return .object(members)
    }

    private static func add(_ statistics: Statistics, to members: inout [String: JSONValue]) {
        members["sums"] = counters(statistics.counters)
        members["rates"] = counters(statistics.rates)
    }

    private static func counters(_ counters: Counters) -> JSONValue {
        .object([
            "connections": .count(counters.connections), "packets_in": .count(counters.packetsIn),
            "packets_out": .count(counters.packetsOut), "bytes_in": .count(counters.bytesIn), "bytes_out": .count(counters.bytesOut),
        ])
    }

    /// An entry of the connection table, on one line.
    static func line(_ connection: ConnectionRecord) -> String {
        func end(_ address: IPAddress, _ port: UInt16) -> JSONValue {
            .object(["address": .text("\(address)"), "port": .number(Int64(port))])
        }
        return JSONValue.object([
            "protocol": .text(Listing.protocolName(connection.proto)), "expires": .number(Int64(connection.expires)),
            "state": .text(connection.state), "client": end(connection.client, connection.clientPort),
            "virtual": end(connection.virtual, connection.virtualPort), "server": end(connection.server, connection.serverPort),
            "template": .bool(connection.isTemplate),
        ]).written + "\n"
    }
}
