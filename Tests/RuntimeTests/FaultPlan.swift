import Admin
import CLinux
import FaultyCalls
import Glibc
import Host
import LVS
import LinkKit
import Links
import PacketKit
import Synchronization
import Wire

import enum PacketKit.Packet

@testable import Runtime

/// What a running director meets, by seed: each time its loop would sleep something happens (frames, commands, changes of the
/// host, SIGHUP), and while a storm lasts, its links lose frames, its host refuses and its system calls fail. The director's
/// thread does all of it; others only begin a storm and wait until it is over.
final class FaultPlan: @unchecked Sendable {
    private(set) var links: [any Link] = []
    private var faulty: [FaultyLink] = []
    private var generator = SeededGenerator(seed: 0)
    private weak var director: RunningDirector?
    private var clients: [HastyClient] = []
    /// Steps of the storm that are to come; set by whoever begins one.
    private let steps = Atomic<Int>(0)
    private let seed = Atomic<UInt64>(0)
    private var isStormy = false
    /// Whether services are there, as the director has acknowledged; those of whose fate nobody was told are not in it.
    private(set) var acknowledged: [UInt16: Bool] = [:]
    /// Services that somebody has left without waiting for the answer.
    private var doubtful: Set<UInt16> = []
    /// What happened to frames and calls, over all storms.
    private(set) var met = FaultyLink.Faults()
    private(set) var handedOver = 0
    private(set) var failedCalls: UInt64 = 0
    private(set) var refusals = 0

    /// Services that commands come and go with; no other has such a port.
    static let ports: ClosedRange<UInt16> = 2000...2005

    /// Called on the director's thread before anything else.
    func begin(_ director: RunningDirector) {
        self.director = director
        faulty = [director.clients, director.servers].map { FaultyLink($0, faults: .init(), seed: 1) }
        links = faulty
        director.host.refusal = { [unowned self] in
            guard isStormy, generator.below(4) == 0 else { return nil }
            refusals += 1
            return HostError("do what is asked", errno: [ENOBUFS, ENOMEM, EMFILE, EBUSY].randomElement(using: &generator) ?? EIO)
        }
        svs_faults_begin(
            1, { context in context.map { Unmanaged<FaultPlan>.fromOpaque($0).takeUnretainedValue().sleeping() } ?? 0 },
            Unmanaged.passUnretained(self).toOpaque())
    }

    func end() {
        failedCalls = svs_faults_met()
        svs_faults_end()
        handedOver = faulty.map(\.handedOver).reduce(0, +)
        met = faulty.reduce(into: FaultyLink.Faults()) { sum, link in
            sum.lost += link.met.lost
            sum.repeated += link.met.repeated
            sum.damaged += link.met.damaged
            sum.refused += link.met.refused
        }
        clients = []
    }

    /// Lets a storm begin; true when it is over.
    func storm(_ seed: UInt64, steps count: Int) -> Bool {
        self.seed.store(seed, ordering: .relaxed)
        steps.store(count, ordering: .releasing)
        return wait { steps.load(ordering: .acquiring) == 0 }
    }

    /// The loop would sleep now.
    /// - Returns: milliseconds that may pass at most.
    private func sleeping() -> UInt32 {
        let left = steps.load(ordering: .acquiring)
        guard left > 0, let director else {
            // What others do comes at its own time.
            usleep(200)
            return 20
        }
        if !isStormy { beginStorm() }
        for _ in 0...generator.below(3) { happen(to: director) }
        for client in clients { acknowledge(client) }
        if left == 1 { endStorm() }
        steps.store(left - 1, ordering: .releasing)
        return 1000
    }

    private func beginStorm() {
        isStormy = true
        (acknowledged, doubtful) = ([:], [])
        let seed = seed.load(ordering: .relaxed)
        generator = SeededGenerator(seed: seed)
        // What is damaged may be anything, so connections that must live have no packets then.
        let faults = FaultyLink.Faults(lost: 100, repeated: 100, damaged: seed & 1 == 1 ? 200 : 0, refused: 150)
        for link in faulty { link.faults = faults }
        svs_faults_rate(UInt32(20 + generator.below(200)))
    }

    private func endStorm() {
        isStormy = false
        for link in faulty { link.faults = .init() }
        svs_faults_rate(0)
        // Whoever was not answered by now is not waited for.
        for client in clients { forget(client) }
        clients = []
        director?.host.change { $0.interfaces[1].isUp = true }
    }

    private func happen(to director: RunningDirector) {
        switch generator.below(10) {
        case 0...2:
            for _ in 0...generator.below(16) {
                director.clients.arrive(Self.syn(from: UInt16(1000 + generator.below(64)), to: 80))
            }
        case 3 where faulty[0].faults.damaged == 0:
            for number in 0..<Established.count { director.clients.arrive(Established.acknowledgement(number)) }
        case 4: if clients.count < 8 { HastyClient(director.control).map { clients.append($0) } }
        case 5, 6:
            guard let client = clients.randomElement(using: &generator) else { return }
            let port = UInt16(2000 + generator.below(Self.ports.count)), adds = generator.below(2) == 0
            guard !doubtful.contains(port), !clients.contains(where: { $0.open.contains(port) }) else { return }
            if client.ask(port, adds: adds) { acknowledged[port] = nil }
        case 7:
            guard !clients.isEmpty else { return }
            forget(clients.remove(at: generator.below(clients.count)))
        case 8:
            let isUp = generator.below(2) == 0
            director.host.change { $0.interfaces[1].isUp = isUp }
        default: director.signal(SIGHUP)
        }
    }

    private func acknowledge(_ client: HastyClient) {
        for (port, adds, errno) in client.answers() {
            switch (adds, errno) {
            case (true, 0), (true, EEXIST): acknowledged[port] = true
            case (false, 0), (false, ESRCH): acknowledged[port] = false
            default: acknowledged[port] = nil
            }
        }
    }

    private func forget(_ client: HastyClient) { doubtful.formUnion(client.open) }

    /// A client's first packet.
    static func syn(from port: UInt16, to service: UInt16) -> [UInt8] {
        Packet.tcp(from: Endpoint(ip("198.51.100.7"), port), to: Endpoint(ip("192.0.2.1"), service), flags: .syn)
            .ethernet(from: PacketLoopTests.client, to: PacketLoopTests.own)
    }
}

/// Connections that live through all storms, from addresses that nobody else has.
enum Established {
    static let count = 8

    private static func packet(_ number: Int, _ flags: TCPFlags) -> [UInt8] {
        Packet.tcp(from: Endpoint(ip("203.0.113.249"), UInt16(40_000 + number)), to: "192.0.2.1:80", flags: flags)
            .ethernet(from: PacketLoopTests.client, to: PacketLoopTests.own)
    }

    static func opening(_ number: Int) -> [UInt8] { packet(number, .syn) }
    static func acknowledgement(_ number: Int) -> [UInt8] { packet(number, .ack) }
}

/// A client of the control socket that waits for nothing.
final class HastyClient {
    private let descriptor: Int32
    private var sequence: UInt32 = 0
    private var asked: [UInt32: (port: UInt16, adds: Bool)] = [:]

    init?(_ path: String) {
        descriptor = svs_control_connect(path, 1)
        guard descriptor >= 0 else { return nil }
        _ = fcntl(descriptor, F_SETFL, O_NONBLOCK)
    }

    deinit { close(descriptor) }

    /// Services that something was asked about and not yet answered.
    var open: [UInt16] { asked.values.map(\.port) }

    /// Asks for a service to be there or to be gone; false when nothing could be asked.
    func ask(_ port: UInt16, adds: Bool) -> Bool {
        let key = ServiceKey(proto: IPProtocol.tcp, address: ip("192.0.2.1"), port: port)
        let command: Command = adds ? .addService(key, ServiceSettings(scheduler: "rr")) : .deleteService(key)
        guard let body = try? NetlinkCodec.message(for: command) else { return false }
        sequence += 1
        let flags = NetlinkMessage.Flags.request | NetlinkMessage.Flags.ack
        let bytes = NetlinkMessage(type: ControlConstants.family, flags: flags, sequence: sequence, port: 0, payload: body.payload).bytes
        guard svs_control_send(descriptor, bytes, bytes.count) == bytes.count else { return false }
        asked[sequence] = (port, adds)
        return true
    }

    /// What was answered since it was last asked for: 0 or an errno for each.
    func answers() -> [(port: UInt16, adds: Bool, errno: Int32)] {
        var found: [(port: UInt16, adds: Bool, errno: Int32)] = []
        var buffer = [UInt8](repeating: 0, count: 8192)
        while true {
            let count = recv(descriptor, &buffer, buffer.count, Int32(MSG_DONTWAIT))
            guard count > 0 else { return found }
            for message in NetlinkMessage.messages(in: Array(buffer.prefix(count))) ?? [] {
                guard let refusal = message.refusal, let question = asked.removeValue(forKey: message.sequence) else { continue }
                found.append((question.port, question.adds, refusal.errno))
            }
        }
    }
}
