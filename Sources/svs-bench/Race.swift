import CBench
import CLinux
import LVS
import Wire

/// Medians of one race, in nanoseconds a packet.
struct Measurement {
    var connections: Int
    var method: Method
    var known: Double
    var loop: Double
    var new: Double

    var json: String {
        "{\"connections\": \(connections), \"method\": \"\(method.rawValue)\", \"known_ns\": \(rounded(known)), \"c_loop_ns\": \(rounded(loop)), "
            + "\"ratio\": \(rounded(known / loop)), \"new_ns\": \(rounded(new))}"
    }

    var line: String {
        [
            ("\(connections)", 11), (method.rawValue, 6), ("\(rounded(known))", 15), ("\(rounded(loop))", 16),
            ("\(rounded(known / loop))", 5),
            ("\(rounded(new))", 13),
        ]
        .map { String(repeating: " ", count: max($0.1 - $0.0.count, 0)) + $0.0 }.joined(separator: "  ")
    }

    private func rounded(_ value: Double) -> Double { (value * 100).rounded() / 100 }
}

/// How the measured director forwards.
enum Method: String, CaseIterable {
    case directRouting = "dr"
    case tunneling = "tun"
    case masquerading = "nat"

    var settings: ServerSettings {
        switch self {
        case .directRouting: ServerSettings(method: .directRouting)
        case .tunneling: ServerSettings(method: .tunneling)
        case .masquerading: ServerSettings(method: .masquerading)
        }
    }
}

/// The engine against the C loop, over the same frames in the same order.
struct Race {
    let connections: Int
    var method = Method.directRouting
    let rounds: Int
    /// Frames of one batch.
    private static let batch = 64
    private static let slot = 256
    /// Packets of one round.
    private var packets: Int { 1 << 18 }

    func run() -> Measurement {
        let traffic = Traffic(flows: connections)
        let capacity = max(connections * 2, 1 << 16)
        let loop = CLoop(traffic, capacity: capacity)
        var known: [Double] = [], c: [Double] = [], new: [Double] = []
        var director = self.director(capacity: capacity)
        fill(&director, traffic)
        _ = round(&director, traffic, 0)
        _ = loop.round(traffic, 0, packets)
        for i in 1...rounds {
            known.append(round(&director, traffic, i))
            c.append(loop.round(traffic, i, packets))
        }
        for _ in 0..<max(rounds / 3, 3) {
            var fresh = self.director(capacity: capacity)
            new.append(fill(&fresh, traffic))
        }
        return Measurement(connections: connections, method: method, known: median(known), loop: median(c), new: median(new))
    }

    private func median(_ values: [Double]) -> Double { values.sorted()[values.count / 2] }

    /// A director with eight servers behind one service.
    private func director(capacity: Int) -> Director {
        var director = Director(connections: capacity, seed: 1)
        Self.serve(&director, by: method)
        return director
    }

    /// Opens every connection in a state's memory.
    func fill(in memory: StateMemory) {
        var director = Director(in: memory)
        Self.serve(&director)
        fill(&director, Traffic(flows: connections))
    }

    /// Tells a director its network and its servers.
    static func serve(
        _ director: inout Director, by method: Method = .directRouting, servers: Range<Int> = 0..<8,
        _ settings: ServiceSettings = ServiceSettings(scheduler: "wrr")
    ) {
        var network = Network()
        network.interfaces = [Network.Interface(index: 2, name: "eth0", mac: Traffic.director, mtu: 1500)]
        network.addresses = [Network.Address(address: IPAddress(v4: 0xac1f_ff01), prefixLength: 24, interface: 2)]
        network.routes = [
            Network.Route(prefix: IPAddress(v4: 0x0a02_0000), length: 16, interface: 2),
            Network.Route(prefix: Traffic.virtual, length: 32, interface: 1, kind: .local),
        ]
        for i in servers {
            network.setNeighbor(IPAddress(v4: 0x0a02_000b + UInt32(i)), on: 2, to: MACAddress(bits: 0x0200_0000_0100 + UInt64(i)))
        }
        director.network = network
        let key = ServiceKey(proto: IPProtocol.tcp, address: Traffic.virtual, port: 80)
        do {
            try director.apply(.addService(key, settings))
            for i in servers {
                let server = ServerKey(address: IPAddress(v4: 0x0a02_000b + UInt32(i)), port: 80)
                try director.apply(.addServer(key, server, method.settings))
            }
        } catch { preconditionFailure("the benchmark's own services were refused: \(error)") }
    }

    /// Opens every connection: a SYN each, the ACK outside the measurement. Nanoseconds per SYN.
    @discardableResult
    private func fill(_ director: inout Director, _ traffic: Traffic) -> Double {
        var batch = Batch(capacity: Self.batch)
        let memory = Slab<UInt8>(capacity: Self.batch * Self.slot)
        var spent: UInt64 = 0
        var first = 0
        while first < connections {
            let end = min(first + Self.batch, connections)
            traffic.load(&batch, memory.view, flows: first..<end, slot: Self.slot, flags: .syn)
            let start = svs_clock()
            director.process(&batch, at: 1)
            spent += svs_clock() - start
            traffic.load(&batch, memory.view, flows: first..<end, slot: Self.slot, flags: .ack)
            director.process(&batch, at: 1)
            first = end
        }
        return Double(spent) / Double(connections)
    }

    /// One round over known connections in random order. Nanoseconds a packet.
    private func round(_ director: inout Director, _ traffic: Traffic, _ number: Int) -> Double {
        var batch = Batch(capacity: Self.batch)
        let memory = Slab<UInt8>(capacity: Self.batch * Self.slot)
        var spent: UInt64 = 0
        var order = Order(seed: UInt64(number))
        for _ in 0..<packets / Self.batch {
            traffic.load(&batch, memory.view, order: &order, slot: Self.slot)
            let start = svs_clock()
            director.process(&batch, at: Instant(number) + 2)
            spent += svs_clock() - start
        }
        return Double(spent) / Double(packets)
    }
}
