import Foundation
import LVS
import Replay
import Testing
import Wire

/// Capture files that nobody means well with: each ends with frames or a sentence that names the file, never otherwise.
@Suite struct HostileTests {
    /// Runs a file's frames through a director and explains each: `N frames`, or what was said.
    private static func told(_ bytes: [UInt8], in folder: CaseFolder, days: Int64? = nil) throws -> String {
        try folder.write(bytes, to: "in.pcap")
        let path = folder.path + "/in.pcap"
        do {
            var replay = try Replayer(CaseFiles(folder: folder.path), connections: 64)
            replay.explains = true
            if let days { replay.longestLife = days * 86_400_000_000_000 }
            while let outcome = try replay.step({ _ in }) { _ = outcome.json([], replay.scenario.network) }
            try replay.finish { _ in }
            return "\(replay.frames) frames"
        } catch {
            let sentence = "\(error)"
            #expect(sentence.hasPrefix(path + ": ") && sentence.count > path.count + 12)
            return String(sentence.dropFirst(path.count + 2))
        }
    }

    private static func words(_ values: UInt32...) -> [UInt8] {
        values.flatMap { value in withUnsafeBytes(of: value.littleEndian) { Array($0) } }
    }

    /// A pcap file's header.
    private static func header(snapshot: UInt32 = 262_144, link: UInt32 = 1) -> [UInt8] {
        words(0xa1b2_c3d4, 0x0004_0002, 0, 0, snapshot, link)
    }

    private static let frame = Arriving.tcp(.syn)

    private static func record(
        _ seconds: UInt32, _ fraction: UInt32 = 0, captured: UInt32? = nil, length: UInt32? = nil,
        holding bytes: [UInt8] = frame
    ) -> [UInt8] {
        let count = UInt32(bytes.count)
        return words(seconds, fraction, captured ?? count, length ?? count) + bytes
    }

    // pcapng

    private static let section = words(0x0a0d_0d0a, 28, 0x1a2b_3c4d, 1, .max, .max, 28)
    private static func interface(resolution: UInt32? = nil) -> [UInt8] {
        guard let resolution else { return words(1, 20, 1, 0, 20) }
        return words(1, 32, 1, 0, 0x0001_0009, resolution, 0, 32)
    }
    private static func block(_ time: UInt64, interface: UInt32 = 0, captured: UInt32? = nil) -> [UInt8] {
        let padded = frame + [UInt8](repeating: 0, count: (4 - frame.count % 4) % 4)
        let total = UInt32(32 + padded.count), count = UInt32(frame.count)
        return words(6, total, interface, UInt32(time >> 32), UInt32(truncatingIfNeeded: time), captured ?? count, captured ?? count)
            + padded + words(total)
    }

    @Test(
        arguments: [
            ([], "truncated dump file; tried to read 4 file header bytes, only got 0"),
            (header(), "0 frames"),
            (header(snapshot: 0) + record(1), "1 frames"),
            (header(snapshot: .max) + record(1), "1 frames"),
            (header(link: 113) + record(1), "holds Linux cooked v1 frames; only Ethernet frames can be read"),
            // Times: the last second of 32 bits, backwards, fractions that are none.
            (header() + record(1000) + record(.max, 999_999) + record(0) + record(2000), "4 frames"),
            (header() + record(1000) + record(1000, .max), "frame 2: has an impossible time"),
            (header() + record(1000, 1_000_000), "frame 1: has an impossible time"),
            // Lengths that are lies.
            (
                header() + record(1, captured: .max, length: .max),
                "frame 1: invalid packet capture length 4294967295, bigger than snaplen of 262144"
            ),
            (
                header(snapshot: .max) + record(1, captured: 1 << 30, length: 1 << 30),
                "frame 1: invalid packet capture length 1073741824, bigger than snaplen of 262144"
            ),
            (
                header() + record(1, captured: 4000, length: 4000),
                "frame 1: truncated dump file; tried to read 4000 captured bytes, only got \(frame.count)"
            ),
            (header() + record(1, length: 9000), "frame 1: was captured only in part: \(frame.count) of 9000 bytes (snapshot length)"),
            (header() + record(1, length: 3), "frame 1: holds \(frame.count) bytes of a frame of 3"),
            (
                header() + record(1, holding: []) + record(1, holding: [2]) + record(1, holding: [UInt8](repeating: 2, count: 200_000)),
                "3 frames"
            ),
            (section + interface() + block(1), "1 frames"),
            (section + block(1), "the capture file has a packet block before any Interface Description Blocks"),
            (
                section + interface() + block(1, interface: 9),
                "frame 1: a packet arrived on interface 9, but there's no Interface Description Block for that interface"
            ),
            (section + interface() + block(1) + block(.max), "frame 2: has an impossible time"),
            (section + interface(resolution: 0) + block(1 << 62), "frame 1: has an impossible time"),
            (
                section + interface(resolution: 127) + block(1),
                "Interface Description Block if_tsresol option resolution 10^-127 is too high"
            ),
            (
                section + interface() + block(1, captured: 0x7fff_ffff),
                "frame 1: invalid packet capture length 2147483647, bigger than snaplen of 262144"
            ),
            (section + interface() + words(6, 0xffff_fff0) + frame, "frame 1: pcapng block size 4294967280 > maximum 16777216"),
            (section + interface() + words(6, 0) + frame, "frame 1: block in pcapng dump file has a length of 0 < 12"),
        ] as [([UInt8], String)])
    func absurdFilesEndWithAClearWord(_ bytes: [UInt8], _ sentence: String) throws {
        #expect(try Self.told(bytes, in: CaseFolder()) == sentence)
    }

    @Test func filesCutAtEveryPlace() throws {
        let folder = try CaseFolder()
        for whole in [
            Self.header() + Self.record(1) + Self.record(2), Self.section + Self.interface(resolution: 9) + Self.block(1) + Self.block(2),
        ] {
            var frames: Set<String> = []
            for count in 0...whole.count { frames.insert(try Self.told(Array(whole.prefix(count)), in: folder)) }
            #expect(frames.isSuperset(of: ["0 frames", "1 frames", "2 frames"]))
        }
    }

    @Test func randomBytesBehindEveryBeginning() throws {
        let folder = try CaseFolder()
        var dice = SystemRandomNumberGenerator()
        for beginning in [[], Self.header(), Self.header() + Self.record(1).prefix(16), Self.section, Self.section + Self.interface()] {
            for _ in 0..<40 {
                _ = try Self.told(
                    beginning + (0..<Int.random(in: 1...600)).map { _ in UInt8.random(in: 0...255, using: &dice) }, in: folder)
            }
        }
    }

    @Test func framesOfRandomBytesAreExplained() throws {
        let folder = try CaseFolder()
        for _ in 0..<8 {
            // Ethernet and the first bytes of IP are right, so that the rest is looked at.
            var frames: [UInt8] = []
            for _ in 0..<8 {
                var bytes = Array(Self.frame.prefix(Int.random(in: 0...Self.frame.count)))
                for _ in 0..<Int.random(in: 0...200) { bytes.append(UInt8.random(in: 0...255)) }
                frames += Self.record(UInt32.random(in: 0 ... .max), UInt32.random(in: 0..<1_000_000), holding: bytes)
            }
            #expect(try Self.told(Self.header() + frames, in: folder) == "8 frames")
        }
    }

    @Test func clocksThatRunAwayAreNotFollowed() throws {
        let folder = try CaseFolder()
        // A century in steps of less than an hour cannot be lived through; from one end of time to the other is a leap.
        let creeping = (0..<5 as Range<UInt32>).flatMap { Self.record($0 * 3599) }
        #expect(
            try Self.told(Self.header() + creeping, in: folder, days: 0)
                == "the frames up to input frame 2 last longer than 0 days; a clock must be wrong")
        let leaping = (0..<10 as Range<UInt32>).flatMap { Self.record($0 % 2 == 0 ? UInt32.max - $0 : $0) }
        #expect(try Self.told(Self.header() + leaping, in: folder) == "10 frames")
    }
}
