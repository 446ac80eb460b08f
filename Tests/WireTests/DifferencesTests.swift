import PacketKit
import Testing
import Wire

@Suite struct DifferencesTests {
    private static func syn(_ destination: Endpoint = "10.0.0.1:80", seq: UInt32 = 1, ttl: UInt8 = 63, payload: [UInt8] = []) -> [UInt8] {
        Packet.tcp(from: "192.0.2.1:4000", to: destination, seq: seq, payload: payload, ttl: ttl, id: 7)
    }
    private static let udp6 = Packet.udp(from: "[2001:db8::1]:4000", to: "[2001:db8::2]:53", payload: hex("61 62 63"))

    private func differences(_ expected: [UInt8], _ actual: [UInt8]) -> [String] {
        reading(expected) { expected in reading(actual) { PacketDescription.differences(expected, $0) } }
    }

    @Test(
        arguments: [
            (syn().ethernet(), syn().ethernet(), []),
            (
                syn().ethernet(), syn(ttl: 62).ethernet(to: "02:00:00:00:00:09"),
                ["Ethernet destination: expected 02:00:00:00:00:02, actual 02:00:00:00:00:09", "IPv4 ttl: expected 63, actual 62"]
            ),
            // Checksums that follow a changed field are right, and nothing to tell.
            (
                syn().ethernet(), syn("10.0.0.2:81", seq: 9).ethernet(),
                [
                    "IPv4 destination: expected 10.0.0.1, actual 10.0.0.2", "TCP destination port: expected 80, actual 81",
                    "TCP seq: expected 1, actual 9",
                ]
            ),
            (syn().ethernet(), syn().with(9, at: 36).ethernet(), ["TCP checksum: expected valid, actual 0x09ef"]),
            (
                syn().ethernet(), syn().with(9, at: 8).ethernet(),
                ["IPv4 ttl: expected 63, actual 9", "IPv4 checksum: expected valid, actual 0x6fc7"]
            ),
            (
                syn(payload: hex("61 62 63 64")).ethernet(), syn(payload: hex("61 62 65 66")).ethernet(),
                ["TCP payload from byte 2: expected 6364, actual 6566"]
            ),
            (
                syn(payload: hex("61 62")).ethernet(), syn().ethernet(),
                ["IPv4 len: expected 42, actual 40", "TCP payload: expected 6162, actual none"]
            ),
            (syn().ethernet(), syn().ethernet() + [0, 0], ["IPv4 padding: expected none, actual 0000"]),
            (syn().ethernet(), syn().ethernet().vlan(5), ["VLAN: expected none, actual there"]),
            (syn().ethernet().vlan(4).vlan(9), syn().ethernet().vlan(5).vlan(9), ["VLAN id 2: expected 4, actual 5"]),
            (
                syn().ethernet(), Packet.udp(from: "192.0.2.1:4000", to: "10.0.0.1:80", ttl: 63, id: 7, df: true).ethernet(),
                [
                    "IPv4 len: expected 40, actual 28", "IPv4 protocol: expected 6, actual 17", "TCP: expected, actual none",
                    "UDP: expected none, actual there",
                ]
            ),
            (
                syn().ipip(from: "10.9.0.1", to: "10.9.0.2").ethernet(),
                syn(ttl: 62).ipip(from: "10.9.0.1", to: "10.9.0.3", ttl: 63).ethernet(),
                ["IPv4 destination: expected 10.9.0.2, actual 10.9.0.3", "inner IPv4 ttl: expected 63, actual 62"]
            ),
            (
                syn().gre(from: "10.9.0.1", to: "10.9.0.2", key: 7).ethernet(),
                syn().gre(from: "10.9.0.1", to: "10.9.0.2", key: 8).ethernet(),
                ["GRE key: expected 0x00000007, actual 0x00000008"]
            ),
            (
                syn().gue(from: "10.9.0.1:1", to: "10.9.0.2:6080").ethernet(),
                syn(seq: 2).gue(from: "10.9.0.1:2", to: "10.9.0.2:6080", checksum: true).ethernet(),
                [
                    "UDP source port: expected 1, actual 2", "UDP checksum: expected none, actual valid",
                    "inner TCP seq: expected 1, actual 2",
                ]
            ),
            (
                Packet.tooBig(from: "10.0.0.9", to: "192.0.2.1", mtu: 1400, quoting: syn()).ethernet(),
                Packet.tooBig(from: "10.0.0.9", to: "192.0.2.1", mtu: 1480, quoting: syn(ttl: 62)).ethernet(),
                ["ICMP rest: expected 0x00000578, actual 0x000005c8", "quoted IPv4 ttl: expected 63, actual 62"]
            ),
            (
                udp6.extensionHeaders(.hopByHop(), .fragment(id: 1)).ethernet(),
                udp6.extensionHeaders(.destinationOptions(), .fragment(id: 2)).ethernet(),
                [
                    "IPv6 hop-by-hop: expected 00010400000000, actual none", "IPv6 fragment id: expected 0x00000001, actual 0x00000002",
                    "IPv6 destination-options: expected none, actual 00010400000000",
                ]
            ),
            (
                Packet.sctp(from: "10.0.0.1:1", to: "10.0.0.2:2", chunks: [.cookieEcho, .data(hex("61"))]).ethernet(),
                Packet.sctp(from: "10.0.0.1:1", to: "10.0.0.2:2", tag: 5, chunks: [.cookieEcho, .data(hex("62"))]).ethernet(),
                ["SCTP tag: expected 0x01020304, actual 0x00000005", "SCTP DATA from byte 16: expected 61000000, actual 62000000"]
            ),
            (
                Packet.arp(request: true, senderMAC: "02:00:00:00:00:01", sender: "10.0.0.1", target: "10.0.0.2"),
                Packet.arp(request: true, senderMAC: "02:00:00:00:00:01", sender: "10.0.0.1", target: "10.0.0.3"),
                ["ARP target: expected 10.0.0.2, actual 10.0.0.3"]
            ),
        ] as [([UInt8], [UInt8], [String])])
    func names(expected: [UInt8], actual: [UInt8], lines: [String]) { #expect(differences(expected, actual) == lines) }

    /// Both forms of a checksum of nothing are right, but the frames are not the same to the byte.
    @Test func sameFieldsOtherBytes() throws {
        // The id makes the sum of the other words 0xffff.
        var packet = Packet.udp(from: "192.0.2.1:1", to: "10.0.0.1:2", checksum: false).with(0, 0, 0, 0, at: 4)
        let sum = SlowChecksum.internet(Array(packet[..<20]).with(0, 0, at: 10))
        packet = packet.with(UInt8(sum >> 8), UInt8(sum & 255), at: 4)
        let zero = packet.with(0, 0, at: 10).ethernet(), ones = packet.with(0xff, 0xff, at: 10).ethernet()
        #expect(differences(zero, ones) == ["byte 24: expected 0x00, actual 0xff", "byte 25: expected 0x00, actual 0xff"])
    }

    /// Every bit of a frame belongs to some named field.
    @Test(arguments: [
        syn(payload: hex("61 62 63")).ethernet(), syn().ipOptions(hex("94 04 00 00")).ethernet().vlan(5), udp6.ethernet(),
        udp6.extensionHeaders(.hopByHop(), .routing(), .authentication(), .destinationOptions()).ethernet(),
        syn().gre(from: "10.9.0.1", to: "10.9.0.2", checksum: true, key: 1, sequence: 2).ethernet(),
        syn().gue(from: "10.9.0.1:1", to: "10.9.0.2:6080", flags: 1, options: hex("80000000 00140024")).ethernet(),
        Packet.sctp(from: "10.0.0.1:1", to: "10.0.0.2:2", chunks: [.initiation(), .data(hex("61"))]).ethernet(),
        Packet.tooBig(from: "2001:db8::9", to: "2001:db8::1", mtu: 1400, quoting: udp6).ethernet(),
        Packet.arp(request: true, senderMAC: "02:00:00:00:00:01", sender: "10.0.0.1", target: "10.0.0.2"),
        udp6.fragments(8)[0].ethernet(), udp6.fragments(8)[1].ethernet(),
    ])
    func everyBitIsNamed(frame: [UInt8]) {
        for bit in 0..<frame.count * 8 {
            var changed = frame
            changed[bit / 8] ^= 0x80 >> UInt8(bit % 8)
            let lines = differences(frame, changed)
            #expect(!lines.isEmpty && !lines.contains { $0.hasPrefix("byte ") || $0.hasPrefix("frame") }, "bit \(bit): \(lines)")
        }
    }

    @Test func fieldsComeInOrder() {
        let fields = reading(Self.syn().ethernet()) { PacketDescription.fields(of: $0) }
        #expect(
            fields.prefix(5).map { "\($0.header) \($0.name) \($0.value)" } == [
                "Ethernet destination 02:00:00:00:00:02", "Ethernet source 02:00:00:00:00:01", "Ethernet type 0x0800",
                "IPv4 source 192.0.2.1", "IPv4 destination 10.0.0.1",
            ])
    }
}
