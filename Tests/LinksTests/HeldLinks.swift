import LinkKit
import Links
import Testing
import Wire

/// Links that need no interface, and links that hold a link.
@Suite struct HeldLinks {
    /// What a link delivers until it brings nothing more, in batches of `capacity`.
    func drain(_ link: any Link, capacity: Int = 64) throws -> [[UInt8]] {
        var batch = Batch(capacity: capacity)
        var frames: [[UInt8]] = []
        while true {
            batch.removeAll()
            try link.receive(into: &batch)
            guard !batch.isEmpty else { return frames }
            for index in 0..<batch.count {
                #expect(batch[index].cause == Int32(index) && batch[index].headroom >= 128)
                frames.append(batch[index].bytes.array)
            }
        }
    }

    /// Sends frames through a link in one batch, every frame to the link's own interface but those in `elsewhere`.
    func send(_ frames: [[UInt8]], through link: any Link, elsewhere: Set<Int> = []) throws {
        let source = MemoryLink(interface: 9, frames: frames)
        var batch = Batch(capacity: 64)
        try source.receive(into: &batch)
        for index in 0..<batch.count { batch[index].egress = elsewhere.contains(index) ? 77 : link.interface }
        try link.transmit(batch)
    }

    let frames = (0..<200).map { [UInt8]([UInt8($0)] + [UInt8](repeating: 0xa5, count: 59 + $0)) }

    @Test(arguments: [1, 7, 64, 256])
    func memory(_ capacity: Int) throws {
        let link = MemoryLink(interface: 3, frames: frames)
        link.arrive([1, 2, 3], offload: superframe())
        #expect(try drain(link, capacity: capacity) == frames + [[1, 2, 3]])
        try send([[1], [2], [3]], through: link, elsewhere: [1])
        #expect(link.sent == [MemoryLink.Copy([1], cause: 0), MemoryLink.Copy([3], cause: 2)])
        #expect(link.counters.received == 201 && link.counters.sent == 2)
    }

    @Test func memoryRefusesGiants() throws {
        let link = MemoryLink(frames: [[UInt8](repeating: 0, count: 70_000)])
        let error = try #require(throws: LinkError.self) { try drain(link) }
        #expect(error.description == "memory link 1: a frame of 70000 bytes is too long")
    }

    @Test func faultsAreTheSameForTheSameSeed() throws {
        let faults = FaultyLink.Faults(lost: 100, repeated: 100, damaged: 100)
        func received(_ seed: UInt64, capacity: Int = 64) throws -> [[UInt8]] {
            try drain(FaultyLink(MemoryLink(frames: frames), faults: faults, seed: seed), capacity: capacity)
        }
        let first = try received(1)
        #expect(try received(1) == first)
        #expect(try received(2) != first)
        #expect(try received(1, capacity: 128) == first)
    }

    @Test(arguments: [
        ("nothing", FaultyLink.Faults(), 200...200), ("all lost", FaultyLink.Faults(lost: 1000), 0...0),
        ("all repeated", FaultyLink.Faults(repeated: 1000), 400...400),
        ("a tenth lost", FaultyLink.Faults(lost: 100), 165...195),
        ("all damaged", FaultyLink.Faults(damaged: 1000), 200...200),
    ])
    func faults(_ row: (name: String, faults: FaultyLink.Faults, count: ClosedRange<Int>)) throws {
        let link = FaultyLink(MemoryLink(frames: frames), faults: row.faults, seed: 7)
        let received = try drain(link, capacity: 200)
        #expect(row.count.contains(received.count))
        #expect(received.count == 200 - link.met.lost + link.met.repeated)
        if row.faults.damaged == 0 {
            #expect(received.allSatisfy(frames.contains))
        } else {
            let flipped = zip(received, frames).map { zip($0, $1).reduce(0) { $0 + ($1.0 ^ $1.1).nonzeroBitCount } }
            #expect(flipped.allSatisfy { $0 == 1 } && link.met.damaged == 200)
        }
        let inner = MemoryLink()
        let sending = FaultyLink(inner, faults: row.faults, seed: 7)
        try send(Array(frames.prefix(64)), through: sending, elsewhere: [0])
        #expect(inner.sent.count == 63 - sending.met.lost + sending.met.repeated)
    }

    /// A repeated frame has bytes of its own: what the engine does to one must not show in the other.
    @Test func repetitionsAreCopies() throws {
        let link = FaultyLink(MemoryLink(frames: [frames[0]]), faults: .init(repeated: 1000), seed: 1)
        var batch = Batch(capacity: 4)
        try link.receive(into: &batch)
        #expect(batch.count == 2)
        batch[0].bytes[5] = 0
        #expect(batch[1].bytes.array == frames[0])
    }
}
