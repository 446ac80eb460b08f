import PacketKit
import Testing
import Wire

@Suite struct TransportTests {
    @Test func tcp() throws {
        let bytes = hex("0fa0 0050 0102 0304 0506 0708 b0d2 1234 abcd 5678 0204 05b4 0101 0402 0303 0701 0000 0000 0000 0000 0000 0000 ff")
        try reading(bytes) { bytes in
            let tcp = try #require(TCPHeader(bytes))
            #expect(tcp.sourcePort == 4000 && tcp.destinationPort == 80)
            #expect(tcp.sequence == 0x0102_0304 && tcp.acknowledgment == 0x0506_0708)
            #expect(tcp.length == 44)
            #expect(tcp.flags == [.syn, .ack, TCPFlags(rawValue: 0xc0)])
            #expect(tcp.flags.letters == "SAEC")
            #expect(tcp.window == 0x1234 && tcp.checksum == 0xabcd)
        }
        let rewritten = changing([UInt8](repeating: 0xa5, count: 20)) { bytes in
            guard let tcp = TCPHeader(bytes) else { return }
            tcp.sourcePort = 1
            tcp.destinationPort = 2
            tcp.sequence = 3
            tcp.acknowledgment = 4
            tcp.flags = [.fin, .psh]
            tcp.checksum = 5
        }
        #expect(rewritten == hex("0001 0002 00000003 00000004 a509 a5a5 0005 a5a5"))
    }

    @Test func tcpRefusesNineteenBytes() {
        let bytes = [UInt8](repeating: 0xff, count: 20)
        for length in 0..<20 { #expect(reading(bytes) { TCPHeader($0.prefix(length)) == nil }) }
        // The data offset may lie: a reset needs no options to be read.
        #expect(reading(bytes) { TCPHeader($0)?.length } == 60)
    }

    @Test func udp() throws {
        // As a Linux director sent it, without payload.
        try reading(hex("dada 0035 0008 4952")) { bytes in
            let udp = try #require(UDPHeader(bytes))
            #expect(udp.sourcePort == 0xdada && udp.destinationPort == 53 && udp.length == 8 && udp.checksum == 0x4952)
            #expect(Checksum.of(bytes, from: ipAddress("23.167.195.62"), to: ipAddress("10.65.246.85"), proto: 17) == 0)
            udp.sourcePort = 1
            udp.destinationPort = 2
            udp.length = 3
            udp.checksum = 4
            #expect(bytes.array == hex("0001 0002 0003 0004"))
        }
        for length in 0..<8 { #expect(reading(hex("dada 0035 0008 4952")) { UDPHeader($0.prefix(length)) == nil }) }
    }

    /// A sum that comes out as 0 travels as 0xffff, for 0 means that there is none (RFC 768).
    @Test func udpChecksumThatComesOutAsZero() {
        // Ports and payload that add up to 0xffff.
        let sum = UInt16(
            truncatingIfNeeded: Int(
                SlowChecksum.transport(
                    hex("0001 0002 000a 0000 0000"), from: ipAddress("10.0.0.1"),
                    to: ipAddress("10.0.0.2"), proto: 17)))
        let packet = Packet.udp(from: "10.0.0.1:1", to: "10.0.0.2:2", payload: [UInt8(sum >> 8), UInt8(sum & 255)])
        #expect(Array(packet[26..<28]) == [0xff, 0xff])
        #expect(reading(packet) { Checksum.of($0.dropFirst(20), from: ipAddress("10.0.0.1"), to: ipAddress("10.0.0.2"), proto: 17) } == 0)
    }

    @Test func icmp() throws {
        // As a Linux director forwarded it: fragmentation needed, MTU 1400.
        try reading(hex("0304 d19a 0000 0578 4500 0154 2367 4000 3206 be4b cb00 714d 970c 9297 1f41 065b 0000 004d")) { bytes in
            let icmp = try #require(ICMPHeader(bytes))
            #expect(icmp.type == ICMPType.unreachable && icmp.code == 4 && icmp.checksum == 0xd19a && icmp.rest == 1400)
            #expect(Checksum.of(bytes) == 0)
            #expect(IPv4Header(bytes.dropFirst(8))?.hasValidChecksum == true)
            icmp.checksum = 0x0102
            icmp.rest = 0x0304_0506
            #expect(bytes.prefix(8).array == hex("0304 0102 03040506"))
        }
        for length in 0..<8 { #expect(reading(hex("0304 d19a 0000 0578")) { ICMPHeader($0.prefix(length)) == nil }) }
    }

    @Test func icmpv6() {
        // As a Linux director sent it: time exceeded.
        let packet = hex(
            """
            6000 0000 0038 3a3b 2a03 8138 6236 0000 0000 0000 0000 0226 2001 0db8 2624 0000 0000 0000 0000 6752 0300 3356 0000 0000
            6000 0000 0050 0632 2001 0db8 2624 0000 0000 0000 0000 6752 2a08 2979 2117 0000 0000 0000 0000 5811 45f8 ca1b 0000 0000
            """)
        reading(packet) { bytes in
            #expect(Checksum.of(bytes.dropFirst(40), from: bytes.ipv6(at: 8), to: bytes.ipv6(at: 24), proto: IPProtocol.icmpv6) == 0)
            #expect(ICMPHeader(bytes.dropFirst(40))?.type == ICMPv6Type.timeExceeded)
        }
    }

    @Test func sctp() throws {
        let bytes = hex("0fa0 0050 01020304 00000000 0a 00 0006 aabb 0000 00 03 0014 00000001 0000 0000 00000000 61626364")
        try reading(bytes) { bytes in
            let sctp = try #require(SCTPHeader(bytes))
            #expect(sctp.sourcePort == 4000 && sctp.destinationPort == 80)
            #expect(sctp.firstChunk == 10 && sctp.secondChunk == 0)
            #expect(!sctp.hasValidChecksum)
            sctp.fillChecksum()
            #expect(sctp.hasValidChecksum)
            #expect(Array(bytes.array[8..<12]) == SlowChecksum.crc32c(bytes.array.with(0, 0, 0, 0, at: 8)))
            sctp.sourcePort = 1
            sctp.destinationPort = 2
            #expect(bytes.prefix(4).array == hex("0001 0002"))
            #expect(!sctp.hasValidChecksum)
        }
        for length in 0..<12 { #expect(reading(bytes) { SCTPHeader($0.prefix(length)) == nil }) }
        for length in 12..<16 { #expect(reading(bytes) { SCTPHeader($0.prefix(length))?.firstChunk } == nil) }
    }

    @Test(arguments: [(0, nil), (3, nil), (4, 0xaa), (5, 0xbb), (8, 0xbb), (9, nil), (0xffff, nil)] as [(UInt16, UInt8?)])
    func sctpChunkLengthsThatCannotBe(length: UInt16, second: UInt8?) {
        let bytes = hex("0fa0 0050 01020304 00000000 0b 00 \(hexText([UInt8(length >> 8), UInt8(length & 255)])) aa 00 0004 bb 00 0004")
        #expect(reading(bytes) { SCTPHeader($0)?.secondChunk } == second)
    }
}
