import Admin
import LVS
import LinkKit
import Links
import PacketKit
import Replay
import Testing
import Wire

import enum PacketKit.Packet

@testable import Runtime

/// A link whose next receive fails.
final class FailingLink: Link {
    let interface: Int32 = 2
    var counters: LinkCounters { LinkCounters() }
    func receive(into batch: inout Batch) throws(LinkError) { throw LinkError("interface eth0 is gone") }
    func transmit(_ batch: borrowing Batch) throws(LinkError) {}
}

@Suite struct PacketLoopTests {
    static let client = "02:00:00:00:00:99", own = "02:00:00:00:00:02"

    static func syn(_ port: UInt16) -> [UInt8] {
        Packet.tcp(from: Endpoint(ip("198.51.100.7"), port), to: "192.0.2.1:80", flags: .syn).ethernet(from: client, to: own)
    }

    /// A director with a service of one server, which frames reach by interface 3.
    static func engine(weight: Int32 = 1) throws -> ControlledDirector {
        var director = Director(
            connections: 1024, hostEmulation: HostEmulation(isWholeHost: false, ownership: .only([ip("192.0.2.1")])), at: 1)
        director.network = FakeHost.network
        let key = ServiceKey(proto: IPProtocol.tcp, address: ip("192.0.2.1"), port: 80)
        try director.apply(.addService(key, ServiceSettings(scheduler: "rr")))
        try director.apply(
            .addServer(key, ServerKey(address: ip("10.0.0.11"), port: 80), ServerSettings(method: .directRouting, weight: weight)))
        return ControlledDirector(director)
    }

    /// A loop with its director; what went wrong with links is in `told`.
    final class Bench {
        let loop: PacketLoop
        var engine: ControlledDirector
        let told: Told

        final class Told { var lines: [String] = [] }

        init(_ links: [any Link]) throws {
            let told = Told()
            let complain = { (error: LinkError, _: Int32) in told.lines.append(error.description) }
            self.told = told
            engine = try PacketLoopTests.engine()
            loop = PacketLoop(
                links,
                egress: EgressLinks(links, open: { _ throws(LinkError) in throw LinkError("nothing is opened") }, complain: complain),
                clock: { 1_000 }, complain: complain)
        }

        func turn() -> Bool { loop.turn(&engine) { _ in } }
        func release(at now: Instant) -> Bool { loop.release(&engine, at: now) }
    }

    @Test func framesComeInAndLeave() throws {
        let clients = MemoryLink(interface: 2, frames: (1001...1100).map { Self.syn($0) }), servers = MemoryLink(interface: 3)
        let bench = try Bench([clients, servers])
        #expect(bench.turn() && bench.turn())
        #expect(!bench.turn())
        #expect(servers.sent.count == 100 && clients.sent.isEmpty)
        #expect(servers.sent.allSatisfy { $0.bytes.prefix(6) == [2, 0, 0, 0, 0, 0x11] })
        #expect(bench.engine.connections().count == 100)
        let part = bench.engine.connections(from: 0)
        #expect(part.records == bench.engine.connections() && part.next == nil)
        #expect(bench.engine.connections(from: 5000).records.isEmpty)
    }

    @Test func whatTheDirectorSaysItselfLeavesToo() throws {
        let clients = MemoryLink(interface: 2)
        clients.arrive(Packet.arp(request: true, senderMAC: Self.client, sender: "192.0.2.9", target: "192.0.2.1"))
        let bench = try Bench([clients])
        #expect(bench.turn())
        #expect(
            clients.sent.map(\.bytes) == [
                Packet.arp(request: false, senderMAC: Self.own, sender: "192.0.2.1", targetMAC: Self.client, target: "192.0.2.9")
            ])
    }

    /// Frames for a server whose MAC nobody knows wait, and leave when it is known.
    @Test func framesWaitForANeighbour() throws {
        let clients = MemoryLink(interface: 2, frames: [Self.syn(1)]), servers = MemoryLink(interface: 3)
        let bench = try Bench([clients, servers])
        bench.engine.director.network.setNeighbor(ip("10.0.0.11"), on: 3, to: nil)
        #expect(bench.turn())
        #expect(bench.release(at: 2_000))
        #expect(servers.sent.isEmpty && bench.engine.director.wantedNeighbors.map(\.address) == [ip("10.0.0.11")])
        bench.engine.director.network.setNeighbor(ip("10.0.0.11"), on: 3, to: FakeHost.server)
        #expect(!bench.release(at: 3_000))
        #expect(servers.sent.count == 1)
    }

    @Test func aLinkThatFailsIsToldOfAndTheOthersGoOn() throws {
        let servers = MemoryLink(interface: 3)
        let clients = MemoryLink(interface: 2, frames: [Self.syn(1)])
        let bench = try Bench([FailingLink(), servers, clients])
        #expect(bench.turn())
        #expect(bench.told.lines == ["interface eth0 is gone"])
    }

    /// While an address waits, what happened on the host before a frame came is known before it is directed.
    @Test func anAddressThatCameBeforeAFrameIsKnown() throws {
        let clients = MemoryLink(interface: 2, frames: [Self.syn(1)]), servers = MemoryLink(interface: 3)
        let bench = try Bench([clients, servers])
        var asked = 0
        func turn() -> Bool {
            bench.loop.turn(&bench.engine) { engine in
                asked += 1
                engine.director.network.addresses.append(.init(address: ip("192.0.2.1"), prefixLength: 32, interface: 2))
            }
        }
        bench.engine.director.hostEmulation = HostEmulation(isWholeHost: false, ownership: .none)
        #expect(turn() && asked == 1 && servers.sent.count == 1)
        clients.arrive(Self.syn(2))
        #expect(turn() && asked == 1 && servers.sent.count == 2)
    }

    /// Links that say they would have to wait are asked only when somebody saw them ready.
    @Test func onlyReadyLinksAreAsked() throws {
        let link = WaitingLink(interface: 2)
        let bench = try Bench([link])
        #expect(bench.loop.hasWork)
        #expect(!bench.turn() && !bench.loop.hasWork)
        _ = bench.turn()
        #expect(link.asked == 1)
        bench.loop.setReady(0)
        #expect(bench.loop.hasWork)
        _ = bench.turn()
        bench.loop.setAllReady()
        _ = bench.turn()
        #expect(link.asked == 3)
    }

    /// Faults of a link by seed: whatever is lost, doubled or damaged on the way, every frame gets one verdict.
    @Test(arguments: 1...20) func faultyLinks(_ seed: UInt64) throws {
        let clients = MemoryLink(interface: 2, frames: (1...500).map { Self.syn($0) }), servers = MemoryLink(interface: 3)
        let faulty = FaultyLink(clients, faults: .init(lost: 100, repeated: 100, damaged: 100), seed: seed)
        let bench = try Bench([faulty, FaultyLink(servers, faults: .init(lost: 50, repeated: 50, damaged: 50), seed: seed + 1000)])
        while bench.turn() {}
        let counted = bench.engine.director.verdicts.all.reduce(0) { $0 + Int($1.frames) }
        #expect(counted == 500 - faulty.met.lost + faulty.met.repeated)
    }
}

/// A link that has nothing and counts how often it is asked.
final class WaitingLink: Link {
    let interface: Int32
    private(set) var asked = 0
    var counters: LinkCounters { LinkCounters() }
    var wantsPoll: Bool { true }
    init(interface: Int32) { self.interface = interface }
    func receive(into batch: inout Batch) throws(LinkError) { asked += 1 }
    func transmit(_ batch: borrowing Batch) throws(LinkError) {}
}
