import PacketKit
import Testing
import Wire

import enum PacketKit.Packet

@testable import LVS

/// A director on eth0 with clients behind a gateway and servers on its own network, fed packet by packet.
///
/// Clients: 198.51.100.0/24 and 2001:db8:c::/64 by the default route. Virtual addresses: 203.0.113.10 and .20,
/// 2001:db8:f::10 and ::20, held by the director's host. Servers: 10.2.0.11 to 13 and fd00:2::11 to 13, MAC 02:00:00:00:00:XX with XX their last
/// byte. Local addresses: 10.2.0.200 and up, fd00:2::200 and up.
final class TranslationFixture {
    private(set) var director: Director
    private var batch = Batch(capacity: 1)
    private let memory: Slab<UInt8>
    /// What outlives a director, when the fixture's is one of several.
    let state: UnsafeMutableRawBufferPointer?
    private let ownState: Slab<UInt8>?
    private(set) var now: Instant = 1_000_000_000
    private(set) var verdict = Verdict.malformed
    /// Offload headers of the frames that came out last, in their order.
    private(set) var offloads: [Offload] = []
    /// Where the frames that came out last leave.
    private(set) var interfaces: [Int32] = []
    var headroom = 128
    /// Carries frames past the director; frames ask it first.
    private(set) var carrier: ModelCarrier?

    static let place = (0..<32).map { UInt8($0) }

    /// - Parameters:
    ///   - outlives: the director may be replaced by another one that takes over what it knew.
    ///   - region: the memory for that, zero; `nil` for one of the fixture's own.
    init(
        hostEmulation: HostEmulation = .everything, connections: Int = 4096, serverMTU: Int = 1500, outlives: Bool = false,
        in region: UnsafeMutableRawBufferPointer? = nil
    ) {
        var state = region
        if outlives, region == nil {
            let own = Slab<UInt8>(capacity: StateMemory.size(connections: connections))
            state = own.view.memory
            ownState = consume own
        } else {
            ownState = nil
        }
        self.state = state
        if let memory = state {
            let fresh = StateMemory(fresh: memory, connections: connections, seed: 0, place: Self.place)
            director = Director(in: fresh, hostEmulation: hostEmulation, at: now)
        } else {
            director = Director(connections: connections, hostEmulation: hostEmulation, at: now)
        }
        memory = Slab(capacity: 70_000)
        var network = Network()
        network.interfaces = [
            .init(index: 1, name: "lo", mac: .zero, mtu: 65536, isLoopback: true),
            .init(index: 2, name: "eth0", mac: MACAddress(bits: 0x0200_0000_0001), mtu: 1500),
        ]
        network.addresses = [
            .init(address: Self.ip("203.0.113.10"), prefixLength: 32, interface: 1),
            .init(address: Self.ip("2001:db8:f::10"), prefixLength: 128, interface: 1),
            .init(address: Self.ip("203.0.113.20"), prefixLength: 32, interface: 1),
            .init(address: Self.ip("2001:db8:f::20"), prefixLength: 128, interface: 1),
            .init(address: Self.ip("10.2.0.1"), prefixLength: 24, interface: 2),
            .init(address: Self.ip("fd00:2::1"), prefixLength: 64, interface: 2),
        ]
        network.routes = [
            .init(prefix: Self.ip("0.0.0.0"), length: 0, gateway: Self.ip("10.2.0.254"), interface: 2),
            .init(prefix: Self.ip("::"), length: 0, gateway: Self.ip("fd00:2::fe"), interface: 2),
            .init(prefix: Self.ip("10.2.0.0"), length: 24, interface: 2, mtu: serverMTU),
            .init(prefix: Self.ip("fd00:2::"), length: 64, interface: 2, mtu: serverMTU),
        ]
        for (four, six, last) in [
            ("10.2.0.254", "fd00:2::fe", 0xfe), ("10.2.0.11", "fd00:2::11", 0x11), ("10.2.0.12", "fd00:2::12", 0x12),
            ("10.2.0.13", "fd00:2::13", 0x13),
        ] as [(String, String, UInt64)] {
            network.setNeighbor(Self.ip(four), on: 2, to: MACAddress(bits: 0x0200_0000_0000 | last))
            network.setNeighbor(Self.ip(six), on: 2, to: MACAddress(bits: 0x0200_0000_0000 | last))
        }
        director.network = network
    }

    static func ip(_ text: String) -> IPAddress {
        guard let address = IPAddress(text) else { preconditionFailure("\(text) is no address") }
        return address
    }

    /// The director ends; another one over the same memory, or over that of a director that was told the same, is told what
    /// stood and takes over the rest.
    @discardableResult
    func replaceDirector(in region: UnsafeMutableRawBufferPointer? = nil, told: [Command]? = nil) throws -> AdoptionReport {
        guard let region = region ?? state else { return AdoptionReport() }
        let (commands, tunables, emulation) = (told ?? director.standingCommands, director.tunables, director.hostEmulation)
        let policy = director.carryingPolicy
        let (marks4, marks6) = (director.marks4, director.marks6)
        var network = director.network
        for address in network.learnedMTUs.keys { network.learnMTU(address, nil, until: 0) }
        director = Director(in: try StateMemory(existing: region, place: Self.place), hostEmulation: emulation, at: now)
        director.network = network
        director.tunables = tunables
        (director.marks4, director.marks6) = (marks4, marks6)
        for command in commands { try director.apply(command) }
        let report = director.adopt()
        if let carrier { carry(by: carrier, policy) }
        return report
    }

    /// Has established flows carried past the director.
    func carry(by carrier: ModelCarrier, _ policy: CarryingPolicy) {
        self.carrier = carrier
        director.carryingPolicy = policy
        director.carrier = carrier
    }

    /// A service with servers of one method; `protos` are TCP, UDP or SCTP.
    func serve(
        _ virtual: Endpoint, _ servers: Endpoint..., proto: UInt8 = IPProtocol.tcp, method: ForwardingMethod = .masquerading,
        settings change: (inout ServiceSettings) -> Void = { _ in }
    ) throws {
        let key = ServiceKey(proto: proto, address: virtual.address, port: virtual.port)
        var settings = ServiceSettings(scheduler: "rr", netmask: virtual.address.isV4 ? 0xffff_ffff : 128)
        change(&settings)
        try director.apply(.addService(key, settings))
        for server in servers { try add(server, to: key, method) }
    }

    func add(_ server: Endpoint, to key: ServiceKey, _ method: ForwardingMethod) throws {
        try director.apply(.addServer(key, ServerKey(address: server.address, port: server.port), ServerSettings(method: method)))
    }

    /// A service with one server behind a tunnel.
    func tunnel(
        _ virtual: Endpoint, to server: Endpoint, proto: UInt8 = IPProtocol.tcp, _ serverSettings: ServerSettings,
        settings change: (inout ServiceSettings) -> Void = { _ in }
    ) throws {
        try serve(virtual, proto: proto, settings: change)
        let key = ServiceKey(proto: proto, address: virtual.address, port: virtual.port)
        try director.apply(.addServer(key, ServerKey(address: server.address, port: server.port), serverSettings))
    }

    /// Carries out an administrator's command.
    func apply(_ command: Command) throws { try director.apply(command) }

    /// What a server without weight still has ends with its next packet.
    func resetConnections(of server: ServerKey, of service: ServiceKey) throws { try director.resetConnections(of: server, of: service) }

    /// Somebody else asks for neighbours, who may say nothing for this long.
    func waitForNeighbors(seconds: Int64) { director.neighborPatience = seconds * 1_000_000_000 }

    /// Changes the host's network.
    func rewire(_ change: (inout Network) -> Void) {
        change(&director.network)
        director.takeBackOutdated()
    }

    /// Who has which virtual address.
    func virtualAddresses() -> [VirtualAddress] { director.virtualAddresses() }

    func learnedMTU(_ address: String) -> Int? { director.network.learnedMTU(Self.ip(address)) }

    /// SYNs whose segment size was lowered.
    var clampedSYNs: UInt64 { director.clampedSYNs }

    /// Whether the host forwards packets between interfaces.
    var forwards: Bool {
        get { director.network.forwards4 }
        set { director.network.forwards4 = newValue }
    }

    func tune(_ change: (inout Tunables) -> Void) { change(&director.tunables) }

    /// The host's own rules of IPv4.
    func honour(_ rules: MarkRules) { director.firewall4 = rules }

    /// Every packet to these addresses gets a mark.
    func mark(_ destinations: IPAddress..., as mark: UInt32) throws {
        for family in [IPFamily.v4, .v6] {
            let own = destinations.filter { $0.family == family }.map { MaskedAddress($0, length: family.width) }
            guard !own.isEmpty else { continue }
            let rule = MarkRule(matches: [MarkMatch(.destination(own))], target: .mark(clearing: .max, toggling: mark))
            let rules = try MarkRules(family: family, chains: [MarkRules.Chain(name: "PREROUTING", rules: [rule])])
            if family == .v4 { director.marks4 = rules } else { director.marks6 = rules }
        }
    }

    /// Puts an IP packet into the director, in a frame to its MAC; the frames that come out, in their order.
    @discardableResult
    func send(_ packet: [UInt8], offload: Offload = Offload(), from interface: Int32 = 2) -> [[UInt8]] {
        receive(packet.ethernet(from: "02:00:00:00:00:fe", to: "02:00:00:00:00:01"), offload: offload, from: interface)
    }

    /// Puts an Ethernet frame into the director.
    @discardableResult
    func receive(_ bytes: [UInt8], offload: Offload = Offload(), from interface: Int32 = 2) -> [[UInt8]] {
        carrier?.now = now
        if let sent = carrier?.take(bytes, offload) {
            (verdict, offloads, interfaces) = (.directRouting, [offload], [sent.interface])
            return [sent.bytes]
        }
        batch.removeAll()
        var frame = Frame(
            buffer: UnsafeMutableRawPointer(memory.mutableAddress(checked: 0)), capacity: memory.capacity, headroom: headroom,
            length: bytes.count, ingress: interface)
        frame.bytes.copy(bytes)
        frame.offload = offload
        batch.append(frame)
        director.process(&batch, at: now)
        verdict = director.verdict(of: 0)
        offloads = []
        interfaces = []
        var out: [[UInt8]] = []
        if batch[0].egress != 0 { take(batch[0], &out) }
        for i in 0..<director.outbox.batch.count { take(director.outbox.batch[i], &out) }
        director.handOver()
        return out
    }

    /// Puts IP packets into the director in one batch.
    func send(_ packets: [[UInt8]], offloads given: [Offload]) -> [[UInt8]] {
        var batch = Batch(capacity: packets.count)
        let place = memory.capacity / packets.count
        for (i, packet) in packets.enumerated() {
            let bytes = packet.ethernet(from: "02:00:00:00:00:fe", to: "02:00:00:00:00:01")
            var frame = Frame(
                buffer: UnsafeMutableRawPointer(memory.mutableAddress(checked: i * place)), capacity: place, headroom: headroom,
                length: bytes.count, ingress: 2)
            frame.bytes.copy(bytes)
            frame.offload = given[i]
            batch.append(frame)
        }
        director.process(&batch, at: now)
        var out: [[UInt8]] = []
        for i in 0..<batch.count where batch[i].egress != 0 { take(batch[i], &out) }
        for i in 0..<director.outbox.batch.count { take(director.outbox.batch[i], &out) }
        return out
    }

    /// Lets go on what a batch or time has left to be done between two batches.
    func handOver() { director.handOver() }
    func pauseCarrying(_ isPaused: Bool) { director.pausesCarrying = isPaused }
    func settle(later: Bool) { director.settlesLater = later }
    func leaveCarrying() { director.leaveCarrying() }
    func accountCarried() { director.accountCarried() }

    private func take(_ frame: Frame, _ out: inout [[UInt8]]) {
        out.append(frame.bytes.array)
        offloads.append(frame.offload)
        interfaces.append(frame.egress)
    }

    /// What a master daemon says now.
    func takeSyncMessages() -> [SyncMessage] { director.takeSyncMessages() }

    /// A backup daemon hears a message.
    func hear(_ message: SyncMessage) {
        var bytes = message.bytes
        let now = now
        bytes.withBytes { director.hear($0, at: now) }
    }

    func blockSync(_ isBlocked: Bool) { director.syncIsBlocked = isBlocked }

    /// Lets time pass; the frames that timers give rise to.
    @discardableResult
    func pass(seconds: Int64, milliseconds: Int64 = 0) -> [[UInt8]] {
        now += seconds * 1_000_000_000 + milliseconds * 1_000_000
        director.advance(to: now)
        offloads = []
        interfaces = []
        var out: [[UInt8]] = []
        for i in 0..<director.outbox.batch.count { take(director.outbox.batch[i], &out) }
        return out
    }

    /// A millisecond passes, in which so many connections may expire.
    func pass(limit: Int) {
        now += millisecond
        director.advance(to: now, limit: limit)
    }

    /// The host has asked a neighbour on eth0 in vain; the frames that this gives rise to.
    func failNeighbor(_ address: String) -> [[UInt8]] {
        director.network.failNeighbor(Self.ip(address), on: 2)
        director.giveUpFailedNeighbors()
        offloads = []
        interfaces = []
        var out: [[UInt8]] = []
        for i in 0..<director.outbox.batch.count { take(director.outbox.batch[i], &out) }
        return out
    }

    /// One second's work of drop_entry, without the second.
    func sweep() { director.dropEntries() }

    /// Nanoseconds from now until the next datagram is given up.
    var fragmentTimeout: Int64? { director.nextFragmentTimeout.map { $0 - now } }

    var connections: [ConnectionRecord] { director.connectionRecords() }
    var inventory: Inventory {
        director.estimate()
        return director.inventory()
    }
    func frames(_ verdict: Verdict) -> UInt64 { director.verdicts[verdict] }
}

/// The IP packet in a frame.
func packet(_ frame: [UInt8]) -> [UInt8] { Array(frame.dropFirst(14)) }

/// Source and destination of the TCP, UDP or SCTP packet in a frame.
func ends(_ frame: [UInt8]) -> (source: Endpoint, destination: Endpoint) {
    let ip = packet(frame)
    func word(_ at: Int) -> UInt16 { UInt16(ip[at]) << 8 | UInt16(ip[at + 1]) }
    func address(_ range: Range<Int>) -> IPAddress {
        let bytes = ip[range]
        if range.count == 4 { return IPAddress(v4: bytes.reduce(0) { $0 << 8 | UInt32($1) }) }
        return IPAddress(high: bytes.prefix(8).reduce(0) { $0 << 8 | UInt64($1) }, low: bytes.suffix(8).reduce(0) { $0 << 8 | UInt64($1) })
    }
    if ip[0] >> 4 == 4 {
        let start = Int(ip[0] & 15) * 4
        return (Endpoint(address(12..<16), word(start)), Endpoint(address(16..<20), word(start + 2)))
    }
    return (Endpoint(address(8..<24), word(40)), Endpoint(address(24..<40), word(42)))
}
