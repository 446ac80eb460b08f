import PacketKit
import Testing
import Wire

@Suite struct TunnelTests {
    private static let inner = Packet.udp(from: "192.0.2.1:4000", to: "10.0.0.1:53", payload: hex("61 62 63"))

    struct Row: Sendable, CustomTestStringConvertible {
        let testDescription: String
        let header: [UInt8]
        var key: UInt32?, sequence: UInt32?, checksum: UInt16?
    }

    @Test(arguments: [
        Row(testDescription: "plain", header: hex("0000 0800")),
        Row(testDescription: "IPv6 inside", header: hex("0000 86dd")),
        Row(testDescription: "key", header: hex("2000 0800 00000007"), key: 7),
        Row(testDescription: "sequence", header: hex("1000 0800 00000009"), sequence: 9),
        Row(testDescription: "checksum", header: hex("8000 0800 1234 0000"), checksum: 0x1234),
        Row(testDescription: "all", header: hex("b000 0800 1234 0000 00000007 00000009"), key: 7, sequence: 9, checksum: 0x1234),
    ])
    func greDeconstructs(_ row: Row) throws {
        try reading(row.header + hex("45 00")) { bytes in
            let gre = try #require(GREHeader(bytes))
            #expect(gre.length == row.header.count)
            #expect(gre.key == row.key && gre.sequence == row.sequence && gre.checksum == row.checksum)
            #expect(gre.proto == bytes.big16(at: 2))
            #expect(gre.payload.array == hex("45 00"))
        }
        for length in 0..<row.header.count { #expect(reading(row.header) { GREHeader($0.prefix(length)) == nil }, "\(length)") }
    }

    @Test(arguments: [
        hex("4000 0800"), hex("0800 0800"), hex("0400 0800"), hex("0001 880b 0000 0000"), hex("0007 0800"),
        hex("b000 0800 0000 0000 00000007 000000"), [],
    ])
    func greRefuses(bytes: [UInt8]) { #expect(reading(bytes) { GREHeader($0) == nil }) }

    @Test(arguments: [(false, nil, nil), (true, nil, nil), (false, 7, nil), (true, 7, 9), (true, nil, 9)] as [(Bool, UInt32?, UInt32?)])
    func greConstructs(checksum: Bool, key: UInt32?, sequence: UInt32?) {
        let wanted = Array(Self.inner.gre(from: "10.0.0.1", to: "10.0.0.2", checksum: checksum, key: key, sequence: sequence).dropFirst(20))
        let length = wanted.count - Self.inner.count
        let bytes = changing([UInt8](repeating: 0xa5, count: length) + Self.inner) {
            GREHeader.write(to: $0, proto: EtherType.ipv4, checksum: checksum, key: key, sequence: sequence)
        }
        #expect(bytes == wanted)
        #expect(reading(bytes) { GREHeader($0)?.hasValidChecksum } == true)
        guard checksum else { return }
        for at in [2, length, bytes.count - 1] {
            #expect(reading(bytes.with(bytes[at] ^ 1, at: at)) { GREHeader($0)?.hasValidChecksum } == false)
        }
    }

    @Test func gueDeconstructs() throws {
        // As a Linux director sent it: no options, IPv4 inside.
        try reading(hex("0004 0000 4510 0028")) { bytes in
            let gue = try #require(GUEHeader(bytes))
            #expect(gue.variant == 0 && !gue.isControl && gue.length == 4 && gue.proto == 4 && gue.flags == 0)
            #expect(gue.remoteChecksum == nil && gue.payload.array == hex("4510 0028"))
        }
        try reading(hex("02 04 00 01 80 00 00 00 00 14 00 24 45")) { bytes in
            let gue = try #require(GUEHeader(bytes))
            #expect(gue.length == 12 && gue.flags == 1 && gue.privateFlags == 0x8000_0000)
            #expect(gue.remoteChecksum.map { [$0.start, $0.field] } == [20, 36])
            #expect(gue.payload.array == [0x45])
        }
        try reading(hex("20 01 00 00")) { bytes in
            let gue = try #require(GUEHeader(bytes))
            #expect(gue.isControl && gue.variant == 0 && gue.payload.count == 0)
        }
    }

    @Test(arguments: [(hex("4510 0028"), 4), (hex("6000 0000"), 41)] as [([UInt8], UInt8)])
    func gueVariantOneIsTheInnerPacket(bytes: [UInt8], proto: UInt8) {
        reading(bytes) { bytes in
            let gue = GUEHeader(bytes)
            #expect(gue?.variant == 1 && gue?.length == 0 && gue?.proto == proto && gue?.isControl == false)
            #expect(gue?.flags == 0 && gue?.remoteChecksum == nil && gue?.payload.count == 4)
        }
    }

    @Test(arguments: [
        [], hex("00 04 00"), hex("01 04 00 00"), hex("1f 04 00 00 00"), hex("50 00 00 00"), hex("70 00 00 00"), hex("80 04 00 00"),
        hex("c0 04 00 00"),
    ])
    func gueRefuses(bytes: [UInt8]) { #expect(reading(bytes) { GUEHeader($0) == nil }) }

    /// The private flags promise an option that the header has no room for.
    @Test func gueOptionWithoutRoom() {
        #expect(reading(hex("01 04 00 01 80 00 00 00")) { GUEHeader($0).map { $0.remoteChecksum == nil } } == true)
        #expect(reading(hex("00 04 00 01 80 00 00 00")) { GUEHeader($0)?.privateFlags } == 0)
        // Another option stands in front, which this does not read.
        #expect(reading(hex("02 04 80 01 80 00 00 00 00 14 00 24")) { GUEHeader($0).map { $0.remoteChecksum == nil } } == true)
    }

    @Test func gueConstructs() {
        #expect(written(4) { GUEHeader.write(to: $0, proto: IPProtocol.ipv6) } == hex("00 29 00 00"))
        #expect(
            written(12) { GUEHeader.write(to: $0, proto: IPProtocol.ipip, remoteChecksumFrom: 20, storedAt: 36) }
                == hex("02 04 00 01 80 00 00 00 00 14 00 24"))
    }
}
