import Foundation
import PacketKit
import Testing
import Wire

import enum PacketKit.Packet

@testable import LVS

private let client: Endpoint = "198.51.100.7:4000", virtual: Endpoint = "203.0.113.10:80", server: Endpoint = "10.2.0.11:80"

/// What a carrier carries past the director changes nothing of what can be seen. `SVS_CARRYING_SEEDS=1000` tries that many
/// histories.
@Suite struct CarryingTests {
    private static var seeds: UInt64 { UInt64(ProcessInfo.processInfo.environment["SVS_CARRYING_SEEDS"] ?? "") ?? 12 }

    @Test func nobodySeesWhatIsCarried() {
        var frames = 0, reasons: Set<TakeBackReason> = []
        for seed in 0..<Self.seeds {
            var history = CarryingHistory(seed: seed)
            for step in 0..<600 {
                let fault = history.step() ?? (step % 40 == 0 ? history.difference() : nil)
                if let fault {
                    Issue.record("seed \(seed), step \(step): \(fault)")
                    return
                }
            }
            frames += history.carrier.carriedFrames
            reasons.formUnion(history.carried.director.carryingCounters.takenBack.keys)
        }
        #expect(frames > Int(Self.seeds) * 40, "only \(frames) frames were carried")
        #expect(reasons == Set(TakeBackReason.allCases), "never for \(Set(TakeBackReason.allCases).subtracting(reasons))")
    }
}

/// One connection of TCP that is carried, and what is decided about it.
@Suite struct CarriedFlowTests {
    let bench = TranslationFixture()
    let carrier = ModelCarrier()
    let key = ServiceKey(proto: IPProtocol.tcp, address: virtual.address, port: virtual.port)
    let target = ServerKey(address: server.address, port: server.port)

    init() throws {
        var policy = CarryingPolicy()
        policy.packetsTCP = 2
        bench.carry(by: carrier, policy)
        carrier.settled = 0
        try bench.serve(virtual, server, method: .directRouting)
        send(.syn)
        send(.ack)
    }

    @discardableResult
    private func send(_ flags: TCPFlags = .ack, from client: Endpoint = client) -> Bool {
        let before = carrier.carriedFrames
        bench.send(Packet.tcp(from: client, to: virtual, flags: flags))
        return carrier.carriedFrames > before
    }

    private var counters: CarryingCounters { bench.director.carryingCounters }
    private var taken: [TakeBackReason: UInt64] { counters.takenBack }

    @Test func anEstablishedConnectionIsCarried() {
        #expect(counters.flows == 1 && counters.handedOver == 1 && send())
        bench.accountCarried()
        #expect(counters.frames == 1 && bench.frames(.directRouting) == 3)
        #expect(bench.inventory.services[0].servers[0].statistics.counters.packetsIn == 3)
    }

    @Test(arguments: [[.fin, .ack], .rst, []] as [TCPFlags])
    func whatMovesItsStateTakesItBack(flags: TCPFlags) {
        #expect(!send(flags) && counters.flows == 0 && taken == [.state: 1] && carrier.count == 0)
    }

    @Test func oneThatIsDueIsAskedFirst() {
        bench.pass(seconds: 890)
        #expect(send())
        bench.pass(seconds: 20)
        #expect(bench.connections.map(\.expires) == [880] && counters.flows == 1)
        bench.pass(seconds: 881)
        #expect(bench.connections.isEmpty && counters.flows == 0 && taken == [.expiry: 1] && carrier.count == 0)
    }

    @Test func aWeightChangesNothingForIt() throws {
        try bench.apply(.editServer(key, target, ServerSettings(method: .directRouting, weight: 0)))
        #expect(counters.flows == 1 && carrier.settled == 0 && send())
    }

    /// Frames under way count for the service that they were sent for.
    @Test func theLastFramesOfARemovedServerCount() throws {
        let place = try #require(bench.director.services.find(key)?.servers.first)
        carrier.whileSettling = { [carrier] in carrier.countLate(to: place, bytes: 40) }
        try bench.apply(.deleteServer(key, target))
        #expect(carrier.settled == 1 && !send() && bench.verdict == .serverGone && taken == [.server: 1])
        #expect(bench.inventory.services[0].statistics.counters.packetsIn == 3)
        #expect(bench.director.servers[place].counters.packetsIn == 3)
    }

    @Test func commandsInARowAreWaitedForOnce() throws {
        send(.syn, from: "198.51.100.8:4000")
        try bench.serve("203.0.113.20:80", "10.2.0.12:80", method: .directRouting)
        bench.settle(later: true)
        try bench.apply(.deleteServer(key, target))
        try bench.apply(.flush)
        #expect(carrier.settled == 0)
        bench.settle(later: false)
        #expect(carrier.settled == 1)
    }

    @Test func aPauseTakesEverythingBackAtOnce() {
        bench.pauseCarrying(true)
        #expect(carrier.settled == 1 && !send() && !send() && taken == [.pause: 1])
        bench.pauseCarrying(false)
        #expect(!send() && send() && counters.flows == 1)
    }

    @Test func whereTheCarrierIsFullOthersAreSeen() throws {
        let bench = TranslationFixture(), small = ModelCarrier(capacity: 1)
        var policy = CarryingPolicy()
        policy.packetsTCP = 2
        bench.carry(by: small, policy)
        try bench.serve(virtual, server, method: .directRouting)
        for flags in [TCPFlags.syn, .ack, .ack] {
            for last in 1...3 {
                bench.send(Packet.tcp(from: Endpoint(TranslationFixture.ip("198.51.100.\(last)"), 4000), to: virtual, flags: flags))
            }
        }
        #expect(small.count == 1 && bench.director.carryingCounters.flows == 1 && bench.frames(.directRouting) == 8)
    }

    @Test func aCopyOfTheDirectorOnlyReads() {
        #expect(send())
        bench.leaveCarrying()
        bench.send(Packet.tcp(from: client, to: virtual, flags: .rst))
        #expect(carrier.count == 1 && bench.connections.map(\.state) == ["CLOSE"])
    }
}
