import LVS
import Wire

/// Writes what `-L -c` shows.
enum ConnectionListing {
    /// `engines` adds what a persistence engine keeps with an entry.
    static func text(_ connections: [ConnectionRecord], engines: Bool, naming: Naming<some NameResolver>) -> String {
        title(engines: engines) + connections.map { line($0, engines: engines, naming: naming) }.joined()
    }

    static func title(engines: Bool) -> String {
        let columns = "pro expire \("state".left(11)) \("source".left(18)) \("virtual".left(18)) "
        return "IPVS connection entries\n" + columns
            + (engines ? "\("destination".left(18)) \("pe name".left(16)) pe_data\n" : "destination\n")
    }

    static func line(_ connection: ConnectionRecord, engines: Bool, naming: Naming<some NameResolver>) -> String {
        func two(_ number: UInt32) -> String { number < 10 ? "0\(number)" : "\(number)" }
        // Names of ports are looked up for the transports only.
        let proto = connection.proto
        let expires = "\(two(connection.expires / 60)):\(two(connection.expires % 60))"
        func name(_ address: IPAddress, _ port: UInt16) -> String {
            naming.name(address, address.family, port, proto: proto)
        }
        let source = name(connection.client, connection.clientPort)
        let virtual = name(connection.virtual, connection.virtualPort)
        let server = name(connection.server, connection.serverPort)
        let text =
            "\(Listing.protocolName(proto).left(3)) \(expires.left(6)) \(connection.state.left(11)) "
            + "\(source.left(18)) \(virtual.left(18)) "
        let data = connection.persistenceData.prefix { !Number.isBlank($0) }
        guard engines, !connection.persistenceEngine.isEmpty, !data.isEmpty else { return text + server + "\n" }
        return text + "\(server.left(16)) \(connection.persistenceEngine.left(18)) \(String(decoding: data, as: UTF8.self))\n"
    }
}
