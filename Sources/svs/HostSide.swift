import Admin
import Host
import LVS
import Links
import Wire

/// The director's standing with the host beside it: the host's network followed, the host's stack muted for what the director
/// handles, virtual addresses that only the director has announced, next hops resolved.
final class HostSide {
    private let network: HostNetwork
    private let suppressor: StackSuppressor
    private let announcer = Announcer()
    private let resolver: NeighborResolver
    private let interfaces: [String]
    private var suppressed: SuppressedTraffic?
    /// The director's interfaces as they were last seen.
    private var known: [Network.Interface] = []
    private var lastFailure: HostError?
    private var announced: Set<IPAddress> = []
    private var nextAnnouncement: Instant?
    /// Real servers that are the host itself and whose answers the director translates.
    private(set) var localServers: Set<LocalServer> = []
    /// What every interface of the director carries, bytes of an IP packet.
    private(set) var smallestMTU = 1500

    init(interfaces: [String]) throws(HostError) {
        self.interfaces = interfaces
        network = try HostNetwork()
        suppressor = try StackSuppressor()
        resolver = try NeighborResolver()
    }

    /// Readable when the host's network may have changed.
    var descriptor: Int32 { network.descriptor }

    /// Takes over what changed in the host's network.
    func update(_ director: inout Director) throws(HostError) -> Bool { try network.update(&director.network) }

    /// Mutes, announces and filters for the services that there are now.
    func follow(_ director: inout Director, _ links: [any LiveLink], at now: Instant) throws {
        let derived = DerivedHostState(director.inventory(), director.network, director.marks4, director.marks6)
        director.hostEmulation = HostEmulation(isWholeHost: false, ownership: .all)
        var wanted = derived.suppressed
        wanted.interfaces = interfaces
        let present = director.network.interfaces.filter { interfaces.contains($0.name) }
        if wanted != suppressed || present != known {
            if wanted != suppressed {
                let filter = PacketFilter(accepting: derived.captureMatches, everyICMP: derived.translates || derived.tunnels)
                for link in links { try link.attach(filter) }
            }
            try suppressor.apply(wanted)
            suppressed = wanted
        }
        localServers = derived.localServers
        smallestMTU = present.map(\.mtu).min() ?? 1500
        announce(derived.owned, present, director.network.forwards6, at: now)
        known = present
    }

    /// Announces what is new; everything on an interface that came up, or has another MAC than before.
    private func announce(_ owned: [IPAddress], _ present: [Network.Interface], _ isRouter: Bool, at now: Instant) {
        let fresh = Set(owned).subtracting(announced), gone = announced.subtracting(owned)
        announced = Set(owned)
        for interface in present {
            announcer.withdraw(gone, on: interface.name)
            let before = known.first { $0.name == interface.name }
            let isNew = before?.index != interface.index || before?.mac != interface.mac || before?.isUp != interface.isUp
            guard interface.isUp, isNew || !fresh.isEmpty else { continue }
            announcer.announce(isNew ? announced : fresh, on: interface.name, mac: interface.mac, isRouter: isRouter, at: now)
            nextAnnouncement = now
        }
    }

    /// Regular work: announcements that are due, and next hops that frames wait for or that are in use.
    func work(_ director: inout Director, at now: Instant) {
        if let due = nextAnnouncement, due <= now { nextAnnouncement = announcer.advance(to: now) }
        complain(announcer.lastFailure ?? resolver.lastRefusal)
        resolver.resolve(director.wantedNeighbors, at: now)
    }

    /// Says what went wrong, once.
    private func complain(_ failure: HostError?) {
        guard let failure, failure != lastFailure else { return }
        lastFailure = failure
        Terminal.complain("\(failure)")
    }

    /// Keeps the kernel's neighbour entries of the servers fresh, which no packet of the kernel's own does.
    func refreshNeighbors(_ director: borrowing Director, at now: Instant) {
        resolver.refresh(director.usedNeighbors, at: now)
    }
}

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
                captureMatches.append(CaptureMatch(.destination, marked.prefix, prefixLength: marked.length, proto: proto, ports: range))
            }
        }
        if marked.length == marked.prefix.family.width { suppressed.fragmentAddresses.append(marked.prefix) }
    }

    private mutating func addServers(of service: ServiceRecord, _ network: Network) {
        if service.servers.contains(where: { $0.settings.method == .tunneling }) { tunnels = true }
        for server in service.servers where server.settings.method == .masquerading || server.settings.method == .fullNAT {
            translates = true
            let proto = service.key.proto
            let ports: ClosedRange<UInt16> = server.key.port == 0 ? 0...65535 : server.key.port...server.key.port
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
