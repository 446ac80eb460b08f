import Host
import LVS
import Links
import Wire

/// What follows for the host from the services: which addresses only the director has, what the host must not answer, which
/// frames the director wants to see.
struct DerivedHostState {
    /// Addresses that only the director has: they are answered for and announced.
    var owned: [IPAddress] = []
    /// Virtual and local addresses that nobody has: the host does not have them, and the director was not asked to own them.
    var waiting: Set<IPAddress> = []
    var suppressed = SuppressedTraffic()
    var captureMatches: [CaptureMatch] = []
    /// Addresses are translated, so that ICMP errors of anybody may concern the director.
    var translates = false
    /// What the host itself sends and the director wants.
    var ownTraffic = OwnTraffic()
    /// Services that the host as a client is not led to, since it would have too many rules.
    var servicesNotLed = 0
    /// Outer packets bear the host's own address, so errors about them come to that.
    var tunnels = false
    /// What marks name and the director handles.
    private var marked: [MarkedDestination] = []

    init(_ input: HostStateInput) {
        let services = input.services, network = input.network
        for virtual in input.holders.addresses {
            switch virtual.holder {
            case .host: break
            case .director: owned.append(virtual.address)
            case .nobody: suppressed.waitingAddresses.append(virtual.address)
            }
        }
        waiting = Set(suppressed.waitingAddresses)
        for service in services where service.key.mark == 0 { add(service) }
        for range in Set(services.flatMap(\.settings.localAddresses)) { addLocalAddresses(range, input) }
        if services.contains(where: { $0.key.mark != 0 }) {
            for rules in [input.marks4, input.marks6] {
                for destination in rules.taken(by: services.map(\.key).filter { $0.mark != 0 }) { add(destination, network) }
            }
        }
        leaveUnmarked()
        if input.isBackupOnly { leaveServices() }
        for service in services { addServers(of: service, network) }
        addFormerReplies(input)
        addClients(of: input.isBackupOnly ? [] : services, input)
        owned = Set(owned).sorted()
        suppressed.ownedAddresses = owned
        suppressed.localAddresses = Set(suppressed.localAddresses).sorted()
        suppressed.fragmentAddresses = Set(suppressed.fragmentAddresses).sorted()
        suppressed.fragmentSources = Set(suppressed.fragmentSources).sorted()
        suppressed.icmpErrors = translates || owned.count < services.count
        for address in owned + suppressed.localAddresses { captureMatches.append(CaptureMatch(.destination, address)) }
    }

    /// What is sent to services of a director that is a backup only reaches the host, which may be a server of the other one.
    private mutating func leaveServices() {
        suppressed.services = []
        suppressed.marked = []
        suppressed.fragmentAddresses = []
    }

    /// What machines send that all rules for an address leave out is the host's, unless a service is there without marks.
    private mutating func leaveUnmarked() {
        var addresses = Set(marked.filter { !$0.leftOut.isEmpty && $0.length == $0.prefix.family.width }.map(\.prefix))
        addresses.subtract(suppressed.services.map(\.address))
        for address in addresses.sorted() {
            let all = marked.filter { address.matches($0.prefix, length: $0.length) }.map(\.leftOut)
            let common = all.dropFirst().reduce(all[0]) { $0.intersection($1) }
            suppressed.unmarked += common.sorted { $0.bits < $1.bits }.map { SuppressedTraffic.Source($0, to: address) }
        }
    }

    private mutating func add(_ service: ServiceRecord) {
        let key = service.key
        for range in key.portRanges {
            suppressed.services.append(SuppressedTraffic.Endpoint(proto: key.proto, address: key.address, ports: range))
            captureMatches.append(CaptureMatch(.destination, key.address, proto: key.proto, ports: range))
            captureMatches.append(CaptureMatch(.source, key.address, proto: key.proto, ports: range))
        }
        suppressed.fragmentAddresses.append(key.address)
    }

    private mutating func addLocalAddresses(_ range: ClosedRange<IPAddress>, _ input: HostStateInput) {
        var address = range.lowerBound
        for _ in 0..<65536 {
            suppressed.localAddresses.append(address)
            if input.ownsLocalAddress(address) {
                owned.append(address)
            } else if !input.network.isLocal(address) {
                waiting.insert(address)
            }
            guard address < range.upperBound else { return }
            address.low &+= 1
            if address.low == 0 { address.high &+= 1 }
        }
    }

    /// A destination that marks name. What of it is the host's own, or owned, is handled; of a network these may be single
    /// addresses or smaller networks.
    private mutating func add(_ marked: MarkedDestination, _ network: Network) {
        func part(_ prefix: IPAddress, _ length: Int) -> MarkedDestination {
            var part = marked
            part.prefix = prefix
            part.length = length
            return part
        }
        let width = marked.prefix.family.width
        guard marked.length < width else { return add(handled: marked) }
        for entry in network.addresses where entry.address.matches(marked.prefix, length: marked.length) && !entry.address.isLoopback {
            add(handled: part(entry.address, width))
        }
        for route in network.routes where route.kind == .local && route.length < width && !route.prefix.isLoopback {
            guard route.prefix.family == marked.prefix.family else { continue }
            let (wide, narrow) =
                route.length <= marked.length
                ? ((route.prefix, route.length), (marked.prefix, marked.length))
                : ((marked.prefix, marked.length), (route.prefix, route.length))
            if narrow.0.matches(wide.0, length: wide.1) { add(handled: part(narrow.0, narrow.1)) }
        }
    }

    private mutating func add(handled marked: MarkedDestination) {
        self.marked.append(marked)
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
            let ports = service.settings.keepsPorts(of: service.key) || server.key.port == 0 ? 0...65535 : server.key.port...server.key.port
            let isLocal = network.isLocal(server.key.address) && !server.key.address.isLoopback
            for proto in service.key.mark != 0 ? Self.balanced : [proto] {
                if isLocal {
                    ownTraffic.answers.insert(
                        OwnTraffic.Match(answersOf: server.key.address, proto: proto, port: server.key.port))
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

    /// Protocols of a service that is known by a mark.
    private static let balanced = [IPProtocol.tcp, IPProtocol.udp, IPProtocol.sctp]

    /// Servers that were removed answer what was asked before.
    private mutating func addFormerReplies(_ input: HostStateInput) {
        let present = Set(suppressed.replies)
        for reply in input.formerReplies where !input.network.isLocal(reply.address) {
            translates = true
            let ports = reply.port == 0 ? 0...65535 : reply.port...reply.port
            suppressed.fragmentSources.append(reply.address)
            for proto in reply.proto == 0 ? Self.balanced : [reply.proto] {
                captureMatches.append(CaptureMatch(.source, reply.address, proto: proto, ports: ports))
                let endpoint = SuppressedTraffic.Endpoint(proto: proto, address: reply.address, ports: ports)
                if !present.contains(endpoint) { suppressed.replies.append(endpoint) }
            }
        }
    }
}
