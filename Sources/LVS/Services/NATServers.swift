import Wire

/// The endpoints that replies to translate come from, found anew when services or servers have changed.
struct NATServers {
    private struct Endpoint: Hashable {
        var address: IPAddress
        var port: UInt16
        /// 0 for servers of mark services, which take any protocol.
        var proto: UInt8
    }

    private var endpoints: Set<Endpoint> = []
    private var addresses: Set<IPAddress> = []
    private var isCurrent = false

    /// Services or servers have changed.
    mutating func outdate() { isCurrent = false }

    /// Whether a NAT server listens there, for a service of this protocol or a mark.
    mutating func contains(_ address: IPAddress, _ port: UInt16, _ proto: UInt8, in services: ServiceTable, _ servers: borrowing ServerPool)
        -> Bool
    {
        read(services, servers)
        guard addresses.contains(address) else { return false }
        return endpoints.contains(Endpoint(address: address, port: port, proto: proto))
            || endpoints.contains(Endpoint(address: address, port: port, proto: 0))
    }

    /// Whether a NAT server has this address.
    mutating func contains(_ address: IPAddress, in services: ServiceTable, _ servers: borrowing ServerPool) -> Bool {
        read(services, servers)
        return addresses.contains(address)
    }

    private mutating func read(_ services: ServiceTable, _ servers: borrowing ServerPool) {
        guard !isCurrent else { return }
        isCurrent = true
        endpoints = []
        addresses = []
        for service in services.all {
            for id in service.servers where servers[id].settings.method == .masquerading {
                let key = servers[id].key
                endpoints.insert(Endpoint(address: key.address, port: key.port, proto: service.key.mark != 0 ? 0 : service.key.proto))
                addresses.insert(key.address)
            }
        }
    }
}

extension Director {
    /// Whether an address is that of a server whose packets are translated on their way to the client.
    mutating func isTranslated(_ address: IPAddress) -> Bool { host.natServers.contains(address, in: services, servers) }
}
