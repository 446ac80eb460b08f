import FaultyCalls
import Glibc
import LinkKit
import Links
import Testing
import Wire

@Suite(.serialized, .enabled(if: Namespace.isPossible, "needs root and ip(8)"))
struct LiveLinks {
    enum Kind: CaseIterable {
        case ring, socket

        func open(_ name: String, in namespace: Namespace, filter: PacketFilter = .everything, group: UInt16? = nil)
            throws -> any LiveLink
        {
            switch self {
            case .ring: try namespace.link(RingLink.self, name, filter, group)
            case .socket: try namespace.link(SocketLink.self, name, filter, group)
            }
        }
    }

    let cable: VethPair
    init() throws { cable = try VethPair() }

    func open(_ kind: Kind, _ name: String, filter: PacketFilter = .everything) throws -> any LiveLink {
        try kind.open(name, in: cable.namespace, filter: filter)
    }

    @Test(arguments: Kind.allCases)
    func plainFramesInOrder(_ kind: Kind) throws {
        let near = try open(.socket, "near"), far = try open(kind, "far")
        let frames = (0..<100).map { ethernet(0x88b5, [UInt8($0)] + [UInt8](repeating: 0xa5, count: 46 + $0 * 14)) }
        try near.send(frames.map { .init($0) })
        let arrivals = try far.collect(100)
        #expect(arrivals.map(\.bytes) == frames)
        #expect(arrivals.allSatisfy { $0.headroom >= 128 && $0.ingress == far.interface && $0.offload == Offload() })
        #expect(far.counters.received == 100 && far.counters.missed == 0 && near.counters.sent == 100)
        #expect(try near.collect(1, patience: 20).isEmpty, "what a link sent came back")
    }

    /// Calls are interrupted, refused or do half of what was asked: each frame is sent or counted as lost, and none twice.
    @Test(arguments: Kind.allCases)
    func callsThatFail(_ kind: Kind) throws {
        let near = try open(kind, "near"), far = try open(kind, "far")
        let frames = (0..<64).map { ethernet(0x88b5, [UInt8($0)] + [UInt8](repeating: 0xa5, count: 60)) }
        var arrived: [[UInt8]] = [], met: UInt64 = 0
        for seed in 0..<40 as Range<UInt64> {
            let before = near.counters
            svs_faults_begin(seed, { _ in 0 }, nil)
            svs_faults_rate(300)
            try near.send(frames.map { .init($0) })
            met += svs_faults_met()
            svs_faults_end()
            let sent = near.counters.sent - before.sent
            #expect(sent + near.counters.queueFull - before.queueFull + near.counters.refused - before.refused == 64)
            let arrivals = try far.collect(Int(sent)).map(\.bytes)
            #expect(arrivals == frames.filter(Set(arrivals).contains))
            arrived += arrivals
        }
        #expect(met > 10)
        #expect(UInt64(arrived.count) == near.counters.sent)
    }

    @Test(arguments: Kind.allCases)
    func superframesAndPartialChecksums(_ kind: Kind) throws {
        let near = try open(kind, "near"), far = try open(kind, "far")
        let sent: [MemoryLink.Copy] = [
            .init(segment(100), offload: partial()), .init(segment(14_400), offload: superframe()), .init(segment(60)),
            .init(segment(64_800), offload: superframe()), .init(segment(3_000), offload: superframe()),
            .init(segment(20_000, from: "fd00::1", to: "fd00::2"), offload: superframe(.v6)),
        ]
        try near.send(sent)
        let arrivals = try far.collect(sent.count)
        #expect(near.counters.sent == 6 && near.counters.refused == 0)
        #expect(arrivals.map(\.bytes) == sent.map(\.bytes))
        #expect(arrivals.map(\.offload.flags) == sent.map(\.offload.flags))
        #expect(arrivals.map(\.offload.segmentation) == sent.map(\.offload.segmentation))
        #expect(arrivals.map(\.offload.segmentSize) == sent.map(\.offload.segmentSize))
        #expect(arrivals.map(\.offload.checksumStart) == sent.map(\.offload.checksumStart))
        #expect(arrivals.allSatisfy { $0.headroom >= 128 })
        #expect(far.counters.truncated == 0)
    }

    @Test(arguments: Kind.allCases)
    func tagsComeBack(_ kind: Kind) throws {
        let near = try open(.socket, "near")
        let far = try open(kind, "far", filter: PacketFilter(accepting: [CaptureMatch(.destination, address("10.0.0.2"))]))
        let sent: [MemoryLink.Copy] = [
            .init(tagged(segment(100), 0x6064)), .init(tagged(segment(1000), 7, protocol: 0x88a8)),
            .init(tagged(segment(30), 0)), .init(tagged(segment(30), 5), offload: partial().behindTag),
            .init(tagged(segment(20_000), 6), offload: superframe().behindTag), .init(segment(200)),
        ]
        try near.send(sent)
        let arrivals = try far.collect(sent.count)
        #expect(arrivals.map(\.bytes) == sent.map(\.bytes))
        #expect(arrivals.map(\.offload.checksumStart) == [0, 0, 0, 38, 38, 0])
        #expect(arrivals.map(\.offload.segmentSize) == [0, 0, 0, 0, 1440, 0])
        #expect(arrivals.allSatisfy { $0.headroom >= 128 })
    }

    @Test(arguments: Kind.allCases)
    func filterKeepsBack(_ kind: Kind) throws {
        let near = try open(.socket, "near")
        let web = CaptureMatch(.destination, address("10.0.0.1"), proto: 6, ports: 80...80)
        let far = try open(kind, "far", filter: PacketFilter(accepting: [web]))
        let wanted = ip("1.1.1.1", "10.0.0.1", proto: 6, ports(9, 80))
        let other = ip("1.1.1.1", "10.0.0.1", proto: 6, ports(9, 81))
        try near.send([other, wanted, tagged(other, 4), tagged(wanted, 4)].map { .init($0) })
        #expect(try far.collect(2).map(\.bytes) == [wanted, tagged(wanted, 4)])
        try far.attach(PacketFilter(accepting: [CaptureMatch(.destination, address("10.0.0.1"))]))
        try near.send([other, wanted, ethernet(0x88b5, ports(0, 0))].map { .init($0) })
        #expect(try far.collect(2).map(\.bytes) == [other, wanted])
        try far.attach(.everything)
        try near.send([.init(ethernet(0x88b5, ports(0, 0)))])
        #expect(try far.collect(1).map(\.bytes) == [ethernet(0x88b5, ports(0, 0))])
    }

    /// Before Linux 6.7 all programs of a socket share 20 kB.
    @Test(arguments: Kind.allCases)
    func filterGivesWayWhereTheKernelHasNoRoom(_ kind: Kind) throws {
        cable.namespace.write("20480", to: "/proc/sys/net/core/optmem_max")
        let near = try open(.socket, "near")
        func filter(_ services: Int) -> PacketFilter {
            PacketFilter(
                accepting: (0..<services).map { index in
                    let port = UInt16(index * 3)
                    return CaptureMatch(.destination, IPAddress(v4: 0x0a00_0000 + UInt32(index) * 2), proto: 6, ports: port...port)
                })
        }
        let far = try open(kind, "far", filter: filter(300))
        #expect(far.filter.precision == .addresses && filter(300).precision == .ports)
        try far.attach(filter(40))
        #expect(far.filter.precision == .ports)
        try far.attach(filter(600))
        #expect(far.filter.precision == .addresses)
        let wanted = ip("1.1.1.1", "10.0.0.78", proto: 6, ports(9, 117))
        try near.send([.init(ip("1.1.1.1", "10.0.0.79", proto: 6, ports(9, 117))), .init(wanted)])
        #expect(try far.collect(1).map(\.bytes) == [wanted])
    }

    @Test(arguments: Kind.allCases)
    func onlyWhatIsForThisHost(_ kind: Kind) throws {
        let near = try open(.socket, "near"), far = try open(kind, "far")
        let body = [UInt8](repeating: 1, count: 46)
        let mine = ethernet(0x88b5, body)
        let everybody = ethernet(0x88b5, body, to: [255, 255, 255, 255, 255, 255])
        let group = ethernet(0x88b5, body, to: [1, 0, 0x5e, 0, 0, 1])
        let other = ethernet(0x88b5, body, to: [2, 0, 0, 0, 0, 9])
        let bigOther = [2, 0, 0, 0, 0, 9] + segment(9_000).dropFirst(6)
        try near.send([.init(other), .init(mine), .init(bigOther, offload: superframe()), .init(everybody), .init(group)])
        #expect(try far.collect(3).map(\.bytes) == [mine, everybody, group])
    }

    @Test(arguments: Kind.allCases)
    func refusedFramesAreSkipped(_ kind: Kind) throws {
        let near = try open(kind, "near"), far = try open(.socket, "far")
        let body = [UInt8](repeating: 1, count: 60)
        let good = ethernet(0x88b5, body)
        let long = ethernet(0x88b5, [UInt8](repeating: 2, count: 1501))
        let longest = ethernet(0x88b5, [UInt8](repeating: 2, count: 1500))
        let short: [UInt8] = [2, 0, 0, 0, 0, 2]
        let senseless = Offload(flags: Offload.needsChecksum, checksumStart: 9_999, checksumOffset: 9_999)
        try near.send([.init(long), .init(good), .init(short), .init(good, offload: senseless), .init(longest), .init(long)])
        #expect(try far.collect(2).map(\.bytes) == [good, longest])
        #expect(near.counters.sent == 2 && near.counters.refused == 4)
    }

    @Test(arguments: Kind.allCases)
    func interfaceGoesDownAndComesBack(_ kind: Kind) throws {
        let near = try open(.socket, "near"), far = try open(kind, "far")
        let frame = ethernet(0x88b5, ports(0, 0))
        try near.send([.init(frame)])
        #expect(try far.collect(1).count == 1)
        try cable.namespace.ip("link set far down")
        let down = try #require(throws: LinkError.self) { while try far.collect(1, patience: 200).isEmpty {} }
        #expect(down.description == "interface far is down")
        #expect(try far.collect(1, patience: 10).isEmpty, "the loss is told once")
        try far.send([.init(frame)])
        #expect(far.counters.refused == 1)
        try cable.namespace.ip("link set far up")
        try cable.namespace.awaitCarrier(["near", "far"])
        #expect(try far.collect(1, patience: 10).isEmpty)
        try cable.namespace.ip("link set far down")
        #expect(throws: LinkError.self, "a second loss is told, too") { while try far.collect(1, patience: 200).isEmpty {} }
        try cable.namespace.ip("link set far up")
        try cable.namespace.awaitCarrier(["near", "far"])
        try near.send([.init(frame)])
        #expect(try far.collect(1).map(\.bytes) == [frame])
        try cable.namespace.ip("link delete far")
        let gone = try #require(throws: LinkError.self) { while try far.collect(1, patience: 200).isEmpty {} }
        #expect(gone.description == "interface far is gone")
        try cable.join()
        _ = try far.collect(1, patience: 10)
        try open(.socket, "near").send([.init(frame)])
        let arrivals = try far.collect(1)
        #expect(arrivals.map(\.bytes) == [frame] && arrivals.map(\.ingress) == [far.interface])
    }

    @Test(arguments: Kind.allCases)
    func jumboFrames(_ kind: Kind) throws {
        for name in ["near", "far"] { try cable.namespace.ip("link set \(name) mtu 9000") }
        let near = try open(.socket, "near"), far = try open(kind, "far")
        let sent: [MemoryLink.Copy] = [
            .init(ethernet(0x88b5, [UInt8](repeating: 3, count: 9000))), .init(segment(30_000), offload: superframe()),
            .init(ethernet(0x88b5, [UInt8](repeating: 4, count: 60))),
        ]
        try near.send(sent)
        let arrivals = try far.collect(3)
        #expect(arrivals.map(\.bytes) == sent.map(\.bytes))
        #expect(arrivals.allSatisfy { $0.headroom >= 128 })
    }

    @Test(arguments: Kind.allCases)
    func openedWhileDown(_ kind: Kind) throws {
        try cable.namespace.ip("link set far down")
        let far = try open(kind, "far")
        let down = try #require(throws: LinkError.self) { while try far.collect(1, patience: 100).isEmpty {} }
        #expect(down.description == "interface far is down")
        try cable.namespace.ip("link set far up")
        try cable.namespace.awaitCarrier(["near", "far"])
        try open(.socket, "near").send([.init(ethernet(0x88b5, ports(0, 0)))])
        #expect(try far.collect(1).count == 1)
    }

    @Test(arguments: Kind.allCases)
    func groupKeepsFlowsTogether(_ kind: Kind) throws {
        let near = try open(.socket, "near")
        let far = try (0..<2).map { _ in try kind.open("far", in: cable.namespace, group: 7) }
        let flows = (0..<64).map { ip("10.0.0.1", "10.0.0.2", proto: 17, ports(1000 + $0, 80)) }
        for _ in 0..<3 { try near.send(flows.map { .init($0) }) }
        try near.send(far.map { _ in .init(ethernet(0x88b5, ports(0, 0))) })
        let shares = try far.map { try $0.collect(200, patience: 100).map(\.bytes).filter(flows.contains) }
        #expect(shares[0].count + shares[1].count == 192)
        #expect(Set(shares[0]).isDisjoint(with: shares[1]))
        #expect(shares.allSatisfy { $0.count > 0 })
    }

    @Test func slotsComeRoundAndLossIsCounted() throws {
        let near = try open(.socket, "near")
        let far = try cable.namespace.inside {
            Result { try RingLink(RingLink.open(on: "far", filter: .everything, group: nil, slots: 32), position: nil) }
        }.get()
        let frames = (0..<500).map { ethernet(0x88b5, big16($0) + ports(0, 0)) }
        for start in stride(from: 0, to: 500, by: 25) {
            let some = Array(frames[start..<start + 25])
            try near.send(some.map { .init($0) })
            #expect(try far.collect(25).map(\.bytes) == some)
        }
        try near.send(frames.map { .init($0) })
        #expect(try far.collect(32).map(\.bytes) == Array(frames.prefix(32)))
        #expect(far.counters.missed == 468)
        #expect(far.counters.received == 532)
    }

    /// Who takes a ring over tells what the reader before it had in hand, whole frames only, and goes on behind it.
    @Test func whatWasInHandIsToldAndGivenBack() throws {
        let near = try open(.socket, "near"), word = Slab<UInt64>(capacity: 1), position = RingPosition(word.view)
        // It hears each frame after the ring.
        let witness = try open(.socket, "far")
        let sockets = try cable.namespace.inside {
            Result { try RingLink.open(on: "far", filter: .everything, group: nil, slots: 32) }
        }.get()
        let frames = (0..<40).map { ethernet(0x88b5, big16($0) + ports(0, 0)) }, tag = tagged(segment(100), 0x6064)
        func take(_ count: Int, _ link: RingLink) throws {
            var batch = Batch(capacity: 64)
            #expect(try witness.collect(count).count == count)
            try link.receive(into: &batch)
            #expect(batch.count == count)
        }
        do {
            let first = try RingLink(sockets, position: position)
            #expect(first.framesInHand.count == 0)
            try near.send(frames[..<10].map { .init($0) })
            try take(10, first)
            try near.send([.init(frames[10]), .init(tag), .init(segment(20_000), offload: superframe())])
            try take(3, first)
        }
        try near.send(frames[11...].map { .init($0) })
        for _ in 0..<2 {
            let next = try RingLink(sockets, position: position)
            #expect(next.framesInHand.count == 3)
            #expect(next.framesInHand.frames.map(\.bytes) == [frames[10], tag])
        }
        let next = try RingLink(sockets, position: position), pcap = next.framesInHand.pcap
        #expect(try next.collect(29).map(\.bytes) == Array(frames[11...]))
        let folder = TemporaryFolder(), reader = try PcapReader(path: folder.file("hand.pcap", pcap))
        #expect(try reader.next()?.bytes == frames[10])
        #expect(try reader.next()?.bytes == tag)
        #expect(try reader.next() == nil)
    }

    @Test(arguments: [
        ("ring", "none"), ("socket", "none"), ("ring", "a-name-that-no-interface-has"),
    ])
    func missingInterface(_ row: (scheme: String, interface: String)) throws {
        let error = try #require(throws: LinkError.self) { try LinkRoster.open(row.scheme, on: row.interface) }
        #expect(error.description == "interface \(row.interface): no such interface")
    }
}

extension Offload {
    /// The same for a frame with a VLAN tag.
    var behindTag: Offload {
        var moved = self
        moved.checksumStart += 4
        if moved.headerLength > 0 { moved.headerLength += 4 }
        return moved
    }
}
