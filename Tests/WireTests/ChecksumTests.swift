import PacketKit
import Testing
import Wire

@Suite struct ChecksumTests {
    /// The example of RFC 1071 section 3.
    @Test func rfcExample() {
        let sum = reading(hex("0001 f203 f4f5 f6f7")) { bytes in
            var sum = Checksum()
            sum.add(bytes)
            return sum
        }
        #expect(sum.folded == 0xddf2 && sum.value == 0x220d)
    }

    @Test(arguments: [
        (hex(""), 0xffff), (hex("00"), 0xffff), (hex("01"), 0xfeff), (hex("ff"), 0x00ff), (hex("ffff"), 0), (hex("0000"), 0xffff),
        (hex("ffff ffff ffff ffff ffff ffff ffff ffff ff"), 0x00ff), (hex("ffff 0001"), 0xfffe), (hex("8000 8000"), 0xfffe),
    ])
    func smallSums(bytes: [UInt8], sum: Int) {
        #expect(Int(reading(bytes) { Checksum.of($0) }) == sum)
        #expect(Int(SlowChecksum.internet(bytes)) == sum)
    }

    @Test func agreesWithTheSlowTwin() {
        var dice = SeededGenerator(seed: 3)
        for round in 0..<3000 {
            let bytes = round % 5 == 0 ? [UInt8](repeating: 0xff, count: round % 1501) : dice.bytes(round % 200)
            #expect(reading(bytes) { Checksum.of($0) } == SlowChecksum.internet(bytes))
        }
        let long = dice.bytes(65535)
        #expect(reading(long) { Checksum.of($0) } == SlowChecksum.internet(long))
    }

    /// Where in memory a window begins has no bearing.
    @Test func agreesAtOddAddresses() {
        let bytes = hex("a5 12 34 56 78 9a bc de f0 11 22")
        for start in 0..<bytes.count {
            #expect(reading(bytes) { Checksum.of($0.dropFirst(start)) } == SlowChecksum.internet(Array(bytes[start...])))
        }
    }

    @Test func pseudoHeaders() {
        var dice = SeededGenerator(seed: 5)
        for round in 0..<2000 {
            let message = dice.bytes(8 + round % 64)
            let a = dice.next(), b = dice.next(), c = dice.next()
            let v4 = round % 2 == 0
            let source = v4 ? IPAddress(v4: UInt32(truncatingIfNeeded: a)) : IPAddress(high: a, low: b)
            let destination = v4 ? IPAddress(v4: UInt32(truncatingIfNeeded: b)) : IPAddress(high: b, low: c)
            #expect(
                reading(message) { Checksum.of($0, from: source, to: destination, proto: 17) }
                    == SlowChecksum.transport(message, from: source, to: destination, proto: 17))
        }
    }

    /// Equation 3 of RFC 1624, with the case of its section 4 where equation 2 goes wrong.
    @Test func incrementalExample() {
        #expect(Checksum.update(0xdd2f, from: 0x5555, to: 0x3285) == 0x0000)
    }

    @Test func incrementalAgreesWithFull() {
        var dice = SeededGenerator(seed: 6)
        for round in 0..<5000 {
            var bytes = dice.bytes(20 + round % 2)
            if round % 7 == 0 { bytes = [UInt8](repeating: round % 2 == 0 ? 0 : 0xff, count: 20) }
            // What a checksum covers is never all zero: an IP version or a pseudo-header is part of it.
            bytes[0] |= 0x40
            let old = SlowChecksum.internet(bytes)
            let at = 2 + Int(dice.next() % 9) * 2
            let before = UInt16(bytes[at]) << 8 | UInt16(bytes[at + 1])
            let after = round % 3 == 0 ? [0, 0xffff, before, ~before][round % 4] : UInt16(truncatingIfNeeded: dice.next())
            bytes[at] = UInt8(after >> 8)
            bytes[at + 1] = UInt8(after & 255)
            let updated = Checksum.update(old, from: before, to: after)
            // A sum that is 0 has two forms; a receiver takes both.
            #expect(isRight(updated, for: bytes), "\(hexText(bytes)): \(updated)")
        }
    }

    @Test func incrementalAddressesAlsoBetweenFamilies() {
        var dice = SeededGenerator(seed: 7)
        for round in 0..<2000 {
            let v4 = IPAddress(v4: UInt32(truncatingIfNeeded: dice.next())), v6 = IPAddress(high: dice.next(), low: dice.next())
            let other = IPAddress(v4: UInt32(truncatingIfNeeded: dice.next())), rest = dice.bytes(8)
            let (old, new) = [(v4, other), (v4, v6), (v6, v4), (v6, IPAddress(high: dice.next(), low: dice.next()))][round % 4]
            let sum = SlowChecksum.internet(written(old.isV4 ? 4 : 16) { $0.setIP(old, at: 0) } + rest)
            let updated = Checksum.update(sum, from: old, to: new)
            #expect(isRight(updated, for: written(new.isV4 ? 4 : 16) { $0.setIP(new, at: 0) } + rest))
        }
    }

    private func isRight(_ checksum: UInt16, for bytes: [UInt8]) -> Bool {
        SlowChecksum.internet([UInt8(checksum >> 8), UInt8(checksum & 255)] + bytes) == 0
    }

    /// RFC 3720 appendix B.4, and the check value of the catalogue of parametrised CRC algorithms.
    @Test(
        arguments: [
            ([UInt8](repeating: 0, count: 32), 0x8a91_36aa), ([UInt8](repeating: 0xff, count: 32), 0x62a8_ab43),
            ([UInt8](0..<32), 0x46dd_794e), ([UInt8]((0..<32).reversed()), 0x113f_db5c),
            (Array("123456789".utf8), 0xe306_9283), ([], 0),
        ] as [([UInt8], UInt32)])
    func crc32c(bytes: [UInt8], crc: UInt32) {
        #expect(reading(bytes) { CRC32c.of($0) } == crc)
        #expect(SlowChecksum.crc32c(bytes) == written(4) { $0.setBig32(crc.byteSwapped, at: 0) })
    }

    @Test func crc32cAgreesWithTheSlowTwinInPieces() {
        var dice = SeededGenerator(seed: 8)
        for length in 0..<200 {
            let bytes = dice.bytes(length)
            let cut = Int(dice.next() % UInt64(length + 1))
            let crc = reading(bytes) { bytes in
                var crc = CRC32c()
                crc.add(bytes.prefix(cut))
                crc.add(bytes.dropFirst(cut))
                return crc.value
            }
            #expect(written(4) { $0.setBig32(crc.byteSwapped, at: 0) } == SlowChecksum.crc32c(bytes))
        }
    }
}
