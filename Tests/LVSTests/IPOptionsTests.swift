import LVS
import PacketKit
import Testing
import Wire

import enum PacketKit.Packet

private let client: Endpoint = "198.51.100.7:4000"
private let virtual: Endpoint = "203.0.113.10:53"

/// IPv4 options on their way through the director, as kernel 6.1 treats them where packets come in. The director's address in
/// hexadecimal is cb 00 71 0a.
struct IPOptionsTests {
    private static func bench(_ method: ForwardingMethod = .directRouting) throws -> TranslationFixture {
        let bench = TranslationFixture()
        try bench.serve(virtual, "10.2.0.11:53", proto: IPProtocol.udp, method: method)
        return bench
    }

    private static func options(_ frame: [UInt8]?) -> [UInt8]? { frame.map { Array($0[34..<(14 + Int($0[14] & 15) * 4)]) } }

    @Test(
        "What the server gets",
        arguments: [
            ("01 01 01 01", "01 01 01 01"), ("94 04 00 00", "94 04 00 00"), ("1e 04 00 00", "1e 04 00 00"), ("00 07 07 07", "00 00 00 00"),
            ("82 0b 00 00 00 00 00 00 00 00 00 00", "82 0b 00 00 00 00 00 00 00 00 00 00"),
            ("07 07 04 00 00 00 00 00", "07 07 08 cb 00 71 0a 00"), ("07 07 08 01 02 03 04 00", "07 07 08 01 02 03 04 00"),
            ("07 0b 04 00 00 00 00 00 00 00 00 00", "07 0b 08 cb 00 71 0a 00 00 00 00 00"), ("07 03 04 00", "07 03 04 00"),
            ("44 0c 0d 00 00 00 00 00 00 00 00 00", "44 0c 0d 10 00 00 00 00 00 00 00 00"),
            ("44 0c 05 03 01 02 03 04 00 00 00 00", "44 0c 05 03 01 02 03 04 00 00 00 00"),
            // The time: milliseconds of an unknown day.
            ("44 0c 05 00 00 00 00 00 00 00 00 00", "44 0c 09 00 80 00 03 e8 00 00 00 00"),
            ("44 0c 05 01 00 00 00 00 00 00 00 00", "44 0c 0d 01 cb 00 71 0a 80 00 03 e8"),
            ("44 0c 05 03 cb 00 71 0a 00 00 00 00", "44 0c 0d 03 cb 00 71 0a 80 00 03 e8"),
        ])
    func stamped(_ sent: String, _ expected: String) throws {
        for method in [ForwardingMethod.directRouting, .masquerading, .tunneling] {
            let bench = try Self.bench(method)
            let out = try #require(bench.send(Packet.udp(from: client, to: virtual, payload: hex("01 02")).ipOptions(hex(sent))).first)
            let inner = method == .tunneling ? Array(out.dropFirst(20)) : out
            #expect(Self.options(inner) == hex(expected), "\(method)")
            expect(Array(inner.dropFirst(14)), .ipv4(.ttl(63)), .udp(.destinationPort(53)))
        }
    }

    @Test(
        "What is wrong is pointed at",
        arguments: [
            ("1e 00 00 00", 20), ("1e 05 00 00", 20), ("01 01 01 1e", 23), ("07 02 00 00", 21), ("07 07 03 00 00 00 00 00", 22),
            ("07 07 05 00 00 00 00 00", 22), ("07 07 08 00 00 00 00 07 07 08 00 00 00 00 00 00", 27), ("44 03 05 00", 21),
            ("44 0c 04 00 00 00 00 00 00 00 00 00", 22),
            ("44 0c 0d f0 00 00 00 00 00 00 00 00", 23), ("44 08 05 01 00 00 00 00", 22), ("94 03 00 00", 21),
            ("86 06 00 00 00 01 00 00", 21),
            ("83 02 00 00", 21), ("83 07 03 01 02 03 04 00", 22),
        ])
    func refused(_ sent: String, _ place: UInt8) throws {
        let bench = try Self.bench()
        let sound = Packet.udp(from: client, to: virtual, payload: hex("01 02"), tos: 0x28)
        let out = bench.send(sound.ipOptions(hex(sent)))
        #expect(bench.verdict == .optionsRefused)
        expect(
            try #require(out.first), .ipv4(.source(virtual), .destination(client), .tos(0xc8)),
            .icmp(.type(12), .code(0), .rest(Int(place) << 24)))
        #expect(bench.connections.isEmpty)
    }

    @Test(
        "A source route is not followed, nor answered",
        arguments: ["83 07 04 01 02 03 04 00", "83 07 08 01 02 03 04 00", "89 07 04 01 02 03 04 00"])
    func sourceRoutes(_ sent: String) throws {
        let bench = try Self.bench()
        #expect(bench.send(Packet.udp(from: client, to: virtual).ipOptions(hex(sent))) == [])
        #expect(bench.verdict == .optionsRefused)
    }

    @Test(
        "The host's answers go on with records and leave out the rest",
        arguments: [
            ("01 01 01 01", ""), ("94 04 00 00", ""), ("07 0b 04 00 00 00 00 00 00 00 00 00", "07 0b 0c cb 00 71 0a cb 00 71 0a 00"),
            ("07 07 04 00 00 00 00 00", "07 07 08 cb 00 71 0a 00"),
            ("44 0c 05 00 00 00 00 00 00 00 00 00", "44 0c 0d 00 80 00 03 e8 80 00 03 e8"),
        ])
    func echoed(_ sent: String, _ expected: String) throws {
        let bench = try Self.bench()
        for packet in [
            Packet.echo(from: client, to: virtual), Packet.tcp(from: client, to: "203.0.113.10:9999"),
            Packet.udp(from: client, to: "203.0.113.10:9999"),
        ] {
            let out = try #require(bench.send(packet.ipOptions(hex(sent))).first)
            #expect(Self.options(out) == hex(expected))
            expect(out, .ipv4(.source("203.0.113.10")))
        }
    }

    @Test("A quoted header shows what was filled in, with the checksum that came")
    func quoted() throws {
        let bench = try Self.bench()
        let sent = Packet.udp(from: client, to: "203.0.113.10:9999", payload: hex("01")).ipOptions(hex("07 07 04 00 00 00 00 00"))
        let out = try #require(bench.send(sent).first)
        let quote = Array(out.dropFirst(14 + 28 + 8))
        #expect(Array(quote[20..<28]) == hex("07 07 08 cb 00 71 0a 00"))
        #expect(quote[10..<12] == sent[10..<12])
    }

    @Test("A translated reply is recorded under its new source")
    func replies() throws {
        let bench = try Self.bench(.masquerading)
        bench.send(Packet.udp(from: client, to: virtual))
        let out = try #require(
            bench.send(Packet.udp(from: "10.2.0.11:53", to: client).ipOptions(hex("07 0b 04 00 00 00 00 00 00 00 00 00"))).first)
        expect(out, .ipv4(.source(virtual), .ttl(63), .options(hex("07 0b 08 cb 00 71 0a 00 00 00 00 00"))))
    }

    @Test("Options of fragments: in every piece, or no-operations where they are not to be copied")
    func fragments() throws {
        for (sent, later) in [("94 04 00 00", "94 04 00 00"), ("1e 04 00 00", "01 01 01 01")] {
            let bench = try Self.bench()
            let packet = FragmentTests.datagram(1200)
            bench.send(FragmentTests.fragment(packet, 0, 600, more: true).ipOptions(hex(sent)))
            let out = bench.send(FragmentTests.fragment(packet, 600, 1208, more: false))
            #expect(out.map { Self.options($0) } == [hex(sent), hex(later), hex(later)])
            // The second one came without options, so there is no room for them in front of it.
            #expect(FragmentTests.sizes(out) == [600, 600, 8])
        }
    }
}
