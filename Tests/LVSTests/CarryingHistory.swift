import PacketKit
import Testing
import Wire

import enum PacketKit.Packet

@testable import LVS

/// One director that sees every frame, and one past which a carrier carries what it may: the same history for both, and the
/// same out of both.
struct CarryingHistory {
    let whole: TranslationFixture, carried: TranslationFixture
    let carrier: ModelCarrier
    private var dice: SeededGenerator
    private var seq: UInt32 = 0

    private static let endpoints: [(proto: UInt8, port: UInt16, isV4: Bool)] = [
        (IPProtocol.tcp, 80, true), (IPProtocol.udp, 53, true), (IPProtocol.tcp, 0, true), (IPProtocol.tcp, 80, false),
        (IPProtocol.udp, 53, false),
    ]

    init(seed: UInt64) {
        dice = SeededGenerator(seed: seed)
        whole = TranslationFixture(connections: 600, outlives: true)
        carried = TranslationFixture(connections: 600, outlives: true)
        carrier = ModelCarrier(
            capacity: dice.next(4) == 0 ? 10 : .max, caution: Int(dice.next(3)), serverLimit: dice.next(8) == 0 ? 5 : 16384)
        var policy = CarryingPolicy()
        (policy.packetsTCP, policy.packetsUDP) = (UInt32(1 + dice.next(4)), UInt32(1 + dice.next(3)))
        carried.carry(by: carrier, policy)
        for endpoint in Self.endpoints {
            command(.addService(key(endpoint), settings(endpoint)))
            for number in 0..<UInt64(3) { command(.addServer(key(endpoint), server(endpoint, number), serverSettings())) }
        }
    }

    private typealias Service = (proto: UInt8, port: UInt16, isV4: Bool)

    private func key(_ service: Service) -> ServiceKey {
        ServiceKey(
            proto: service.proto, address: TranslationFixture.ip(service.isV4 ? "203.0.113.10" : "2001:db8:f::10"), port: service.port)
    }

    private func server(_ service: Service, _ number: UInt64) -> ServerKey {
        let address = service.isV4 ? IPAddress(v4: 0x0a02_000b + UInt32(number)) : IPAddress(high: 0xfd00_0002 << 32, low: 0x11 + number)
        return ServerKey(address: address, port: service.port)
    }

    private mutating func settings(_ service: Service) -> ServiceSettings {
        var settings = ServiceSettings(
            scheduler: ["rr", "wlc", "sh", "lc", "mh"][Int(dice.next(5))], netmask: service.isV4 ? 0xffff_ffff : 128)
        if dice.next(3) == 0 {
            settings.flags.insert(.persistent)
            settings.timeout = UInt32(1 + dice.next(90))
        }
        if dice.next(12) == 0 { settings.flags.insert(.onePacket) }
        if dice.next(3) == 0 { (settings.timeoutTCP, settings.timeoutUDP) = (UInt32(5 + dice.next(40)), UInt32(dice.next(30))) }
        return settings
    }

    private mutating func serverSettings() -> ServerSettings {
        let methods = [ForwardingMethod.directRouting, .directRouting, .directRouting, .directRouting, .masquerading, .tunneling]
        let upper = [0, 0, 0, 8][Int(dice.next(4))] as UInt32
        return ServerSettings(
            method: methods[Int(dice.next(6))], weight: Int32([0, 1, 2, 3, 100][Int(dice.next(5))]), upperThreshold: upper,
            lowerThreshold: upper > 0 && dice.next(2) == 0 ? 2 : 0)
    }

    private func command(_ command: Command) { both { try? $0.apply(command) } }

    private func both(_ change: (TranslationFixture) -> Void) {
        change(whole)
        change(carried)
    }

    /// - Returns: what differs afterwards.
    mutating func step() -> String? {
        let service = Self.endpoints[Int(dice.next(5))]
        switch dice.next(400) {
        case 0: command(dice.next(5) == 0 ? .flush : .deleteService(key(service)))
        case 1..<4: command(.addService(key(service), settings(service)))
        case 4..<9: command(.addServer(key(service), server(service, dice.next(3)), serverSettings()))
        case 9..<11: command(.editService(key(service), settings(service)))
        case 11..<16: command(.editServer(key(service), server(service, dice.next(3)), serverSettings()))
        case 16..<18: command(.deleteServer(key(service), server(service, dice.next(3))))
        case 18: command(.setTimeouts(tcp: UInt32(dice.next(60)), fin: UInt32(dice.next(30)), udp: UInt32(dice.next(40))))
        case 19: command(.zero(dice.next(2) == 0 ? nil : key(service)))
        case 20: tune()
        case 21: reset(service)
        case 22..<26: rewire()
        case 26: synchronise()
        case 27: pause()
        case 28: replaceDirectors()
        case 29..<40: return pass(milliseconds: Int64(dice.next(4000)))
        case 40: return pass(milliseconds: [20_000, 70_000, 130_000, 1_000_000][Int(dice.next(4))])
        default: return send(service)
        }
        return nil
    }

    private mutating func tune() {
        let names = ["expire_nodest_conn", "conn_reuse_mode", "drop_packet", "secure_tcp", "expire_quiescent_template", "backup_only"]
        let name = names[Int(dice.next(6))],
            value = String(dice.next(3) > 0 ? 0 : name.hasPrefix("expire") || name == "backup_only" ? 1 : 3)
        both { $0.tune { try? $0.set("net.ipv4.vs." + name, to: value) } }
    }

    private mutating func reset(_ service: Service) {
        let server = server(service, dice.next(3)), key = key(service)
        both { try? $0.resetConnections(of: server, of: key) }
    }

    private mutating func rewire() {
        let number = dice.next(3), isV4 = dice.next(2) == 0, what = dice.next(8)
        let server = server((IPProtocol.tcp, 0, isV4), number).address
        let usual = MACAddress(bits: 0x0200_0000_0011 + number), other = MACAddress(bits: 0x0200_0000_0091 + number)
        let mtu = [1500, 1400, 1280][Int(dice.next(3))]
        let virtual = TranslationFixture.ip(isV4 ? "203.0.113.10" : "2001:db8:f::10")
        both { fixture in
            fixture.rewire { network in
                switch what {
                case 0: network.setNeighbor(server, on: 2, to: nil)
                case 1: network.setNeighbor(server, on: 2, to: other)
                case 2: for place in network.routes.indices where network.routes[place].length != 0 { network.routes[place].mtu = mtu }
                case 3: network.addresses.removeAll { $0.address == virtual }
                case 4:
                    if !network.addresses.contains(where: { $0.address == virtual }) {
                        network.addresses.append(.init(address: virtual, prefixLength: virtual.family.width, interface: 1))
                    }
                default: network.setNeighbor(server, on: 2, to: usual)
                }
            }
        }
    }

    private mutating func synchronise() {
        let role: SyncDaemon.Role = dice.next(2) == 0 ? .master : .backup
        if dice.next(4) == 0 {
            var daemon = SyncDaemon(role: role, interface: "eth0")
            daemon.syncID = 7
            command(.startDaemon(daemon))
        } else {
            command(.stopDaemon(role))
        }
    }

    private mutating func pause() {
        let isPaused = dice.next(3) == 0
        both { $0.pauseCarrying(isPaused) }
    }

    private func replaceDirectors() { both { _ = try? $0.replaceDirector() } }

    /// Time passes, also in small steps, between which the carrier is asked for what is due.
    private mutating func pass(milliseconds: Int64) -> String? {
        let out = whole.pass(seconds: 0, milliseconds: milliseconds), other = carried.pass(seconds: 0, milliseconds: milliseconds)
        carrier.now = carried.now
        carried.handOver()
        return out == other ? dice.next(4) == 0 ? difference() : nil : "time sends \(out.count) and \(other.count) frames"
    }

    private mutating func send(_ service: Service) -> String? {
        let number = dice.next(6), port = 4000 + UInt16(dice.next(2))
        let address = service.isV4 ? IPAddress(v4: 0xc633_6400 + UInt32(number)) : IPAddress(high: 0x2001_0db8_000c_0000, low: number)
        let client = Endpoint(address, port), virtual = Endpoint(key(service).address, service.port == 0 ? 8000 : service.port)
        seq &+= 1
        if dice.next(12) == 0 {
            let source = dice.next(2) == 0 ? virtual : Endpoint(server(service, dice.next(3)).address, virtual.port)
            return send([packet(service, from: source, to: client)])
        }
        // A client sends some packets in a row, as clients do.
        for _ in 0...dice.next(8) {
            if let fault = send(pieces(of: packet(service, from: client, to: virtual))) { return fault }
        }
        return nil
    }

    private mutating func packet(_ service: Service, from source: Endpoint, to destination: Endpoint) -> [UInt8] {
        let payload = [UInt8](repeating: UInt8(truncatingIfNeeded: seq), count: [0, 1, 30, 1200, 1460, 1600][Int(dice.next(6))])
        let hops: UInt8 = dice.next(30) == 0 ? 1 : 64, df = dice.next(2) == 0
        guard service.proto == IPProtocol.tcp else {
            return Packet.udp(from: source, to: destination, payload: payload, ttl: hops, id: UInt16(truncatingIfNeeded: seq), df: df)
        }
        let kinds: [TCPFlags] = [.syn, [.fin, .ack], .rst, [], [.ack, .psh], [.ack, .psh]]
        let flags = dice.next(12) == 0 ? kinds[Int(dice.next(6))] : .ack
        let options: [UInt8] = dice.next(4) == 0 ? [1, 1, 8, 10, 0, 0, 0, 1, 0, 0, 0, 2] : []
        return Packet.tcp(
            from: source, to: destination, flags: flags, seq: seq, options: options, payload: payload, ttl: hops,
            id: UInt16(truncatingIfNeeded: seq), df: df)
    }

    /// A packet as it may come: whole, in fragments, with options.
    private mutating func pieces(of packet: [UInt8]) -> [[UInt8]] {
        switch dice.next(60) {
        case 0 where packet.count > 60: return packet.fragments(8)
        case 1 where packet[0] >> 4 == 4: return [packet.ipOptions([1, 1, 1, 1])]
        case 2 where packet[0] >> 4 == 6: return [packet.extensionHeaders(.destinationOptions())]
        case 3 where packet[0] >> 4 == 4: return [packet.with(packet[10] ^ 1, at: 10)]
        case 4: return [Array(packet.dropLast(packet.count > 30 ? 1 : 0))]
        default: return [packet]
        }
    }

    private mutating func send(_ packets: [[UInt8]]) -> String? {
        for packet in packets {
            var frame = packet.ethernet(from: "02:00:00:00:00:fe", to: "02:00:00:00:00:01"), offload = Offload()
            switch dice.next(40) {
            case 0: frame += [UInt8](repeating: 0, count: max(60 - frame.count, 3))
            case 1: frame = packet.ethernet(from: "02:00:00:00:00:fe", to: "02:00:00:00:00:09")
            case 2, 3: offload = superframe(packet)
            default: break
            }
            let expected = whole.receive(frame, offload: offload), found = carried.receive(frame, offload: offload)
            guard whole.verdict == carried.verdict else { return "verdict \(carried.verdict) instead of \(whole.verdict)" }
            guard expected == found else { return "\(found) instead of \(expected)" }
            guard whole.offloads == carried.offloads, whole.interfaces == carried.interfaces else { return "sent in another way" }
        }
        return nil
    }

    /// How a long packet would be cut.
    private mutating func superframe(_ packet: [UInt8]) -> Offload {
        guard packet.count > 1000, [6, 17].contains(packet[0] >> 4 == 4 ? packet[9] : packet[6]) else { return Offload() }
        let isV4 = packet[0] >> 4 == 4, isTCP = (isV4 ? packet[9] : packet[6]) == 6
        return Offload(
            flags: Offload.needsChecksum, segmentation: isTCP ? isV4 ? Offload.tcp4 : Offload.tcp6 : Offload.udpSegments, headerLength: 54,
            segmentSize: [500, 1300, 1448][Int(dice.next(3))], checksumStart: isV4 ? 34 : 54, checksumOffset: isTCP ? 16 : 6)
    }

    /// What listings, counters and a snapshot say of the one and of the other: the first line that differs.
    func difference() -> String? {
        carried.accountCarried()
        let expected = whole.look, found = carried.look
        let place = (0..<min(expected.count, found.count)).first { expected[$0] != found[$0] } ?? min(expected.count, found.count)
        guard place < max(expected.count, found.count) else { return carried.director.imbalance }
        return "\(place < found.count ? found[place] : "nothing") instead of \(place < expected.count ? expected[place] : "nothing")"
    }
}

extension TranslationFixture {
    /// What can be seen of a director, whatever places its connections have.
    fileprivate var look: [String] {
        let snapshot = director.snapshot(), messages = takeSyncMessages().map { "said \($0.bytes)" }
        var words = messages + ["dice \(snapshot.generator ?? 0)", "due \(String(describing: snapshot.due))"]
        words += snapshot.gone.map { "gone \($0)" }.sorted() + snapshot.services.map { "\($0.key) \($0.memory)" }.sorted()
        words += snapshot.servers.map { "\($0)" }.sorted()
        let inventory = director.inventory()
        words += inventory.services.map { "\($0)" } + ["total \(inventory.total)", "verdicts \(director.verdicts.all)"]
        words += director.connectionRecords().map { "\($0)" }.sorted()
        words += snapshot.entries.map { entry in
            let it = entry.connection
            return
                "\(it.proto) \(it.client):\(it.clientPort) \(it.virtual):\(it.virtualPort) \(it.flags.rawValue) \(it.state) \(it.expires) "
                + "\(it.packetsIn) \(it.timeout) \(it.children) \(String(describing: entry.server))"
        }.sorted()
        return words
    }
}
