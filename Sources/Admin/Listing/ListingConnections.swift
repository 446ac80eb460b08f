import LVS
import Wire

/// Writes what `-L -c` shows.
enum ConnectionListing {
    /// `engines` adds what a persistence engine keeps with an entry.
    static func text(_ connections: [ConnectionRecord], engines: Bool, naming: Naming<some NameResolver>) -> String {
        let state = "state".left(11), source = "source".left(18), virtual = "virtual".left(18)
        let title = engines
            ? "pro expire \(state) \(source) \(virtual) \("destination".left(18)) \("pe name".left(16)) pe_data\n"
            : "pro expire \(state) \(source) \(virtual) destination\n"
        return "IPVS connection entries\n" + title + connections.map { line($0, engines: engines, naming: naming) + "\n" }.joined()
    }

    private static func line(_ connection: ConnectionRecord, engines: Bool, naming: Naming<some NameResolver>) -> String {
        func two(_ number: UInt32) -> String { number < 10 ? "0\(number)" : "\(number)" }
        // Names of ports are looked up for the transports only.
        let proto = connection.proto
        let expires = "\(two(connection.expires / 60)):\(two(connection.expires % 60))"
        let family = connection.client.family
        let source = naming.name(connection.client, family, connection.clientPort, proto: proto)
        let virtual = naming.name(connection.virtual, family == .v6 ? .v6 : connection.virtual.family,
                                  connection.virtualPort, proto: proto)
        let server = naming.name(connection.server, connection.server.family, connection.serverPort, proto: proto)
        let text = "\(Listing.protocolName(proto).left(3)) \(expires.left(6)) \(connection.state.left(11)) "
            + "\(source.left(18)) \(virtual.left(18)) "
        let data = connection.persistenceData.prefix { !Number.isBlank($0) }
        guard engines, !connection.persistenceEngine.isEmpty, !data.isEmpty else { return text + server }
        return text + "\(server.left(16)) \(connection.persistenceEngine.left(18)) \(String(decoding: data, as: UTF8.self))"
    }
}
