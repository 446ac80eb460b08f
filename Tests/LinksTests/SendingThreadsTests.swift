import LinkKit
import Testing
import Wire

@testable import Links

@Suite(.serialized, .enabled(if: Namespace.isPossible, "needs root and ip(8)"))
struct SendingThreadsTests {
    let cable: VethPair
    init() throws { cable = try VethPair() }

    private static let flows = 37
    private static let round = 64

    /// Frame number `number`: its flow, its length and its bytes follow from that. Some are superframes, which a slot cannot hold.
    private func frame(_ number: Int) -> MemoryLink.Copy {
        let source = "10.0.\(number % Self.flows).1"
        let mark = [UInt8(number >> 16 & 255), UInt8(number >> 8 & 255), UInt8(number & 255)]
        let isSuper = number % 29 == 3
        var bytes = segment(isSuper ? 9_000 + number % 1000 : 20 + number % 1200, from: source)
        // To everybody, so that it is taken at both ends.
        for place in 0..<6 { bytes[place] = 0xff }
        for place in mark.indices { bytes[bytes.count - 3 + place] = mark[place] }
        return .init(bytes, offload: isSuper ? superframe() : Offload())
    }

    private func number(of bytes: [UInt8]) -> Int { bytes.suffix(3).reduce(0) { $0 << 8 | Int($1) } }

    /// Takes so many frames from a link and has the threads send them back by it.
    private func turnBack(_ count: Int, _ link: any LiveLink, _ threads: SendingThreads) throws {
        var batch = Batch(capacity: 48), turned = 0
        while turned < count {
            batch.removeAll()
            try link.receive(into: &batch)
            for place in 0..<batch.count { batch[place].egress = link.interface }
            link.lend(until: threads.send(batch))
            turned += batch.count
        }
    }

    /// The ring goes round several times: each frame comes back whole, once, and behind those of its flow that were before it.
    @Test(arguments: [1, 2, 3])
    func flowsKeepTheirOrder(_ count: Int) throws {
        let near = try cable.namespace.link(RingLink.self, "near", .everything, nil)
        let far = try cable.namespace.link(RingLink.self, "far", .everything, nil)
        let threads = try SendingThreads(count)
        threads.use([far])
        #expect(far.use(threads))
        var latest = [Int](repeating: -1, count: Self.flows), all = 0
        for round in 0..<150 {
            let frames = (0..<Self.round).map { frame(round * Self.round + $0) }
            try near.send(frames)
            try turnBack(Self.round, far, threads)
            let arrivals = try near.collect(Self.round)
            #expect(arrivals.count == Self.round)
            for arrival in arrivals {
                let number = number(of: arrival.bytes)
                #expect(arrival.bytes == frame(number).bytes)
                #expect(latest[number % Self.flows] < number)
                latest[number % Self.flows] = number
                all += 1
            }
        }
        #expect(all == 150 * Self.round)
        #expect(far.counters.sent == UInt64(all) && far.counters.missed == 0 && far.counters.truncated == 0)
        far.giveBack()
        #expect(far.wantsPoll)
    }

    /// What leaves by an interface that they do not reach is left.
    @Test func whatIsForThem() throws {
        let near = try cable.namespace.link(RingLink.self, "near", .everything, nil)
        let far = try cable.namespace.link(RingLink.self, "far", .everything, nil)
        let threads = try SendingThreads(2)
        threads.use([near])
        #expect(threads.reach(near.interface) && !threads.reach(far.interface))
        let source = MemoryLink(interface: 9, frames: (0..<8).map { frame($0).bytes })
        var batch = Batch(capacity: 64)
        try source.receive(into: &batch)
        for place in 0..<batch.count { batch[place].egress = place % 2 == 0 ? near.interface : far.interface }
        let number = threads.send(batch)
        threads.drain()
        #expect(threads.isOver(number))
        #expect(try far.collect(4).map { self.number(of: $0.bytes) }.sorted() == [0, 2, 4, 6])
        func sent(by link: any Link) -> LinkCounters? { link.sendingSocket.map { threads.counters(of: $0) } }
        #expect(sent(by: near)?.sent == 4 && sent(by: far) == LinkCounters())
        threads.use([])
        #expect(!threads.reach(near.interface))
    }

    /// An interface that is made anew has another number; what its link has sent before still counts.
    @Test func countersOutliveAnInterface() throws {
        let near = try cable.namespace.link(RingLink.self, "near", .everything, nil)
        let far = try cable.namespace.link(RingLink.self, "far", .everything, nil)
        let threads = try SendingThreads(2)
        threads.use([far])
        #expect(far.use(threads))
        try near.send((0..<8).map { frame($0) })
        try turnBack(8, far, threads)
        let before = far.interface
        #expect(far.counters.sent == 8)
        far.giveBack()
        try cable.namespace.ip("link delete far")
        #expect(throws: LinkError.self) { while try far.collect(1, patience: 200).isEmpty {} }
        try cable.join()
        _ = try far.collect(1, patience: 10)
        #expect(far.interface != before && far.counters.sent == 8)
        threads.use([far])
        try cable.namespace.link(RingLink.self, "near", .everything, nil).send((8..<20).map { frame($0) })
        try turnBack(12, far, threads)
        #expect(far.counters.sent == 20)
    }

    /// Flows are spread over the threads evenly, in whatever they differ.
    @Test(arguments: [2, 3, 4, 7])
    func flowsAreSpread(_ count: Int) throws {
        let kinds: [(String, (Int) -> [UInt8])] = [
            ("ports", { ip("10.0.0.1", "10.0.0.2", proto: 6, ports(1024 + $0, 80)) }),
            ("addresses", { ip("10.0.\($0 >> 8).\($0 & 255)", "10.0.0.2", proto: 47, ports(0, 0)) }),
            ("IPv6 ports", { ip("fd00::1", "fd00::2", proto: 17, ports(1024 + $0, 53)) }),
            ("behind a tag", { tagged(ip("10.0.0.1", "10.0.0.2", proto: 6, ports(1024 + $0, 80)), 5) }),
        ]
        for (kind, make) in kinds {
            var counts = [Int](repeating: 0, count: count)
            for flow in 0..<2000 {
                var frame = make(flow)
                counts[frame.withBytes { SendingThreads.place(of: $0, among: count) }] += 1
            }
            #expect(counts.allSatisfy { abs($0 - 2000 / count) < 2000 / count / 4 }, "\(kind): \(counts)")
        }
    }
}
