import Host
import LVS
import Links
import Wire

/// What follows for the host from the services: which addresses only the director has, what the host must not answer, which
/// frames the director wants to see.
struct DerivedHostState {
    var owned: [IPAddress] = []
    var suppressed = SuppressedTraffic()
    var captureMatches: [CaptureMatch] = []
    /// Addresses are translated, so that ICMP errors of anybody may concern the director.
    var translates = false
    var localServers: Set<LocalServer> = []
    /// Outer packets bear the host's own address, so errors about them come to that.
    var tunnels = false

    init(_ inventory: Inventory, _ network: Network, _ marks4: MarkRules, _ marks6: MarkRules) {
        for service in inventory.services where service.key.mark == 0 { add(service, network) }
        if inventory.services.contains(where: { $0.key.mark != 0 }) {
            for destination in marks4.destinations + marks6.destinations {
                if destination.isLocalOnly { addLocal(destination, network) } else { add(destination, network) }
            }
        }
        for service in inventory.services { addServers(of: service, network) }
        owned = Set(owned).sorted()
        suppressed.ownedAddresses = owned
        suppressed.fragmentAddresses = Set(suppressed.fragmentAddresses).sorted()
        suppressed.fragmentSources = Set(suppressed.fragmentSources).sorted()
        suppressed.icmpErrors = translates || owned.count < inventory.services.count
        for address in owned { captureMatches.append(CaptureMatch(.destination, address)) }
    }

    private mutating func add(_ service: ServiceRecord, _ network: Network) {
        let key = service.key
        if !network.isLocal(key.address) { owned.append(key.address) }
        let ranges = !key.ranges.isEmpty ? key.ranges : key.port == 0 ? [0...65535] : [key.port...key.port]
        for range in ranges {
            suppressed.services.append(SuppressedTraffic.Endpoint(proto: key.proto, address: key.address, ports: range))
            captureMatches.append(CaptureMatch(.destination, key.address, proto: key.proto, ports: range))
            captureMatches.append(CaptureMatch(.source, key.address, proto: key.proto, ports: range))
        }
        suppressed.fragmentAddresses.append(key.address)
        for range in service.settings.localAddresses { addLocalAddresses(range) }
    }

    private mutating func addLocalAddresses(_ range: ClosedRange<IPAddress>) {
        var address = range.lowerBound
        for _ in 0..<65536 {
            owned.append(address)
            guard address < range.upperBound else { return }
            address.low &+= 1
            if address.low == 0 { address.high &+= 1 }
        }
    }

    /// A rule that marks only what is for the host itself: of its destination, the host's own addresses.
    private mutating func addLocal(_ marked: MarkedDestination, _ network: Network) {
        for entry in network.addresses where entry.address.matches(marked.prefix, length: marked.length) && !entry.address.isLoopback {
            var own = marked
            own.prefix = entry.address
            own.length = entry.address.family.width
            add(own, network)
        }
    }

    private mutating func add(_ marked: MarkedDestination, _ network: Network) {
        if marked.length == marked.prefix.family.width, !network.isLocal(marked.prefix) { owned.append(marked.prefix) }
        let ranges: [ClosedRange<UInt16>?] = marked.ports.isEmpty ? [nil] : marked.ports
        let protos: [UInt8?] = marked.protos.isEmpty ? [nil] : marked.protos
        for proto in protos {
            for range in ranges {
                suppressed.marked.append(
                    SuppressedTraffic.Destination(prefix: marked.prefix, length: marked.length, proto: proto, ports: range))
                for end in [CaptureMatch.End.destination, .source] {
                    captureMatches.append(CaptureMatch(end, marked.prefix, prefixLength: marked.length, proto: proto, ports: range))
                }
            }
        }
        if marked.length == marked.prefix.family.width { suppressed.fragmentAddresses.append(marked.prefix) }
    }

    private mutating func addServers(of service: ServiceRecord, _ network: Network) {
        if service.servers.contains(where: { $0.settings.method == .tunneling }) { tunnels = true }
        for server in service.servers where server.settings.method == .masquerading || server.settings.method == .fullNAT {
            translates = true
            let proto = service.key.proto
            let ports = service.keepsPorts || server.key.port == 0 ? 0...65535 : server.key.port...server.key.port
            let isLocal = network.isLocal(server.key.address) && !server.key.address.isLoopback
            for proto in service.key.mark != 0 ? [IPProtocol.tcp, IPProtocol.udp, IPProtocol.sctp] : [proto] {
                if isLocal {
                    localServers.insert(LocalServer(proto: proto, address: server.key.address, port: server.key.port))
                    continue
                }
                captureMatches.append(CaptureMatch(.source, server.key.address, proto: proto, ports: ports))
                if server.settings.method == .masquerading {
                    suppressed.fragmentSources.append(server.key.address)
                    suppressed.replies.append(SuppressedTraffic.Endpoint(proto: proto, address: server.key.address, ports: ports))
                }
            }
        }
    }
}

extension ServiceRecord {
    /// Whether connections may go to the port that the client asked for, whatever port the server has: those of persistent
    /// services that take more than one port.
    fileprivate var keepsPorts: Bool { settings.flags.contains(.persistent) && (key.mark != 0 || key.port == 0 || key.port == 21) }
}
