import PacketKit
import Testing
import Wire

/// The header of a Time Protocol request to 192.168.0.199, a textbook example of the checksum.
private let textbook = hex("4500 0073 0000 4000 4011 b861 c0a8 0001 c0a8 00c7")

@Suite struct IPv4Tests {
    @Test func deconstructs() throws {
        let bytes = hex("46b8 001c abcd 2003 3f06 0000 c000 0201 0a00 0001 0101 0101 de ad be ef")
        try reading(bytes) { bytes in
            let ip = try #require(IPv4Header(bytes))
            #expect(ip.length == 24)
            #expect(ip.typeOfService == 0xb8)
            #expect(ip.totalLength == 28)
            #expect(ip.id == 0xabcd)
            #expect(!ip.dontFragment && ip.moreFragments && ip.isFragment)
            #expect(ip.fragmentOffset == 24)
            #expect(ip.timeToLive == 63)
            #expect(ip.proto == IPProtocol.tcp)
            #expect(ip.source == ipAddress("192.0.2.1") && ip.destination == ipAddress("10.0.0.1"))
            #expect(!ip.hasValidChecksum)
            ip.fillChecksum()
            #expect(ip.hasValidChecksum)
            #expect(SlowChecksum.internet(Array(bytes.array.prefix(24))) == 0)
        }
    }

    @Test func constructs() {
        let bytes = written(20) {
            IPv4Header.write(
                to: $0, totalLength: 0x73, proto: IPProtocol.udp, from: ipAddress("192.168.0.1"),
                to: ipAddress("192.168.0.199"), dontFragment: true)
        }
        #expect(bytes == textbook)
    }

    @Test func everyFieldIsWrittenWhereItIsRead() {
        let bytes = changing(textbook) { bytes in
            guard let ip = IPv4Header(bytes) else { return }
            ip.typeOfService = 0x2e
            ip.totalLength = 40
            ip.id = 0x1234
            ip.fragmentWord = 0x2001
            ip.timeToLive = 1
            ip.proto = 6
            ip.source = ipAddress("1.2.3.4")
            ip.destination = ipAddress("5.6.7.8")
            ip.fillChecksum()
        }
        #expect(bytes == hex("452e 0028 1234 2001 0106 \(hexText(Array(bytes[10..<12]))) 01020304 05060708"))
        #expect(SlowChecksum.internet(bytes) == 0)
    }

    private static let refused: [(bytes: [UInt8], what: String)] = [
        ([], "nothing"),
        ([0x45], "one byte"),
        (Array(textbook.prefix(19)), "a byte too few"),
        (textbook.with(0x55, at: 0), "version 5"),
        (textbook.with(0x65, at: 0), "version 6"),
        (textbook.with(0x44, at: 0), "a header of 16 bytes"),
        (textbook.with(0x40, at: 0), "a header of no bytes"),
        (textbook.with(0x46, at: 0), "options behind the end"),
        (textbook.with(0x4f, at: 0) + hex("01 01 01 01"), "half of the options"),
    ]

    @Test(arguments: refused)
    func refuses(bytes: [UInt8], what: String) {
        #expect(reading(bytes) { IPv4Header($0) == nil }, "\(what)")
    }

    @Test func acceptsTheLongestHeader() {
        #expect(reading([0x4f] + textbook.dropFirst() + [UInt8](repeating: 1, count: 40)) { IPv4Header($0)?.length } == 60)
    }

    @Test func checksumOfOneFlippedBitIsWrong() {
        for bit in 0..<160 where bit / 8 != 0 {
            var bytes = textbook
            bytes[bit / 8] ^= 1 << UInt8(bit % 8)
            #expect(reading(bytes) { IPv4Header($0)?.hasValidChecksum } == false, "bit \(bit)")
        }
    }

    /// The quick sum of a header without options carries as the slow one does.
    @Test func quickValidationAgreesWithTheSlowSum() {
        var dice = SeededGenerator(seed: 1)
        for round in 0..<5000 {
            var bytes = [0x45] + dice.bytes(19)
            if round % 4 == 0 { for i in 2..<18 { bytes[i] = 0xff } }
            if round % 2 == 0 {
                bytes.replaceSubrange(10..<12, with: [0, 0])
                let sum = SlowChecksum.internet(bytes)
                bytes.replaceSubrange(10..<12, with: [UInt8(sum >> 8), UInt8(sum & 255)])
            }
            #expect(reading(bytes) { IPv4Header($0)?.hasValidChecksum } == (SlowChecksum.internet(bytes) == 0))
        }
    }
}
