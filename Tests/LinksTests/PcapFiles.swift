import Links
import Testing
import Wire

/// Numbers as bytes in one byte order or the other.
struct ByteOrder: CustomStringConvertible {
    let isBig: Bool
    var description: String { isBig ? "big-endian" : "little-endian" }

    func bytes(_ value: UInt32) -> [UInt8] {
        let little = (0..<4).map { UInt8(truncatingIfNeeded: value >> (8 * $0)) }
        return isBig ? little.reversed() : little
    }

    func bytes(_ value: UInt16) -> [UInt8] {
        let little = [UInt8(truncatingIfNeeded: value), UInt8(truncatingIfNeeded: value >> 8)]
        return isBig ? little.reversed() : little
    }

    func pcapHeader(magic: UInt32 = 0xa1b2_c3d4, linkType: UInt32 = 1) -> [UInt8] {
        bytes(magic) + bytes(UInt16(2)) + bytes(UInt16(4)) + bytes(0 as UInt32) + bytes(0 as UInt32)
            + bytes(262_144 as UInt32) + bytes(linkType)
    }

    func record(_ seconds: UInt32, _ fraction: UInt32, _ frame: [UInt8], length: UInt32? = nil) -> [UInt8] {
        bytes(seconds) + bytes(fraction) + bytes(UInt32(frame.count)) + bytes(length ?? UInt32(frame.count)) + frame
    }

    /// A pcapng file with one interface of the given time resolution (if_tsresol) and one frame at `ticks`.
    func pcapng(resolution: UInt8, ticks: UInt64, frame: [UInt8]) -> [UInt8] {
        let options = bytes(UInt16(9)) + bytes(UInt16(1)) + [resolution, 0, 0, 0] + bytes(0 as UInt32)
        let interface = bytes(UInt16(1)) + bytes(UInt16(0)) + bytes(0 as UInt32) + options
        let padding = [UInt8](repeating: 0, count: (4 - frame.count % 4) % 4)
        let packet =
            bytes(0 as UInt32) + bytes(UInt32(ticks >> 32)) + bytes(UInt32(truncatingIfNeeded: ticks))
            + bytes(UInt32(frame.count)) + bytes(UInt32(frame.count)) + frame + padding
        let section =
            bytes(0x1a2b_3c4d as UInt32) + bytes(UInt16(1)) + bytes(UInt16(0))
            + [UInt8](repeating: 0xff, count: 8)
        return block(0x0a0d_0d0a, section) + block(1, interface) + block(6, packet)
    }

    private func block(_ type: UInt32, _ body: [UInt8]) -> [UInt8] {
        let length = UInt32(body.count + 12)
        return bytes(type) + bytes(length) + body + bytes(length)
    }
}

let little = ByteOrder(isBig: false)
let big = ByteOrder(isBig: true)

@Suite struct PcapFiles {
    let folder = TemporaryFolder()

    @Test(
        arguments: [
            (little, 0xa1b2_c3d4, 250_000, 1_700_000_000_250_000_000),
            (big, 0xa1b2_c3d4, 250_000, 1_700_000_000_250_000_000),
            (little, 0xa1b2_3c4d, 250_000_001, 1_700_000_000_250_000_001),
            (big, 0xa1b2_3c4d, 250_000_001, 1_700_000_000_250_000_001),
        ] as [(ByteOrder, UInt32, UInt32, UInt64)])
    func bothOrdersAndResolutions(_ row: (order: ByteOrder, magic: UInt32, fraction: UInt32, time: UInt64)) throws {
        let frames: [[UInt8]] = [[UInt8](0..<60), [UInt8](repeating: 7, count: 1514)]
        let path = folder.file(
            "in.pcap",
            row.order.pcapHeader(magic: row.magic)
                + row.order.record(1_700_000_000, row.fraction, frames[0])
                + row.order.record(4_000_000_000, 0, frames[1]))
        let reader = try PcapReader(path: path)
        let first = try #require(try reader.next())
        #expect(first.bytes == frames[0])
        #expect(first.record.time == row.time && first.record.length == 60)
        let second = try #require(try reader.next())
        #expect(second.bytes == frames[1])
        #expect(second.record.time == 4_000_000_000_000_000_000)
        #expect(try reader.next() == nil)
        #expect(try reader.next() == nil)
        #expect(reader.frames == 2)
    }

    @Test(
        arguments: [
            (little, 6, 1_700_000_000_000_001, 1_700_000_000_000_001_000),
            (big, 9, 1_700_000_000_000_000_001, 1_700_000_000_000_000_001),
        ]
            as [(ByteOrder, UInt8, UInt64, UInt64)])
    func pcapng(_ row: (order: ByteOrder, resolution: UInt8, ticks: UInt64, time: UInt64)) throws {
        let frame = [UInt8](1...61)
        let bytes = row.order.pcapng(resolution: row.resolution, ticks: row.ticks, frame: frame)
        let reader = try PcapReader(path: folder.file("in.pcapng", bytes))
        let read = try #require(try reader.next())
        #expect(read.bytes == frame)
        #expect(read.record.time == row.time)
        #expect(try reader.next() == nil)
    }

    static let frame = [UInt8](repeating: 1, count: 60)

    @Test(
        arguments: [
            ("an empty file", [], "truncated dump file"),
            ("no pcap file", Array("services:\n  - 10.0.0.1\n".utf8), "unknown file format"),
            ("Linux cooked frames", little.pcapHeader(linkType: 113), "holds Linux cooked v1 frames; only Ethernet"),
            ("raw IP frames", little.pcapHeader(linkType: 101), "holds Raw IP frames; only Ethernet"),
            (
                "a record cut short",
                Array(
                    (little.pcapHeader() + little.record(1, 0, frame) + little.record(2, 0, frame))
                        .dropLast(9)), "frame 2: truncated dump file"
            ),
            (
                "a record header cut short", Array((little.pcapHeader() + little.record(1, 0, frame)).dropLast(70)),
                "frame 1: truncated dump file"
            ),
            (
                "a frame cut by the snapshot length", little.pcapHeader() + little.record(1, 0, frame, length: 1514),
                "frame 1: was captured only in part: 60 of 1514 bytes"
            ),
            (
                "a record longer than any frame",
                little.pcapHeader() + little.bytes(1 as UInt32) + little.bytes(0 as UInt32)
                    + little.bytes(0x7fff_ffff as UInt32) + little.bytes(0x7fff_ffff as UInt32), "frame 1: "
            ),
        ] as [(String, [UInt8], String)])
    func unreadable(_ row: (name: String, bytes: [UInt8], words: String)) throws {
        let path = folder.file("in.pcap", row.bytes)
        let error = try #require(throws: LinkError.self) {
            let reader = try PcapReader(path: path)
            while try reader.next() != nil {}
        }
        #expect(error.description.hasPrefix(path + ": "))
        #expect(error.description.contains(row.words), "\(error)")
    }

    @Test func missingFile() throws {
        let error = try #require(throws: LinkError.self) { try PcapReader(path: folder.path + "/none") }
        #expect(error.description == "\(folder.path)/none: No such file or directory")
        let refused = try #require(throws: LinkError.self) { try PcapWriter(path: "/none/out.pcap") }
        #expect(refused.description == "/none/out.pcap: No such file or directory")
    }

    @Test func frameLargerThanTheBuffer() throws {
        let path = folder.file("in.pcap", little.pcapHeader() + little.record(1, 0, Self.frame))
        let reader = try PcapReader(path: path)
        var small = [UInt8](repeating: 0, count: 59)
        let outcome = small.withBytes { buffer in Result { try reader.next(into: buffer) } }
        let error = try #require(throws: LinkError.self) { try outcome.get() }
        #expect(error.description == "\(path): frame 1: has 60 bytes, more than the 59 that fit")
    }

    @Test func writtenToTheByte() throws {
        let writer = try PcapWriter(path: folder.path + "/out.pcap")
        var frame = [UInt8](0..<60)
        try frame.withBytes { bytes in Result { try writer.write(bytes, seconds: 3, microseconds: 1) } }.get()
        try frame.withBytes { bytes in Result { try writer.write(bytes, time: 4_000_000_000_000_002_999) } }.get()
        try writer.close()
        #expect(
            folder.read("out.pcap") == little.pcapHeader() + little.record(3, 1, frame)
                + little.record(4_000_000_000, 2, frame))
        let late = try #require(throws: LinkError.self) {
            try frame.withBytes { bytes in Result { try writer.write(bytes, time: 0) } }.get()
        }
        #expect(late.description.hasSuffix("is closed"))
    }

    @Test func fullDisk() throws {
        let writer = try PcapWriter(path: "/dev/full")
        var frame = [UInt8](repeating: 0, count: 60_000)
        let error = try #require(throws: LinkError.self) {
            try frame.withBytes { bytes in Result { try writer.write(bytes, seconds: 0, microseconds: 0) } }.get()
            try writer.close()
        }
        #expect(error.description == "/dev/full: writing frame 1: No space left on device")
    }

    @Test func offloadHeaders() throws {
        let offload = Offload(
            flags: 1, segmentation: Offload.tcp4, headerLength: 66, segmentSize: 1448,
            checksumStart: 34, checksumOffset: 16)
        let writer = try VnetWriter(path: folder.path + "/in.eth0.vnet")
        try writer.write(Offload())
        try writer.write(offload)
        try writer.close()
        let bytes = folder.read("in.eth0.vnet")
        #expect(bytes == [UInt8](repeating: 0, count: 10) + [1, 1, 66, 0, 0xa8, 5, 34, 0, 16, 0])
        let reader = try VnetReader(path: folder.path + "/in.eth0.vnet")
        #expect(try reader.next() == Offload())
        #expect(try reader.next() == offload)
        #expect(try reader.next() == nil)
        let cut = try VnetReader(path: folder.file("cut", Array(bytes.dropLast())))
        _ = try cut.next()
        let error = try #require(throws: LinkError.self) { try cut.next() }
        #expect(error.description == "\(folder.path)/cut: header 2: cut off after 9 of 10 bytes")
    }
}
