import Admin
import CLinux
import LVS
import Links
import Linux
import Replay
import Wire

/// Sends real servers a SYN on the very way that the director has for a client's, in the name of the host's own address, and hears
/// what comes back: for direct routing and tunnelling from the virtual address, otherwise from the server's own. What is sent is
/// made by a director of its own; the running one and its connections have no part in it. Needs CAP_NET_RAW.
final class ServerProbe {
    /// A server of a service that has one address and takes TCP, or whose host has no reason not to refuse it.
    struct Target: Hashable {
        var service: ServiceKey
        var server: ServerRecord

        /// Whether the server has the virtual address itself.
        var hasVirtualAddress: Bool { [.directRouting, .tunneling].contains(server.settings.method) }

        /// Where the SYN goes, as the client says it.
        var end: ServerKey {
            guard hasVirtualAddress else { return server.key }
            // A service of all ports is asked at one that is often there; that it is refused is an answer too.
            return ServerKey(address: service.address, port: service.port == 0 ? 80 : service.port)
        }
    }

    enum Answer { case accepted, refused }

    /// One SYN.
    struct Question {
        var target: Target
        /// Bytes of its IP packet; `nil` for headers alone.
        var length: Int?
    }

    private let network: Network
    private let interfaces: [Network.Interface]
    private let links: [Int32: SocketLink]
    private let poller: Poller
    private var director: Director
    private var nextPort = ports.lowerBound
    private static let ports: ClosedRange<UInt16> = 16_000...31_999
    /// Milliseconds that an answer may take; then it is asked once more.
    private static let patience: UInt64 = 700

    /// - Parameter interfaces: those that answers may come in by.
    init(_ network: Network, _ tunables: Tunables, interfaces: [Network.Interface]) throws {
        self.network = network
        self.interfaces = interfaces
        let filter = try PacketFilter(
            expression: "dst portrange \(Self.ports.lowerBound)-\(Self.ports.upperBound) and tcp")
        var links: [Int32: SocketLink] = [:]
        poller = try Poller()
        for interface in interfaces {
            let link = try SocketLink(on: interface.name, filter: filter)
            links[interface.index] = link
            try poller.watch(link.descriptor, as: UInt64(interface.index))
        }
        self.links = links
        director = Director(
            connections: 1 << 16, hostEmulation: HostEmulation(isWholeHost: false, ownership: .all), at: Instant(svs_clock()))
        director.network = network
        director.tunables = tunables
    }

    /// A question under way.
    private struct Asked {
        var question: Question
        var port: UInt16
        /// The frames that ask, and those that take the connection back.
        var syn: [Replayer.Emission], rst: [Replayer.Emission]
        var answer: Answer?
    }

    /// Asks all at once; what is silent, twice.
    /// - Returns: for each question its answer; `nil` for none.
    func ask(_ questions: [Question]) throws -> [Answer?] {
        var asked = try questions.map { try prepare($0) }
        for _ in 0..<2 {
            for one in asked where one.answer == nil { try send(one.syn) }
            try hear(&asked)
            if asked.allSatisfy({ $0.answer != nil }) { break }
        }
        for one in asked where one.answer == .accepted { try send(one.rst) }
        return asked.map(\.answer)
    }

    /// Bytes of the longest packet of a client's that the way to a server carries as the host knows it, and how many more it has
    /// on that way; `nil` where there is no way.
    func limit(of target: Target) throws -> (packet: Int, overhead: Int)? {
        let asked = try prepare(Question(target: target))
        guard let frame = asked.syn.first?.frame else { return nil }
        let bare = target.service.family == .v4 ? 40 : 60, overhead = frame.count - 14 - bare
        let path = network.path(to: target.server.key.address)
        let own = interfaces.map(\.mtu).min() ?? Int(path.mtu)
        return (min(Int(path.mtu) - overhead, own), overhead)
    }

    private func prepare(_ question: Question) throws -> Asked {
        let target = question.target, end = target.end, server = target.server.key
        defer { nextPort = nextPort == Self.ports.upperBound ? Self.ports.lowerBound : nextPort + 1 }
        var asked = Asked(question: question, port: nextPort, syn: [], rst: [])
        let own = network.path(to: server.address).local
        guard !own.isUnspecified else { return asked }
        let key = ServiceKey(proto: IPProtocol.tcp, address: end.address, port: end.port)
        var settings = target.server.settings
        if !target.hasVirtualAddress { settings = ServerSettings() }
        (settings.weight, settings.upperThreshold, settings.lowerThreshold) = (1, 0, 0)
        try director.apply(.addService(key, ServiceSettings(scheduler: "rr", netmask: key.family == .v4 ? .max : 128)))
        defer { try? director.apply(.deleteService(key)) }
        try director.apply(.addServer(key, ServerKey(address: server.address, port: end.port), settings))
        let flow = "tcp \(ServerKey(address: own, port: nextPort)) > \(end)", now = Instant(svs_clock())
        let length = question.length.map { " len \($0)" } ?? ""
        func left(_ words: String) throws -> [Replayer.Emission] {
            try director.explain(PacketWords("\(flow) \(words) in lo"), at: now).emissions.filter { $0.interface > 0 }
        }
        asked.syn = try left("SYN seq 1\(length)")
        asked.rst = try left("RST seq 2")
        return asked
    }

    private func send(_ emissions: [Replayer.Emission]) throws {
        for one in emissions {
            guard let link = links[one.interface] else { continue }
            try link.send(one.frame.count) {
                $0.copy(one.frame)
                return one.frame.count
            }
        }
    }

    private func hear(_ asked: inout [Asked]) throws {
        let end = svs_clock() &+ Self.patience &* 1_000_000
        var batch = Batch(capacity: 64)
        while true {
            for link in links.values {
                batch.removeAll()
                try link.receive(into: &batch)
                for place in 0..<batch.count { Self.take(batch[place], &asked) }
            }
            let now = svs_clock()
            guard now < end, asked.contains(where: { $0.answer == nil && !$0.syn.isEmpty }) else { return }
            _ = try poller.wait(milliseconds: Int32((end - now) / 1_000_000 + 1))
        }
    }

    private static func take(_ frame: Frame, _ asked: inout [Asked]) {
        let packet = Packet(frame)
        guard packet.kind == .ip, packet.flow.proto == IPProtocol.tcp, packet.hasTransport,
            let place = asked.firstIndex(where: { $0.port == packet.flow.destinationPort }), asked[place].answer == nil
        else { return }
        let end = asked[place].question.target.end
        guard packet.flow.source == end.address, packet.flow.sourcePort == end.port else { return }
        if packet.flags.contains(.rst) {
            asked[place].answer = .refused
        } else if packet.flags.contains([.syn, .ack]) {
            asked[place].answer = .accepted
        }
    }
}
