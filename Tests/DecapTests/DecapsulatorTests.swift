import Decap
import PacketKit
import Testing
import Wire

/// What comes out of one outer packet: the inner one, or the reason.
private func unwrap(_ packet: [UInt8], _ decapsulator: Decapsulator) -> (outcome: Decapsulator.Outcome, inner: [UInt8]) {
    var packet = packet
    let outcome = packet.withBytes { decapsulator.unwrap($0) }
    guard case .inner(let inner) = outcome else { return (outcome, []) }
    return (outcome, Array(packet[inner.offset..<(inner.offset + inner.length)]))
}

private let director: Endpoint = "10.2.0.1:40000", server: Endpoint = "10.2.0.11:6080"
private let director6: Endpoint = "[fd00::1]:40000", server6: Endpoint = "[fd00::11]:6080"
private let segment = Packet.tcp(from: "192.0.2.1:1000", to: "10.9.0.1:80", flags: .ack, payload: Array("hello".utf8))
private let segment6 = Packet.tcp(from: "[2001:db8::1]:1000", to: "[2001:db8:9::1]:80", flags: .ack, payload: Array("hello".utf8))

@Suite struct DecapsulatorTests {
    struct Case: Sendable, CustomTestStringConvertible {
        var testDescription: String
        var kind: Decapsulator.Kind
        var packet: [UInt8]
        var inner: [UInt8]

        init(_ text: String, _ kind: Decapsulator.Kind, _ packet: [UInt8], is inner: [UInt8]) {
            testDescription = text
            self.kind = kind
            self.packet = packet
            self.inner = inner
        }
    }

    @Test(
        "Every tunnel, every pair of families",
        arguments: [
            Case("4 in 4", .ipip, segment.ipip(from: director, to: server), is: segment),
            Case("6 in 4", .ipip, segment6.ipip(from: director, to: server), is: segment6),
            Case("4 in 6", .ipip, segment.ipip(from: director6, to: server6), is: segment),
            Case("6 in 6", .ipip, segment6.ipip(from: director6, to: server6), is: segment6),
            Case("GUE 0, 4 in 4", .gue, segment.gue(from: director, to: server), is: segment),
            Case("GUE 0, 6 in 4, checksum", .gue, segment6.gue(from: director, to: server, checksum: true), is: segment6),
            Case("GUE 0, 4 in 6", .gue, segment.gue(from: director6, to: server6), is: segment),
            Case("GUE 0, 6 in 6, checksum", .gue, segment6.gue(from: director6, to: server6, checksum: true), is: segment6),
            Case("GUE 1, 4 in 4", .gue, segment.gue(from: director, to: server, variant: 1), is: segment),
            Case("GUE 1, 6 in 6", .gue, segment6.gue(from: director6, to: server6, variant: 1), is: segment6),
            Case(
                "GUE 0 with room for options and none in it", .gue, segment.gue(from: director, to: server, options: [0, 0, 0, 0]),
                is: segment),
            Case("GRE, 4 in 4", .gre, segment.gre(from: director, to: server), is: segment),
            Case("GRE, 6 in 6", .gre, segment6.gre(from: director6, to: server6), is: segment6),
            Case(
                "GRE with checksum, key and number", .gre, segment.gre(from: director, to: server, checksum: true, key: 7, sequence: 9),
                is: segment),
            Case("GRE with a key", .gre, segment6.gre(from: director, to: server, key: 7), is: segment6),
            Case("padding of the link behind it", .ipip, segment.ipip(from: director, to: server) + [0, 0, 0], is: segment),
            Case(
                "one layer of two", .ipip, segment.ipip(from: director, to: server).ipip(from: director, to: server),
                is: segment.ipip(from: director, to: server)),
            Case(
                "outer options", .ipip, Array(hex("46000045 00000000 40040000 0a020001 0a02000b 01010100").checksummed + segment),
                is: segment),
        ])
    func unwraps(_ row: Case) {
        #expect(unwrap(row.packet, Decapsulator(row.kind)).inner == row.inner)
    }

    struct Refused: Sendable, CustomTestStringConvertible {
        var testDescription: String
        var kind: Decapsulator.Kind
        var packet: [UInt8]
        var outcome: Decapsulator.Outcome

        init(_ text: String, _ kind: Decapsulator.Kind, _ packet: [UInt8], _ outcome: Decapsulator.Outcome) {
            testDescription = text
            self.kind = kind
            self.packet = packet
            self.outcome = outcome
        }
    }

    @Test(
        "What is not taken, and why",
        arguments: [
            Refused("no tunnel", .ipip, segment, .other),
            Refused("another tunnel", .gre, segment.ipip(from: director, to: server), .other),
            Refused("another port", .gue, segment.gue(from: director, to: "10.2.0.11:6081"), .other),
            Refused("a wrong outer header checksum", .ipip, segment.ipip(from: director, to: server).flipped(at: 11), .other),
            Refused("GUE control message", .gue, segment.gue(from: director, to: server).flipped(at: 28, 0x20), .refused(.controlMessage)),
            Refused("GUE variant 2", .gue, segment.gue(from: director, to: server).flipped(at: 28, 0x80), .refused(.badHeader)),
            Refused(
                "GUE with a flag", .gue, segment.gue(from: director, to: server, flags: 0x8000, options: [0, 0, 0, 1]),
                .refused(.unknownFlag)),
            Refused(
                "GUE with a private flag", .gue, segment.gue(from: director, to: server, flags: 1, options: hex("40000000")),
                .refused(.unknownFlag)),
            Refused("GUE with private flags but no room", .gue, segment.gue(from: director, to: server, flags: 1), .refused(.badHeader)),
            Refused(
                "GUE with remote checksum but no room", .gue, segment.gue(from: director, to: server, flags: 1, options: hex("80000000")),
                .refused(.badHeader)),
            Refused(
                "GUE with remote checksum behind the end", .gue,
                segment.gue(from: director, to: server, flags: 1, options: hex("80000000 0014ffff")), .refused(.badInner)),
            Refused(
                "GUE with remote checksum in the IP header", .gue,
                segment.gue(from: director, to: server, flags: 1, options: hex("80000000 0004000a")), .refused(.badInner)),
            Refused(
                "GUE that carries something else", .gue, segment.gue(from: director, to: server).flipped(at: 29, 4 ^ 17),
                .refused(.unknownProtocol)),
            Refused(
                "GUE with a wrong checksum", .gue, segment.gue(from: director, to: server, checksum: true).flipped(at: 40),
                .refused(.badChecksum)),
            Refused(
                "GUE shorter than it says", .gue, Packet.udp(from: director, to: server, payload: [31, 4, 0, 0]), .refused(.badHeader)),
            Refused("GUE without a packet", .gue, Packet.udp(from: director, to: server, payload: [0, 4, 0, 0]), .refused(.badInner)),
            Refused("UDP without GUE", .gue, Packet.udp(from: director, to: server), .refused(.badHeader)),
            Refused(
                "GRE with a wrong checksum", .gre, segment.gre(from: director, to: server, checksum: true).flipped(at: 50),
                .refused(.badChecksum)),
            Refused("GRE version 1 (PPTP)", .gre, segment.gre(from: director, to: server).flipped(at: 21, 1), .refused(.badHeader)),
            Refused("GRE with routing", .gre, segment.gre(from: director, to: server).flipped(at: 20, 0x40), .refused(.unknownFlag)),
            Refused(
                "GRE of Ethernet frames", .gre, segment.gre(from: director, to: server).flipped(at: 22, 0x65 ^ 8),
                .refused(.unknownProtocol)),
            Refused(
                "inner IPv6 announced as IPv4", .ipip, Packet.ip(from: director, to: server, proto: 4, payload: segment6),
                .refused(.badInner)),
            Refused(
                "inner longer than outer", .ipip, Packet.ip(from: director, to: server, proto: 4, payload: segment.dropLast()),
                .refused(.badInner)),
            Refused(
                "inner IPv6 longer than outer", .ipip, Packet.ip(from: director, to: server, proto: 41, payload: segment6.dropLast()),
                .refused(.badInner)),
            Refused(
                "inner total length below its header", .ipip,
                Packet.ip(from: director, to: server, proto: 4, payload: segment.flipped(at: 3, 45 ^ 19)),
                .refused(.badInner)),
            Refused("nothing inside", .ipip, Packet.ip(from: director, to: server, proto: 4), .refused(.badInner)),
            Refused("too short for any header", .ipip, [0x45, 0], .other),
            Refused("empty", .ipip, [], .other),
        ])
    func refuses(_ row: Refused) {
        #expect(unwrap(row.packet, Decapsulator(row.kind)).outcome == row.outcome)
    }

    @Test("Fragments are told apart from packets of other protocols")
    func fragments() {
        let pieces = Packet.udp(from: director, to: server, payload: [UInt8](repeating: 1, count: 100)).fragments(40)
        #expect(unwrap(pieces[0], Decapsulator(.gue)).outcome == .fragment)
        #expect(unwrap(pieces[1], Decapsulator(.gue)).outcome == .fragment)
        #expect(unwrap(pieces[0], Decapsulator(.gue, port: 6081)).outcome == .other)
        #expect(unwrap(pieces[1], Decapsulator(.ipip)).outcome == .other)
    }

    @Test("A checksum left to the receiver is filled in")
    func remoteChecksum() {
        var partial = segment
        let client: Endpoint = "192.0.2.1", virtual: Endpoint = "10.9.0.1"
        let sum = ~SlowChecksum.internet(
            SlowChecksum.pseudoHeader(from: client.address, to: virtual.address, proto: 6, length: partial.count - 20))
        partial.replaceSubrange(36..<38, with: [UInt8(sum >> 8), UInt8(truncatingIfNeeded: sum)])
        let packet = partial.gue(from: director, to: server, checksum: true, flags: 1, options: hex("80000000 00140024"))
        #expect(unwrap(packet, Decapsulator(.gue)).inner == segment)
    }

    @Test("A congestion mark goes on to those who understand it", arguments: [(UInt8(0), UInt8?.none), (1, 3), (2, 3), (3, 3)])
    func congestion(_ inner: UInt8, _ expected: UInt8?) {
        for packet in [
            Packet.udp(from: "192.0.2.1:1", to: "10.9.0.1:2", tos: 0x28 | inner),
            Packet.udp(from: "[2001:db8::1]:1", to: "[2001:db8:9::1]:2", tos: 0x28 | inner),
        ] {
            let (outcome, result) = unwrap(packet.ipip(from: director, to: server, tos: 0x2b), Decapsulator(.ipip))
            guard let expected else { #expect(outcome == .refused(.congestion)); continue }
            let isV4 = packet[0] >> 4 == 4
            let wanted =
                isV4
                ? Packet.udp(from: "192.0.2.1:1", to: "10.9.0.1:2", tos: 0x28 | expected)
                : Packet.udp(from: "[2001:db8::1]:1", to: "[2001:db8:9::1]:2", tos: 0x28 | expected)
            #expect(result == wanted)
        }
    }

    @Test("Only from where, and only to where it is said")
    func limits() throws {
        let packet = segment.ipip(from: director, to: server)
        let near = Decapsulator.Prefix(address: try #require(IPAddress("10.2.0.0")), length: 24)
        let far = Decapsulator.Prefix(address: try #require(IPAddress("10.3.0.0")), length: 16)
        let six = Decapsulator.Prefix(address: try #require(IPAddress("::")), length: 0)
        #expect(unwrap(packet, Decapsulator(.ipip, sources: [far, near])).inner == segment)
        #expect(unwrap(packet, Decapsulator(.ipip, sources: [far, six])).outcome == .refused(.strangeSource))
        let virtual = try #require(IPAddress("10.9.0.1")), other = try #require(IPAddress("10.9.0.2"))
        #expect(unwrap(packet, Decapsulator(.ipip, destinations: [virtual, other])).inner == segment)
        #expect(unwrap(packet, Decapsulator(.ipip, destinations: [other])).outcome == .refused(.strangeDestination))
    }
}

extension [UInt8] {
    /// With bits changed in one byte.
    fileprivate func flipped(at place: Int, _ bits: UInt8 = 1) -> [UInt8] {
        var changed = self
        changed[place] ^= bits
        return changed
    }

    /// An IPv4 header with its checksum filled in.
    fileprivate var checksummed: [UInt8] {
        var header = self
        let sum = SlowChecksum.internet(header)
        header[10] = UInt8(sum >> 8)
        header[11] = UInt8(truncatingIfNeeded: sum)
        return header
    }
}
