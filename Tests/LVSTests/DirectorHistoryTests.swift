import PacketKit
import Testing
import Wire

import enum PacketKit.Packet

@testable import LVS

/// Whole directors through any history of commands, packets and time: what is counted stays what is there.
@Suite struct DirectorHistoryTests {
    @Test(arguments: SchedulerLawTests.names)
    func theBooksBalance(scheduler: String) {
        var history = DirectorHistory(scheduler: scheduler, seed: UInt64(scheduler.utf8.reduce(5) { $0 &* 31 &+ UInt64($1) }))
        for step in 0..<1500 {
            let fault = history.step() ?? (step % 20 == 0 ? history.audit() : nil)
            if let fault {
                Issue.record("\(scheduler), step \(step): \(fault)")
                return
            }
        }
        #expect(history.audit() == nil)
        #expect(history.sent > 150, "only \(history.sent) packets were sent")
    }
}

/// Four services, three servers for each and forty clients, and what happens to them.
struct DirectorHistory {
    let bench: TranslationFixture
    private let scheduler: String
    private var dice: SeededGenerator
    private(set) var sent = 0
    /// Grows, so that a client that is drawn from it is new.
    private var newcomer: UInt32 = 0

    private static let endpoints: [(proto: UInt8, port: UInt16)] = [
        (IPProtocol.tcp, 80), (IPProtocol.udp, 53), (IPProtocol.tcp, 0), (IPProtocol.sctp, 9),
    ]

    static let connections = 150

    init(scheduler: String, seed: UInt64, outlives: Bool = false, in region: UnsafeMutableRawBufferPointer? = nil) {
        bench = TranslationFixture(connections: Self.connections, outlives: outlives, in: region)
        self.scheduler = scheduler
        dice = SeededGenerator(seed: seed)
        for (proto, port) in Self.endpoints {
            let key = key(proto, port)
            command(.addService(key, settings()))
            for server in 0..<UInt32(3) { command(.addServer(key, self.server(server, port), serverSettings())) }
        }
    }

    private func key(_ proto: UInt8, _ port: UInt16) -> ServiceKey {
        ServiceKey(proto: proto, address: TranslationFixture.ip("203.0.113.10"), port: port)
    }

    private func server(_ number: UInt32, _ port: UInt16) -> ServerKey {
        ServerKey(address: IPAddress(v4: 0x0a02_000b + number), port: port)
    }

    private mutating func settings() -> ServiceSettings {
        var settings = ServiceSettings(scheduler: dice.next(3) > 0 ? scheduler : ["rr", "wlc", "none"][Int(dice.next(3))])
        if dice.next(3) == 0 {
            settings.flags.insert(.persistent)
            settings.timeout = UInt32(1 + dice.next(90))
        }
        if dice.next(5) == 0 { settings.flags.insert(.onePacket) }
        if dice.next(3) == 0 { settings.flags.insert(.scheduler1) }
        if dice.next(3) == 0 { settings.flags.insert(.scheduler2) }
        if dice.next(6) == 0 { settings.timeoutTCP = 20 }
        let local = IPAddress(v4: 0x0a02_00c8)
        if dice.next(2) == 0 { settings.localAddresses = [local...IPAddress(v4: local.v4 + 1)] }
        return settings
    }

    private mutating func serverSettings() -> ServerSettings {
        let method = [ForwardingMethod.directRouting, .directRouting, .masquerading, .tunneling, .fullNAT][Int(dice.next(5))]
        let upper = [0, 0, 0, 8][Int(dice.next(4))] as UInt32
        return ServerSettings(
            method: method, weight: Int32([0, 1, 2, 3, 100][Int(dice.next(5))]), upperThreshold: upper,
            lowerThreshold: upper > 0 && dice.next(2) == 0 ? 2 : 0)
    }

    /// Most commands are refused at some moment; that is a part of the history.
    private func command(_ command: Command) { try? bench.apply(command) }

    mutating func step() -> String? {
        let (proto, port) = Self.endpoints[Int(dice.next(4))]
        let key = key(proto, port)
        let server = server(UInt32(dice.next(3)), port)
        switch dice.next(100) {
        case 0: command(dice.next(5) == 0 ? .flush : .deleteService(key))
        case 1..<3: command(.addServer(key, server, ServerSettings()))
        case 3..<9: command(.addService(key, settings()))
        case 9..<12: command(.editService(key, settings()))
        case 12..<22: command(.addServer(key, server, serverSettings()))
        case 22..<26: command(.editServer(key, server, serverSettings()))
        case 26..<30: command(.deleteServer(key, server))
        case 30: command(.setTimeouts(tcp: UInt32(dice.next(1000)), fin: UInt32(dice.next(100)), udp: UInt32(dice.next(300))))
        case 31: command(.zero(dice.next(2) == 0 ? nil : key))
        case 32..<35: tune()
        case 35..<40: bench.pass(seconds: Int64(dice.next(3)), milliseconds: Int64(dice.next(1000)))
        case 40: bench.pass(seconds: Int64([70, 130, 1000, 5000][Int(dice.next(4))]))
        case 41..<60: return newClient(key)
        default: knownClient(key, server)
        }
        return nil
    }

    private mutating func tune() {
        let name = [
            "expire_nodest_conn", "conn_reuse_mode", "drop_entry", "drop_packet", "secure_tcp", "sloppy_tcp",
            "expire_quiescent_template", "sloppy_sctp",
        ][Int(dice.next(8))]
        // Defences that always drop would leave little to look at.
        guard name != "drop_packet" || dice.next(4) == 0 else { return }
        let value = String(dice.next(name.hasPrefix("drop") || name == "conn_reuse_mode" || name == "secure_tcp" ? 4 : 2))
        bench.tune { try? $0.set("net.ipv4.vs." + name, to: value) }
    }

    private mutating func packet(_ key: ServiceKey, from source: Endpoint, to destination: Endpoint, opens: Bool) -> [UInt8] {
        switch key.proto {
        case IPProtocol.tcp:
            let flags = opens ? TCPFlags.syn : [.ack, [.fin, .ack], .rst, [.syn, .ack], .ack][Int(dice.next(5))]
            return Packet.tcp(from: source, to: destination, flags: flags)
        case IPProtocol.udp: return Packet.udp(from: source, to: destination, payload: [1])
        default:
            let chunks = [SCTPChunk.initiationAck(), .cookieEcho, .cookieAck, .data(), .shutdown(), .shutdownAck, .abort]
            return Packet.sctp(from: source, to: destination, chunks: [opens ? .initiation() : chunks[Int(dice.next(7))]])
        }
    }

    /// A connection that cannot be known: whoever gets it is on its service's list, with weight and below its threshold.
    private mutating func newClient(_ key: ServiceKey) -> String? {
        newcomer += 1
        let source = Endpoint(IPAddress(v4: 0xc633_0000 + newcomer), 4000)
        let before = bench.director.service(matching: key)
        send(packet(key, from: source, to: Endpoint(key.address, key.port == 0 ? 8080 : key.port), opens: true))
        guard bench.verdict.fate == .sent, let place = bench.director.server(of: 0), let before else { return nil }
        guard let server = before.servers.first(where: { $0.key == place }) else { return "\(place) is not on the list of \(key)" }
        guard server.weight > 0 else { return "\(place) has weight 0" }
        let isLocality = before.scheduler == "lblc"
        return server.isOverloaded && !isLocality ? "\(place) was overloaded" : nil
    }

    private mutating func knownClient(_ key: ServiceKey, _ server: ServerKey) {
        let client = Endpoint(IPAddress(v4: 0xc633_6400 + UInt32(dice.next(40))), 4000 + UInt16(dice.next(2)))
        let virtual = Endpoint(key.address, key.port == 0 ? 8000 + UInt16(dice.next(3)) : key.port)
        switch dice.next(6) {
        case 0: send(packet(key, from: Endpoint(server.address, virtual.port), to: client, opens: false))
        case 1: send(packet(key, from: virtual, to: client, opens: false))
        case 2...3: send(packet(key, from: client, to: virtual, opens: true))
        default: send(packet(key, from: client, to: virtual, opens: false))
        }
    }

    private mutating func send(_ packet: [UInt8]) {
        bench.send(packet)
        if bench.verdict.fate == .sent { sent += 1 }
    }

    func audit() -> String? { bench.director.imbalance }
}

extension Director {
    /// The servers of a service and what its scheduler is called.
    fileprivate func service(matching key: ServiceKey) -> (scheduler: String, servers: [RealServer])? {
        services.find(key).map { ($0.settings.scheduler, $0.servers.map { servers[$0] }) }
    }

    /// What the counters say beside what the table holds: the first thing that does not agree.
    var imbalance: String? {
        var active: [ServerID: Int32] = [:], total: [ServerID: Int32] = [:], persistent: [ServerID: Int32] = [:]
        var children: [ConnectionID: Int32] = [:], used = 0
        for id in 0..<connections.table.highWater where connections[id].flags.contains(.used) {
            let entry = connections[id]
            used += 1
            guard entry.isFiled else { return "connection \(id) waits for no timer" }
            if entry.controller >= 0 {
                guard connections[entry.controller].flags.isSuperset(of: [.used, .template]) else { return "\(id) hangs on nothing" }
                children[entry.controller, default: 0] += 1
            }
            guard entry.flags.contains(.bound) else { continue }
            guard servers[entry.server].flags.contains(.used) else { return "\(id) is bound to no server" }
            if entry.flags.contains(.template) {
                persistent[entry.server, default: 0] += 1
            } else {
                total[entry.server, default: 0] += 1
                if !entry.flags.contains(.inactive) { active[entry.server, default: 0] += 1 }
            }
        }
        guard used == connections.table.count else { return "\(used) connections, counted \(connections.table.count)" }
        for id in 0..<connections.table.highWater where connections[id].flags.contains(.used) {
            guard connections[id].children == children[id, default: 0] else { return "\(connections[id].children) hang on \(id)?" }
        }
        for id in servers.all {
            let server = servers[id]
            guard server.total == total[id, default: 0], server.active == active[id, default: 0],
                server.persistent == persistent[id, default: 0]
            else {
                return "\(server.key): \(server.active) of \(server.total) active and \(server.persistent) templates, but there are "
                    + "\(active[id, default: 0]) of \(total[id, default: 0]) and \(persistent[id, default: 0])"
            }
            let isListed = services.all.contains { $0.servers.contains(id) }
            let isTrash = servers.trash.entries.contains { $0.value.server == id }
            guard isListed != isTrash, isListed == server.isAvailable else {
                return "\(server.key) is neither listed nor in the servers.trash, or both"
            }
        }
        return nil
    }
}
