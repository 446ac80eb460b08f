import PacketKit
import Testing
import Wire

@Suite struct MemoryTests {
    @Test func windowsAreCut() {
        reading([0, 1, 2, 3, 4]) { bytes in
            #expect(bytes.dropFirst(2).array == [2, 3, 4] && bytes.dropFirst(5).count == 0 && bytes.dropFirst(99).count == 0)
            #expect(bytes.prefix(2).array == [0, 1] && bytes.prefix(0).count == 0 && bytes.prefix(99).array == [0, 1, 2, 3, 4])
            #expect(bytes.dropFirst(1).prefix(3).dropFirst(1).array == [2, 3])
        }
    }

    @Test(arguments: [
        (0, 5, true), (0, 6, false), (5, 0, true), (6, 0, false), (4, 1, true), (4, 2, false), (-1, 1, false), (0, -1, false),
        (Int.max, 1, false), (1, Int.max, false), (Int.max, Int.max, false), (Int.min, 5, false), (5, Int.min, false),
    ])
    func holds(offset: Int, length: Int, answer: Bool) {
        #expect(reading([0, 1, 2, 3, 4]) { $0.holds(length, at: offset) } == answer)
    }

    @Test func numbersAreBigEndianAtAnyOffset() {
        let bytes = hex("00 01 02 03 04 05 06 07 08 09")
        reading(bytes) { bytes in
            #expect(bytes.big16(at: 1) == 0x0102 && bytes.big32(at: 1) == 0x0102_0304 && bytes.big64(at: 1) == 0x0102_0304_0506_0708)
            #expect(bytes[9] == 9 && bytes.big16(at: 8) == 0x0809 && bytes.big64(at: 2) == 0x0203_0405_0607_0809)
        }
        #expect(
            written(9) {
                $0.setBig16(0x0102, at: 1); $0.setBig32(0x0304_0506, at: 3); $0[0] = 9; $0[7] = 8; $0[8] = 7
            }
                == hex("09 01 02 03 04 05 06 08 07"))
        #expect(written(9) { $0.setBig64(0x0102_0304_0506_0708, at: 1) } == hex("a5 01 02 03 04 05 06 07 08"))
    }

    @Test func copiesAndFills() {
        #expect(
            written(6) {
                $0.copy([1, 2, 3], to: 2); $0.copy([], to: 6)
            } == hex("a5 a5 01 02 03 a5"))
        #expect(written(4) { target in reading([7, 8]) { target.copy($0, to: 1) } } == hex("a5 07 08 a5"))
        #expect(written(4) { $0.fill(at: 1, count: 2) } == hex("a5 00 00 a5"))
        var none: [UInt8] = []
        #expect(none.withBytes { $0.count } == 0)
    }

    /// A check that a sum past Int.max slipped through would read anywhere.
    @Test func offsetsOutsideStopTheProgram() async {
        await #expect(processExitsWith: .failure) {
            var bytes: [UInt8] = [1, 2]; _ = bytes.withBytes { $0.big16(at: 1) }
        }
        await #expect(processExitsWith: .failure) {
            var bytes: [UInt8] = [1, 2]; _ = bytes.withBytes { $0.big16(at: Int.max) }
        }
        await #expect(processExitsWith: .failure) {
            var bytes: [UInt8] = [1, 2]; _ = bytes.withBytes { $0[2] }
        }
        await #expect(processExitsWith: .failure) {
            var bytes: [UInt8] = [1, 2]; bytes.withBytes { $0.setBig16(0, at: -1) }
        }
    }

    @Test func frameMovesWithinItsBuffer() {
        reading([UInt8](0..<100)) { buffer in
            var frame = Frame(buffer: buffer.base, capacity: 100, headroom: 20, length: 60, ingress: 3)
            #expect(frame.count == 60 && frame.bytes[0] == 20 && frame.tailroom == 20)
            #expect(frame.ingress == 3 && frame.egress == 0 && frame.offload.isPlain)

            var done = [frame.moveStart(by: -20)]
            #expect(frame.headroom == 0 && frame.count == 80 && frame.bytes[0] == 0)
            done.append(frame.moveStart(by: 34))
            #expect(frame.headroom == 34 && frame.count == 46 && frame.bytes[0] == 34)
            done += [frame.moveStart(by: 46), frame.resize(to: 20)]
            #expect(done == [true, true, true, true] && frame.tailroom == 0 && frame.bytes[19] == 99)

            let refused = [
                frame.moveStart(by: 21), frame.moveStart(by: -81), frame.moveStart(by: .max), frame.moveStart(by: .min),
                frame.resize(to: 21), frame.resize(to: -1), frame.resize(to: .max),
            ]
            #expect(!refused.contains(true) && frame.count == 20 && frame.headroom == 80)
        }
    }

    @Test func batchKeepsOrderAndCause() {
        var buffer = [UInt8](repeating: 0, count: 64)
        buffer.withBytes { bytes in
            var batch = Batch(capacity: 3)
            let before = (batch.isEmpty, batch.isFull, batch.capacity)
            #expect(before == (true, false, 3))
            let added = (10..<14).map { batch.append(Frame(buffer: bytes.base, capacity: 64, headroom: 0, length: $0)) }
            #expect(added == [true, true, true, false])
            let counts = (0..<3).map { batch[$0].count }, causes = (0..<3).map { batch[$0].cause }
            #expect(counts == [10, 11, 12] && causes == [0, 1, 2])
            batch[1].egress = 7
            let egresses = (0..<3).map { batch[$0].egress }
            #expect(egresses == [0, 7, 0])

            batch.removeAll()
            let again = batch.append(Frame(buffer: bytes.base, capacity: 64, headroom: 0, length: 5), causedBy: 42)
            let first = (batch.count, batch[0].cause, batch[0].count)
            #expect(again && first == (1, 42, 5))
        }
    }

    @Test(arguments: [1, 3, 1000, 300_000])
    func slabIsZeroAndStays(capacity: Int) {
        let slab = Slab<UInt64>(capacity: capacity)
        let view = slab.view
        #expect(view.capacity == capacity && (0..<capacity).allSatisfy { view[$0] == 0 })
        slab[0] = 1
        slab[capacity - 1] = 2
        view[0] += 1
        let ends = (slab[0], slab[capacity - 1])
        #expect(ends.0 == (capacity == 1 ? 3 : 2) && ends.1 == (capacity == 1 ? 3 : 2))
        view.prefetch(capacity - 1)
    }

    @Test func slabViewOfLentMemory() async {
        let lent = UnsafeMutableRawBufferPointer.allocate(byteCount: 35, alignment: 8)
        defer { lent.deallocate() }
        lent.copyBytes(from: hex("0000000000000000 0100000000000000") + [UInt8](repeating: 0xa5, count: 19))
        let view = SlabView<UInt64>(lent), same = SlabView<UInt64>(lent)
        // What does not fill an element is left alone.
        #expect(view.capacity == 4 && view[0] == 0 && view[1] == 1)
        view[3] = .max
        #expect(same[3] == .max && lent[32] == 0xa5)
        await #expect(processExitsWith: .failure) {
            let memory = UnsafeMutableRawBufferPointer.allocate(byteCount: 35, alignment: 8)
            _ = SlabView<UInt64>(UnsafeMutableRawBufferPointer(rebasing: memory[1...]))
        }
        await #expect(processExitsWith: .failure) { _ = SlabView<UInt64>(UnsafeMutableRawBufferPointer(start: nil, count: 0)) }
    }

    @Test func slabStopsOutside() async {
        await #expect(processExitsWith: .failure) {
            let slab = Slab<UInt64>(capacity: 4); slab[4] = 1
        }
        await #expect(processExitsWith: .failure) {
            let slab = Slab<UInt64>(capacity: 4); slab[-1] = 1
        }
    }

    /// The virtio_net_hdr travels in the byte order of the machine.
    @Test func offload() {
        let bytes = hex("01 81 36 00 a8 05 22 00 10 00")
        let offload = reading(bytes) { Offload($0) }
        #expect(offload.hasPartialChecksum && offload.isSuperframe && !offload.isPlain)
        #expect(offload.kind == Offload.tcp4 && offload.headerLength == 54 && offload.segmentSize == 1448)
        #expect(offload.checksumStart == 34 && offload.checksumOffset == 16)
        #expect(written(Offload.length) { offload.write(to: $0) } == bytes)
        #expect(Offload().isPlain && written(10) { Offload().write(to: $0) } == [UInt8](repeating: 0, count: 10))
    }
}
