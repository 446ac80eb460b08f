import Wire

extension Director {
    /// Addresses with services, whose fragments are kept from the host beside the director; gathered anew after a command.
    mutating func virtualAddresses() -> Set<IPAddress> {
        if let known = knownVirtualAddresses { return known }
        var addresses: Set<IPAddress> = []
        var hasMarks = false
        for service in services.all {
            if service.key.mark == 0 { addresses.insert(service.key.address) } else { hasMarks = true }
        }
        if hasMarks {
            for mark in marks4.destinations + marks6.destinations where mark.length == mark.prefix.family.width {
                addresses.insert(mark.prefix)
            }
        }
        knownVirtualAddresses = addresses
        return addresses
    }

    /// Whether the host beside the director sees no fragments to an address, so that the director has to speak for it.
    mutating func isKeptFromHost(_ address: IPAddress) -> Bool {
        answers(for: address) || virtualAddresses().contains(address)
    }

    /// Whether an address is that of a server whose packets are translated on their way to the client.
    mutating func isTranslated(_ address: IPAddress) -> Bool { natServers.contains(address, in: services, servers) }
}
