import Wire

/// The endpoints that replies to translate come from, kept up to date with each command.
struct NATServers {
    private struct Endpoint: Hashable {
        var address: IPAddress
        var port: UInt16
        /// 0 for servers of mark services, which take any protocol.
        var proto: UInt8

        init(_ server: ServerKey, of service: ServiceKey) {
            (address, port) = (server.address, server.port)
            proto = service.mark != 0 ? 0 : service.proto
        }

        init(_ address: IPAddress, _ port: UInt16, _ proto: UInt8) { (self.address, self.port, self.proto) = (address, port, proto) }
    }

    private var endpoints = CountedSet<Endpoint>()
    private var addresses = CountedSet<IPAddress>()

    mutating func add(_ server: ServerKey, of service: ServiceKey) {
        endpoints.add(Endpoint(server, of: service))
        addresses.add(server.address)
    }

    mutating func remove(_ server: ServerKey, of service: ServiceKey) {
        endpoints.remove(Endpoint(server, of: service))
        addresses.remove(server.address)
    }

    /// Whether a NAT server listens there, for a service of this protocol or a mark.
    func contains(_ address: IPAddress, _ port: UInt16, _ proto: UInt8) -> Bool {
        guard addresses.contains(address) else { return false }
        return endpoints.contains(Endpoint(address, port, proto)) || endpoints.contains(Endpoint(address, port, 0))
    }

    /// Whether a NAT server has this address.
    func contains(_ address: IPAddress) -> Bool { addresses.contains(address) }
}

extension Director {
    /// Whether an address is that of a server whose packets are translated on their way to the client.
    func isTranslated(_ address: IPAddress) -> Bool { host.natServers.contains(address) }

    /// A server of a service is there, or is to go, with the method that it has now.
    mutating func noteTranslation(_ server: ServerID, of service: VirtualService, isThere: Bool) {
        guard servers[server].settings.method == .masquerading else { return }
        if isThere {
            host.natServers.add(servers[server].key, of: service.key)
        } else {
            host.natServers.remove(servers[server].key, of: service.key)
        }
    }
}
