import Host
import LVS
import Wire

/// The host as a client of the services: what it sends to virtual addresses is led to the director.
extension DerivedHostState {
    /// Rules that a host with many services gets at most: it asks them one after the other for everything that it sends.
    static var mostRequests: Int { 1000 }

    mutating func addClients(of services: [ServiceRecord], _ input: HostStateInput) {
        let virtual = input.holders.addresses, network = input.network
        var holders: [IPAddress: VirtualAddress.Holder] = [:]
        for entry in virtual where !entry.address.isLoopback && !entry.address.isLinkLocal { holders[entry.address] = entry.holder }
        for (address, holder) in holders where holder == .director {
            ownTraffic.requests.insert(OwnTraffic.Match(requestsTo: address, isForHost: false))
        }
        let named = services.filter { $0.key.mark == 0 && (holders[$0.key.address] ?? .nobody) != .nobody }
        for service in named where holders[service.key.address] == .host {
            guard ownTraffic.requests.count < Self.mostRequests else {
                servicesNotLed += 1
                continue
            }
            for ports in service.key.portRanges {
                ownTraffic.requests.insert(
                    OwnTraffic.Match(requestsTo: service.key.address, proto: service.key.proto, ports: ports, isForHost: true))
            }
        }
        let shared = Set(holders.keys), byAddress = Dictionary(grouping: named, by: \.key.address)
        for match in ownTraffic.requests {
            guard let address = match.destination, ownTraffic.clients[address] == nil else { continue }
            let servers = byAddress[address, default: []].flatMap(\.servers)
            ownTraffic.clients[address] = network.client(of: address, towards: servers, avoiding: shared)
        }
        for service in named {
            guard let client = ownTraffic.clients[service.key.address]?.source else { continue }
            for server in service.servers where server.settings.method == .masquerading || server.settings.method == .fullNAT {
                let address = server.key.address
                guard network.isLocal(address), !address.isLoopback, address.family == client.family else { continue }
                ownTraffic.answers.insert(
                    OwnTraffic.Match(answersOf: address, proto: service.key.proto, port: server.key.port, to: client))
            }
        }
        guard !ownTraffic.requests.isEmpty else { return }
        suppressed.clientAddresses = Set(network.addresses.map(\.address).filter { !$0.isLoopback && !$0.isLinkLocal }).sorted()
    }
}

extension Network {
    /// The host as a client of a virtual address: it asks from its own address on the way to one of the servers, which is to
    /// answer to it, so from none that servers may have as well.
    fileprivate func client(of virtual: IPAddress, towards servers: [ServerRecord], avoiding shared: Set<IPAddress>) -> OwnTraffic.Client {
        func isGood(_ address: IPAddress) -> Bool {
            address.family == virtual.family && !shared.contains(address) && !address.isUnspecified && !address.isLoopback
                && !address.isLinkLocal && hasAddress(address)
        }
        var client = OwnTraffic.Client(from: nil, mtu: 65_535)
        for server in servers {
            let way = path(to: server.key.address)
            guard way.isUsable else { continue }
            client.mtu = min(client.mtu, Int(way.mtu) - server.settings.overhead(carrying: virtual.family, to: server.key.address))
            guard client.source == nil else { continue }
            let others = addresses.lazy.filter { $0.interface == way.interface }.map(\.address)
            client.source = isGood(way.local) ? way.local : others.first(where: isGood)
        }
        if client.source == nil { client.source = addresses.first { $0.scope == 0 && isGood($0.address) }?.address }
        if client.source == nil, hasAddress(virtual) { client.source = virtual }
        return client
    }
}

extension ServiceKey {
    /// The ports that the service takes; every one for a service without a port.
    var portRanges: [ClosedRange<UInt16>] { !ranges.isEmpty ? ranges : port == 0 ? [0...65535] : [port...port] }
}
