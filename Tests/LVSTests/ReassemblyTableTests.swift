import LVS
import PacketKit
import Testing
import Wire

import enum PacketKit.Packet

private let client: Endpoint = "198.51.100.7:4000"
private let virtual: Endpoint = "203.0.113.10:53"

/// How long and how many fragments wait, and random datagrams against an obvious twin.
struct ReassemblyTableTests {
    @Test(
        "A datagram is given up after its time; the sender is told when the first fragment was there",
        arguments: [
            (false, true, 30, 352), (false, false, 30, nil), (true, true, 60, 360), (true, false, 60, nil),
        ] as [(Bool, Bool, Int64, Int?)])
    func timeout(v6: Bool, isFirst: Bool, seconds: Int64, length: Int?) throws {
        let bench = try FragmentTests.bench()
        let piece = FragmentTests.cut(FragmentTests.datagram(700, v6: v6), [304, 404])[isFirst ? 0 : 1]
        bench.send(piece)
        #expect(bench.fragmentTimeout == seconds * 1_000_000_000)
        #expect(bench.pass(seconds: seconds - 1, milliseconds: 999) == [])
        let out = bench.pass(seconds: 0, milliseconds: 1)
        #expect(bench.fragmentTimeout == nil)
        #expect(bench.frames(.fragmentTimeout) == 1)
        #expect(out.count == (length == nil ? 0 : 1))
        guard let length, let told = out.first else { return }
        if v6 {
            expect(
                told, .ipv6(.source("2001:db8:f::10"), .length(length)), .icmp(.type(3), .code(1)), .quoting(.ipv6(.mf(true), .offset(0))))
        } else {
            expect(
                told, .ipv4(.source(virtual), .destination(client), .length(length), .tos(0xc0)), .icmp(.type(11), .code(1)),
                .quoting(.ipv4(.id(77), .mf(true), .offset(0))))
        }
    }

    @Test("The clock of a datagram starts with the fragment that came first")
    func clock() throws {
        let bench = try FragmentTests.bench()
        let old = FragmentTests.cut(FragmentTests.datagram(700, id: 1), [304, 404])
        let young = FragmentTests.cut(FragmentTests.datagram(700, id: 2), [304, 404])
        bench.send(old[0])
        bench.pass(seconds: 10)
        bench.send(young[0])
        #expect(bench.fragmentTimeout == 20_000_000_000)
        bench.tune { $0.fragmentTime4 = 5 }
        bench.send(FragmentTests.cut(FragmentTests.datagram(700, id: 3), [304, 404])[0])
        #expect(bench.fragmentTimeout == 5_000_000_000)
        #expect(bench.pass(seconds: 19, milliseconds: 999).count == 1)
        #expect(FragmentTests.sizes(bench.send(old[1])) == [304, 404])
        #expect(bench.fragmentTimeout == 10_001_000_000)
        #expect(bench.pass(seconds: 60).count == 1)
    }

    @Test("A fragment that comes 64 others of its sender later finds nothing to join", arguments: [(63, true), (64, false)])
    func distance(others: Int, joins: Bool) throws {
        let bench = try FragmentTests.bench()
        let pieces = FragmentTests.cut(FragmentTests.datagram(700), [304, 404])
        bench.send(pieces[0])
        for id in 0..<others { bench.send(FragmentTests.cut(FragmentTests.datagram(700, id: UInt16(1000 + id)), [304, 404])[0]) }
        #expect(bench.send(pieces[1]).isEmpty != joins)
        #expect(bench.send(pieces[0]).isEmpty == joins)
    }

    @Test("Memory is bounded as the kernel counts it: the last number that fits", arguments: [(64, 41), (304, 27), (1480, 15)])
    func memory(size: Int, count: Int) throws {
        for (number, fits) in [(count, true), (count + 1, false)] {
            let bench = try FragmentTests.bench()
            bench.tune { $0.fragmentMemory4 = 40_000 }
            let first = FragmentTests.cut(FragmentTests.datagram(size + 392, id: 0), [size, 400])
            for id in 0..<number { bench.send(FragmentTests.cut(FragmentTests.datagram(size + 392, id: UInt16(id)), [size, 400])[0]) }
            bench.send(first[1])
            #expect(bench.verdict == (fits ? .directRouting : .fragmentLimit), "\(number) fragments of \(size)")
        }
    }

    @Test("A flood of first fragments stays within the bound, and all is free again afterwards")
    func flood() throws {
        let bench = try FragmentTests.bench()
        bench.tune { $0.fragmentMemory4 = 400_000 }
        for id in 0..<2000 {
            let source = Endpoint(IPAddress(v4: 0xc633_6400 | UInt32(id >> 6)), 4000)
            let packet = Packet.ip(
                from: source, to: virtual, proto: 17, payload: [UInt8](repeating: 1, count: 64), id: UInt16(id), mf: true)
            bench.send(packet)
        }
        // 968 bytes each, and one that still found room.
        #expect(bench.frames(.fragmentQueued) == 414)
        #expect(bench.frames(.fragmentLimit) == 2000 - 414)
        bench.pass(seconds: 31)
        #expect(bench.frames(.fragmentTimeout) == 414)
        bench.send(FragmentTests.cut(FragmentTests.datagram(700), [304, 404])[0])
        #expect(bench.verdict == .fragmentQueued)
    }

    @Test("Random fragments against a twin that keeps every byte apart", arguments: 0..<40)
    func twin(seed: UInt64) throws {
        var random = SeededGenerator(seed: seed)
        for v6 in [false, true] {
            let bench = try FragmentTests.bench()
            for id in 0..<20 as Range<UInt16> { try run(&random, bench, v6, id) }
        }
    }

    private func run(_ random: inout SeededGenerator, _ bench: TranslationFixture, _ v6: Bool, _ id: UInt16) throws {
        let packet = FragmentTests.datagram(random.below(1400) + 9, v6: v6, id: id)
        let total = packet.count - (v6 ? 40 : 20)
        var stretches: [(Int, Int)] = []
        var start = 0
        while start < total {
            let end = min(start + (random.below(30) + 1) * 8, total)
            stretches.append((start, end))
            start = end
        }
        guard stretches.count > 1 else { return }
        // Some twice, some displaced.
        for _ in 0..<random.below(4) {
            let (start, end) = stretches[random.below(stretches.count)]
            let shift = random.below(4) == 0 ? 8 : 0
            if start + shift < min(end + shift, total) { stretches.append((start + shift, min(end + shift, total))) }
        }
        for i in stretches.indices.reversed() { stretches.swapAt(i, random.below(i + 1)) }
        var twin = Twin()
        for (start, end) in stretches {
            let out = bench.send(FragmentTests.fragment(packet, start, end, more: end < total, id: UInt32(id)))
            let expected = twin.add(start, end, isLast: end == total)
            #expect(bench.verdict == expected, "\(stretches) at \(start)..<\(end)")
            guard expected == .directRouting else { continue }
            // What is no longer than the longest fragment leaves without a fragment header.
            #expect(out.flatMap { $0.dropFirst(!v6 ? 34 : $0[20] == 44 ? 62 : 54) } == Array(packet[(v6 ? 40 : 20)...]))
            twin = Twin()
        }
        bench.pass(seconds: 61)
    }
}

/// Reassembly as RFC 791 and the kernel's rule on overlaps say it, one byte after the other.
private struct Twin {
    private var present: Set<Int> = []
    /// Stretches that came in order at the end.
    private var runs: [Range<Int>] = []
    private var end: Int?

    mutating func add(_ start: Int, _ stop: Int, isLast: Bool) -> Verdict {
        if isLast { end = stop }
        let bytes = Set(start..<stop)
        let top = runs.map(\.upperBound).max() ?? 0
        if !present.isDisjoint(with: bytes) {
            // Inside one run and not reaching farther than anything there is.
            if stop <= top, runs.contains(where: { $0.lowerBound <= start && stop <= $0.upperBound }) { return .fragmentDuplicate }
            self = Twin()
            return .fragmentOverlap
        }
        if start == top, !runs.isEmpty, let last = runs.firstIndex(where: { $0.upperBound == top }) {
            runs[last] = runs[last].lowerBound..<stop
        } else {
            runs.append(start..<stop)
        }
        present.formUnion(bytes)
        guard let end, present.count == end else { return .fragmentQueued }
        return .directRouting
    }
}
