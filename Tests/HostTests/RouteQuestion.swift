import LVS
import Testing
import Wire

/// A question about a host's routing, for `ip route get` and for the engine.
struct RouteQuestion {
    var destination: String
    var source: String?
    var ingress: String?
    var mark: UInt32 = 0
    var typeOfService: UInt8 = 0
    var transport: (proto: String, source: UInt16, destination: UInt16)?

    init(destination: String) { self.destination = destination }

    var isV4: Bool { !destination.contains(":") }

    var words: String {
        var words = [destination]
        if let source { words += ["from", source] }
        if let ingress { words += ["iif", ingress] }
        if mark != 0 { words += ["mark", "\(mark)"] }
        if typeOfService != 0 { words += ["tos", "0x" + String(typeOfService, radix: 16)] }
        if let transport { words += ["ipproto", transport.proto, "sport", "\(transport.source)", "dport", "\(transport.destination)"] }
        return words.joined(separator: " ")
    }

    /// What the engine expects for a network: every answer that is as good as another.
    struct Expectation: CustomStringConvertible {
        /// `unicast`, `local`, `broadcast`, or the words of an error.
        var kind: String
        var hops: [String] = []
        /// The source that the host takes by itself, where it chooses one.
        var source: String?

        var description: String { ([kind] + hops + (source.map { ["src \($0)"] } ?? [])).joined(separator: " | ") }

        func allows(_ answer: String) -> Bool {
            let words = answer.split(separator: " ").map(String.init)
            func behind(_ word: String) -> String? { words.firstIndex(of: word).flatMap { $0 + 1 < words.count ? words[$0 + 1] : nil } }
            switch kind {
            // An anycast address is one of the host's own.
            case "local": return words.first == "local" || words.first == "anycast"
            case "broadcast": return words.first == "broadcast" || words.first == "multicast"
            case "unicast":
                guard let device = behind("dev"), words.first?.first?.isNumber == true || words.first == "unicast" else { return false }
                let hop = (behind("via").map { "via \($0) " } ?? "") + "dev \(device)"
                return hops.contains(hop) && (source == nil || source == behind("src"))
            default: return answer == kind
            }
        }
    }

    func expectation(_ network: LVS.Network) -> Expectation {
        guard let to = IPAddress(destination) else { return Expectation(kind: "no address") }
        // A look-up from outside names UDP for IPv4 even where nobody does.
        let proto: UInt8 = transport.map { $0.proto == "tcp" ? IPProtocol.tcp : IPProtocol.udp } ?? (to.isV4 ? IPProtocol.udp : 0)
        let query = RouteQuery(
            to: to, from: source.flatMap { IPAddress($0) }, mark: mark,
            ingress: ingress.flatMap { network.interface(named: $0)?.index } ?? 0, proto: proto,
            sourcePort: transport?.source ?? 0, destinationPort: transport?.destination ?? 0, typeOfService: typeOfService)
        if to.isV4, ingress == nil, source != nil, !network.isOwnSource(query.source) { return Expectation(kind: "Network is unreachable") }
        let answer = network.route(query)
        switch answer.refusal {
        case .networkUnreachable: return Expectation(kind: "Network is unreachable")
        case .hostUnreachable: return Expectation(kind: "No route to host")
        case .prohibited: return Expectation(kind: "Permission denied")
        case .discarded: return Expectation(kind: "Invalid argument")
        case nil: break
        }
        guard let route = answer.route else { return Expectation(kind: "no route") }
        if to.isV4, ingress != nil, network.isMartianSource(query) { return Expectation(kind: "Invalid argument") }
        switch route.kind {
        case .local: return Expectation(kind: "local")
        case .broadcast: return Expectation(kind: "broadcast")
        default: break
        }
        let hops = route.nextHops.isEmpty ? [LVS.Network.NextHop(gateway: route.gateway, interface: route.interface)] : route.nextHops
        let texts = hops.map { hop in
            (hop.gateway.map { "via \($0) " } ?? "") + "dev \(network.interface(hop.interface)?.name ?? "?")"
        }
        var expectation = Expectation(kind: "unicast", hops: texts)
        if to.isV4, source == nil, hops.count == 1 {
            expectation.source = "\(route.source ?? network.sourceAddress(towards: to, by: route.gateway, on: route.interface))"
        }
        return expectation
    }
}
