import PacketKit
import Testing
import Wire

@Suite struct LinkLayerTests {
    @Test func ethernet() throws {
        try reading(hex("02 00 00 00 00 02 02 00 00 00 00 01 08 00 45")) { bytes in
            let ethernet = try #require(EthernetHeader(bytes))
            #expect(ethernet.destination == macAddress("02:00:00:00:00:02") && ethernet.source == macAddress("02:00:00:00:00:01"))
            #expect(ethernet.type == EtherType.ipv4 && ethernet.length == 14 && !ethernet.isTagged && ethernet.vlan == 0)
            ethernet.destination = macAddress("0a:0b:0c:0d:0e:0f")
            ethernet.source = macAddress("1a:1b:1c:1d:1e:1f")
            ethernet.type = EtherType.ipv6
            #expect(bytes.array == hex("0a0b0c0d0e0f 1a1b1c1d1e1f 86dd 45"))
        }
    }

    @Test(arguments: [0x8100, 0x88a8] as [UInt16])
    func taggedEthernet(tag: UInt16) throws {
        let frame = Packet.udp(from: "10.0.0.1:1", to: "10.0.0.2:2").ethernet().vlan(0xabc, priority: 5, type: tag)
        try reading(frame) { bytes in
            let ethernet = try #require(EthernetHeader(bytes))
            #expect(ethernet.isTagged && ethernet.vlan == 0xabc && ethernet.type == EtherType.ipv4 && ethernet.length == 18)
            ethernet.type = EtherType.ipv6
            #expect(bytes.big16(at: 12) == tag && bytes.big16(at: 16) == EtherType.ipv6)
        }
        for length in 0..<18 { #expect(reading(frame) { EthernetHeader($0.prefix(length)) == nil }) }
    }

    @Test func ethernetRefusesThirteenBytes() {
        let frame = [UInt8](repeating: 0, count: 14)
        for length in 0..<14 { #expect(reading(frame) { EthernetHeader($0.prefix(length)) == nil }) }
        #expect(reading(frame) { EthernetHeader($0) != nil })
    }

    private static let reply = hex("0001 0800 06 04 0002 020000000001 c0000201 020000000002 0a000001")

    @Test func arp() throws {
        // The padding of a frame of 60 bytes is none of its business.
        try reading(Self.reply + [UInt8](repeating: 0, count: 18)) { bytes in
            let arp = try #require(ARPPacket(bytes))
            #expect(arp.operation == .reply)
            #expect(arp.senderMAC == macAddress("02:00:00:00:00:01") && arp.sender == ipAddress("192.0.2.1"))
            #expect(arp.targetMAC == macAddress("02:00:00:00:00:02") && arp.target == ipAddress("10.0.0.1"))
            arp.operation = .request
            arp.senderMAC = macAddress("0a:00:00:00:00:0a")
            arp.sender = ipAddress("1.2.3.4")
            arp.targetMAC = .zero
            arp.target = ipAddress("5.6.7.8")
            #expect(bytes.prefix(28).array == hex("0001 0800 06 04 0001 0a000000000a 01020304 000000000000 05060708"))
        }
        let bytes = written(28) {
            ARPPacket.write(
                to: $0, operation: .reply, senderMAC: macAddress("02:00:00:00:00:01"), sender: ipAddress("192.0.2.1"),
                targetMAC: macAddress("02:00:00:00:00:02"), target: ipAddress("10.0.0.1"))
        }
        #expect(bytes == Self.reply)
    }

    @Test(arguments: [
        reply.with(6, at: 1), reply.with(0x86, 0xdd, at: 2), reply.with(8, at: 4), reply.with(16, at: 5), Array(reply.prefix(27)), [],
    ])
    func arpRefuses(bytes: [UInt8]) { #expect(reading(bytes) { ARPPacket($0) == nil }) }

    /// An answer to 2001:db8::2, checksum computed outside of this code.
    private static let advertisement = hex("8800 8a73 60000000 20010db8000000000000000000000001 02 01 020000000001")

    @Test func neighborAdvertisement() throws {
        let source = ipAddress("2001:db8::1"), destination = ipAddress("2001:db8::2"), mac = macAddress("02:00:00:00:00:01")
        let bytes = written(NeighborMessage.length) {
            NeighborMessage.writeAdvertisement(to: $0, from: source, to: destination, target: source, targetMAC: mac, solicited: true)
        }
        #expect(bytes == Self.advertisement)
        try reading(bytes) { bytes in
            let message = try #require(NeighborMessage(bytes))
            #expect(!message.isSolicitation && !message.isRouter && message.isSolicited && message.isOverride)
            #expect(message.target == source && message.linkAddress == mac)
            #expect(message.hasValidChecksum(from: source, to: destination))
            #expect(!message.hasValidChecksum(from: source, to: ipAddress("2001:db8::3")))
        }
    }

    @Test func unsolicitedAdvertisementAgreesWithThePacketKit() {
        let packet = Packet.neighborAdvertisement(from: "2001:db8::1", target: "2001:db8::1", linkAddress: "02:00:00:00:00:01")
        let bytes = written(NeighborMessage.length) {
            NeighborMessage.writeAdvertisement(
                to: $0, from: ipAddress("2001:db8::1"), to: ipAddress("ff02::1"),
                target: ipAddress("2001:db8::1"), targetMAC: macAddress("02:00:00:00:00:01"))
        }
        #expect(bytes == Array(packet.dropFirst(40)))
    }

    @Test func aSolicitationIsRead() {
        let packet = Packet.neighborSolicitation(from: "fe80::1", target: "2001:db8::12:3456", linkAddress: "02:00:00:00:00:01")
        let bytes = Array(packet.dropFirst(40))
        #expect(reading(bytes) { NeighborMessage($0)?.isSolicitation } == true)
        #expect(reading(bytes) { NeighborMessage($0)?.linkAddress } == macAddress("02:00:00:00:00:01"))
    }

    @Test func linkAddressIsFoundBehindOtherOptions() {
        let nonce = hex("0e 01 010203040506"), wrongKind = hex("01 01 0a0a0a0a0a0a")
        let bytes = Array(Self.advertisement.prefix(24)) + nonce + wrongKind + Array(Self.advertisement.suffix(8))
        #expect(reading(bytes) { NeighborMessage($0)?.linkAddress } == macAddress("02:00:00:00:00:01"))
        #expect(reading(Array(bytes.prefix(40))) { NeighborMessage($0).map { $0.linkAddress == nil } } == true)
        #expect(reading(Array(bytes.prefix(24))) { NeighborMessage($0).map { $0.linkAddress == nil } } == true)
    }

    @Test(arguments: [
        advertisement.with(134, at: 0), advertisement.with(1, at: 1), advertisement.with(0, at: 25), advertisement.with(2, at: 25),
        Array(advertisement.prefix(23)), Array(advertisement.prefix(31)), Array(advertisement.prefix(25)), advertisement + [1], [],
    ])
    func neighborMessageRefuses(bytes: [UInt8]) { #expect(reading(bytes) { NeighborMessage($0) == nil }) }
}
