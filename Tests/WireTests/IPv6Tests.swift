import PacketKit
import Testing
import Wire

/// As a Linux director sent it.
private let captured = hex(
    """
    6000 0000 001c 062d 2a05 7933 7117 0000 0000 0000 0000 6974 fd91 2556 0000 0000 0000 0000 0000 00c2
    40c6 d8e7 65c9 e1ee 0000 0000 7002 2000 6144 0000 0204 05b4 0103 0307
    """)

@Suite struct IPv6Tests {
    @Test func deconstructs() throws {
        try reading(captured.with(0x6b, 0x8a, 0xbc, 0xde, at: 0)) { bytes in
            let ip = try #require(IPv6Header(bytes))
            #expect(ip.trafficClass == 0xb8)
            #expect(ip.flowLabel == 0xabcde)
            #expect(ip.payloadLength == 28)
            #expect(ip.nextHeader == IPProtocol.tcp)
            #expect(ip.hopLimit == 45)
            #expect(ip.source == ipAddress("2a05:7933:7117::6974") && ip.destination == ipAddress("fd91:2556::c2"))
        }
    }

    @Test func constructs() {
        let bytes = written(40) {
            IPv6Header.write(
                to: $0, payloadLength: 28, nextHeader: IPProtocol.tcp, from: ipAddress("2a05:7933:7117::6974"),
                to: ipAddress("fd91:2556::c2"), hopLimit: 45)
        }
        #expect(bytes == Array(captured.prefix(40)))
        let full = written(40) {
            IPv6Header.write(
                to: $0, payloadLength: 0, nextHeader: 0, from: ipAddress("::1"), to: ipAddress("::2"),
                trafficClass: 0xb8, flowLabel: 0xfff_abcde)
        }
        #expect(Array(full.prefix(4)) == hex("6b8abcde"))
    }

    /// All 16 bytes are laid down, also of an address that is held as IPv4.
    @Test func constructsMappedAddresses() {
        let bytes = written(40) {
            IPv6Header.write(to: $0, payloadLength: 0, nextHeader: 59, from: ipAddress("192.0.2.1"), to: ipAddress("::ffff:10.0.0.1"))
        }
        #expect(bytes == hex("6000 0000 0000 3b40 0000 0000 0000 0000 0000 ffff c000 0201 0000 0000 0000 0000 0000 ffff 0a00 0001"))
    }

    @Test func everyFieldIsWrittenWhereItIsRead() {
        let bytes = changing(captured) { bytes in
            guard let ip = IPv6Header(bytes) else { return }
            ip.payloadLength = 0x102
            ip.nextHeader = 17
            ip.hopLimit = 9
            ip.source = ipAddress("1.2.3.4")
            ip.destination = ipAddress("2001:db8::5")
        }
        #expect(Array(bytes.prefix(40)) == hex("6000 0000 0102 1109 00000000000000000000ffff01020304 20010db8000000000000000000000005"))
    }

    @Test(arguments: [hex(""), Array(captured.prefix(39)), captured.with(0x45, at: 0), captured.with(0x70, at: 0)])
    func refuses(bytes: [UInt8]) { #expect(reading(bytes) { IPv6Header($0) == nil }) }

    private static let segment = Packet.tcp(from: "[2001:db8::1]:4000", to: "[2001:db8::2]:80")

    struct Chain: Sendable, CustomTestStringConvertible {
        let testDescription: String
        let packet: [UInt8]
        let proto: UInt8, offset: Int, fragmentHeader: Int, lastNextHeader: Int
    }

    @Test(arguments: [
        Chain(testDescription: "no extension header", packet: segment, proto: 6, offset: 40, fragmentHeader: 0, lastNextHeader: 6),
        Chain(
            testDescription: "one of each",
            packet: segment.extensionHeaders(.hopByHop(), .routing(words: 3), .destinationOptions(words: 2)),
            proto: 6, offset: 88, fragmentHeader: 0, lastNextHeader: 72),
        Chain(
            testDescription: "authentication header, whose length counts words of four bytes",
            packet: segment.extensionHeaders(.authentication(), .destinationOptions()),
            proto: 6, offset: 72, fragmentHeader: 0, lastNextHeader: 64),
        Chain(
            testDescription: "atomic fragment", packet: segment.extensionHeaders(.hopByHop(), .fragment()),
            proto: 6, offset: 56, fragmentHeader: 48, lastNextHeader: 40),
        Chain(
            testDescription: "options behind the fragment header of a first fragment",
            packet: segment.extensionHeaders(.fragment(more: true), .destinationOptions()),
            proto: 6, offset: 56, fragmentHeader: 40, lastNextHeader: 48),
        Chain(
            testDescription: "a later fragment ends the walk",
            packet: segment.extensionHeaders(.fragment(offset: 8), .destinationOptions()),
            proto: 60, offset: 48, fragmentHeader: 40, lastNextHeader: 6),
        Chain(
            testDescription: "no next header", packet: segment.extensionHeaders(.hopByHop()).with(59, at: 40),
            proto: 59, offset: 48, fragmentHeader: 0, lastNextHeader: 40),
        Chain(
            testDescription: "encryption hides the rest", packet: segment.with(50, at: 6), proto: 50, offset: 40, fragmentHeader: 0,
            lastNextHeader: 6),
    ])
    func follows(_ chain: Chain) throws {
        let found = try #require(reading(chain.packet) { IPv6Extensions($0) })
        #expect(found.proto == chain.proto)
        #expect(found.offset == chain.offset)
        #expect(found.fragmentHeader == chain.fragmentHeader)
        #expect(found.lastNextHeader == chain.lastNextHeader)
    }

    @Test func refusesASecondFragmentHeader() {
        #expect(reading(Self.segment.extensionHeaders(.fragment(), .fragment())) { IPv6Extensions($0) == nil })
    }

    /// Every length from the first byte of an extension header to the last but one.
    @Test(arguments: [ExtensionHeader.hopByHop(words: 2), .routing(), .destinationOptions(words: 4), .fragment(), .authentication()])
    func refusesTruncatedHeaders(header: ExtensionHeader) {
        let packet = Self.segment.extensionHeaders(header)
        let end = packet.count - 20
        for length in 40..<end { #expect(reading(packet) { IPv6Extensions($0.prefix(length)) == nil }, "\(length)") }
        #expect(reading(packet) { IPv6Extensions($0.prefix(end)) != nil })
    }

    @Test func refusesALengthBehindTheEnd() {
        #expect(reading(Self.segment.extensionHeaders(.hopByHop()).with(255, at: 41)) { IPv6Extensions($0) == nil })
    }

    @Test func aShortHeaderHasNoExtensions() {
        for length in 0..<40 { #expect(reading(Self.segment) { IPv6Extensions($0.prefix(length)) == nil }) }
    }
}
