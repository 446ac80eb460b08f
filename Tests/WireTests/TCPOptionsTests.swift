import PacketKit
import Testing
import Wire

@Suite struct TCPOptionsTests {
    private func segment(_ options: [UInt8], payload: [UInt8] = []) -> [UInt8] {
        Array(Packet.tcp(from: "192.0.2.1:4000", to: "10.0.0.1:80", flags: [.ack], options: options, payload: payload).dropFirst(20))
    }

    private func isSummed(_ segment: [UInt8]) -> Bool {
        SlowChecksum.transport(segment, from: ipAddress("192.0.2.1"), to: ipAddress("10.0.0.1"), proto: 6) == 0
    }

    @Test func walks() {
        let bytes = segment(hex("020405b4 01 030307 0101 080a 0000000a 00000014 0402"))
        reading(bytes) { bytes in
            guard let options = TCPOptions(segment: bytes) else { Issue.record("no options"); return }
            var kinds: [UInt8] = [], offsets: [Int] = []
            var each = options.first
            while let option = each {
                kinds.append(option.kind)
                offsets.append(option.offset)
                each = options.next(after: option)
            }
            #expect(kinds == [2, 3, 8, 4] && offsets == [20, 25, 30, 40])
            #expect(options.mss == 1460)
            #expect(options.timestamps.map { [$0.value, $0.echo] } == [10, 20])
            #expect(options.find(5) == nil && options.isWellFormed)
        }
    }

    @Test(arguments: [0, 16, 64, 240] as [UInt8])
    func refusesALyingDataOffset(offset: UInt8) {
        #expect(reading(segment([]).with(offset, at: 12)) { TCPOptions(segment: $0) == nil })
    }

    struct Row: Sendable, CustomTestStringConvertible {
        let testDescription: String
        let options: [UInt8], kinds: [UInt8], isWellFormed: Bool
    }

    @Test(arguments: [
        Row(testDescription: "none", options: [], kinds: [], isWellFormed: true),
        Row(testDescription: "only no-operations", options: [1, 1, 1, 1], kinds: [], isWellFormed: true),
        Row(testDescription: "end of list hides what follows", options: [0, 2, 4, 5], kinds: [], isWellFormed: true),
        Row(testDescription: "length 0", options: [2, 0, 5, 180], kinds: [], isWellFormed: false),
        Row(testDescription: "length 1", options: [3, 1, 7, 1], kinds: [], isWellFormed: false),
        Row(testDescription: "length behind the end", options: [2, 5, 5, 180], kinds: [], isWellFormed: false),
        Row(testDescription: "kind without length", options: [4, 2, 1, 2], kinds: [4], isWellFormed: false),
        Row(testDescription: "length 255", options: [4, 2, 253, 255], kinds: [4], isWellFormed: false),
        Row(testDescription: "to the last byte", options: [4, 2, 4, 2], kinds: [4, 4], isWellFormed: true),
    ])
    func endsAtWhatCannotBe(_ row: Row) {
        reading(segment(row.options)) { bytes in
            guard let options = TCPOptions(segment: bytes) else { Issue.record("no options"); return }
            var kinds: [UInt8] = []
            var each = options.first
            while let option = each {
                kinds.append(option.kind)
                each = options.next(after: option)
            }
            #expect(kinds == row.kinds && options.isWellFormed == row.isWellFormed)
        }
    }

    /// An option may stand at any offset; the checksum counts words at even ones.
    @Test(arguments: 0..<4, [[UInt8](), hex("61"), hex("61 62")])
    func rewritesMSSKeepingTheChecksum(padding: Int, payload: [UInt8]) {
        let bytes = segment([UInt8](repeating: 1, count: padding) + TCPOption.mss(1460), payload: payload)
        let changed = changing(bytes) { bytes in
            guard let options = TCPOptions(segment: bytes) else { return }
            #expect(!options.clampMSS(to: 1460))
            #expect(options.clampMSS(to: 1400))
            #expect(options.mss == 1400)
        }
        #expect(changed != bytes && isSummed(changed))
        let unsummed = changing(bytes) { TCPOptions(segment: $0)?.setMSS(536, updatingChecksum: false) }
        #expect(unsummed[16...17] == bytes[16...17] && !isSummed(unsummed))
    }

    @Test func anMSSOfAnotherLengthIsNone() {
        reading(segment([2, 3, 5, 1])) { bytes in
            let options = TCPOptions(segment: bytes)
            #expect(options?.mss == nil && options?.setMSS(1) == false && options?.clampMSS(to: 1) == false)
        }
    }

    @Test(arguments: 0..<4)
    func shiftsSACKEdgesKeepingTheChecksum(padding: Int) {
        let filling = [UInt8](repeating: 1, count: padding)
        let bytes = segment(filling + TCPOption.sack((100, 200), (0xffff_fff0, 5)))
        let changed = changing(bytes) { TCPOptions(segment: $0)?.shiftSACK(by: 0x20) }
        #expect(changed == segment(filling + TCPOption.sack((132, 232), (0x10, 37))))
        #expect(changing(changed) { TCPOptions(segment: $0)?.shiftSACK(by: 0 &- 0x20) } == bytes)
    }

    @Test(arguments: 0..<4)
    func blanksAnOptionKeepingTheChecksum(padding: Int) {
        let bytes = segment([UInt8](repeating: 1, count: padding) + TCPOption.timestamps(0x0102_0304, 0xa0b0_c0d0))
        let changed = changing(bytes) { bytes in
            let options = TCPOptions(segment: bytes)
            if let stamp = options?.find(8) { options?.blank(stamp) }
            #expect(options?.timestamps == nil && options?.first == nil)
        }
        #expect(isSummed(changed))
        #expect(changed[(20 + padding)..<(30 + padding)].allSatisfy { $0 == 1 })
    }
}
