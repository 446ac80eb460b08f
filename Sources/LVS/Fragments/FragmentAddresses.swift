import Wire

/// The addresses whose fragments concern the director.
struct FragmentAddresses {
    /// Where services are: fragments to these are kept from the host beside the director.
    var virtual: Set<IPAddress> = []
    /// Servers whose packets are translated on their way to the client.
    var translated: Set<IPAddress> = []
}

extension Director {
    /// The addresses as the services are now; gathered anew after a command.
    mutating func fragmentAddresses() -> FragmentAddresses {
        if let known = knownFragmentAddresses { return known }
        var addresses = FragmentAddresses()
        for service in services.all {
            if service.key.mark == 0 { addresses.virtual.insert(service.key.address) }
            for server in service.servers {
                let method = servers[server].settings.method
                if method == .masquerading || method == .fullNAT { addresses.translated.insert(servers[server].key.address) }
            }
        }
        if services.all.contains(where: { $0.key.mark != 0 }) {
            for mark in marks4.destinations + marks6.destinations where mark.length == mark.prefix.family.width {
                addresses.virtual.insert(mark.prefix)
            }
        }
        knownFragmentAddresses = addresses
        return addresses
    }

    /// Whether the host beside the director sees no fragments to an address, so that the director has to speak for it.
    mutating func isKeptFromHost(_ address: IPAddress) -> Bool {
        answers(for: address) || fragmentAddresses().virtual.contains(address)
    }
}
