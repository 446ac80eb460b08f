import LVS
import PacketKit
import Testing
import Wire

import enum PacketKit.Packet

private let client: Endpoint = "198.51.100.7:4000", virtual: Endpoint = "203.0.113.10:80"
private let router: Endpoint = "192.0.2.9", router6: Endpoint = "[2001:db8:99::1]"

/// A tunnel, what is in front of the inner packet, and a bench with one connection through it.
struct TunnelErrorTests {
    struct Kind: Sendable, CustomTestStringConvertible {
        var testDescription: String
        var settings: ServerSettings
        var overhead: Int

        init(_ text: String, _ type: TunnelType, _ flags: TunnelFlags, overhead: Int) {
            testDescription = text
            settings = ServerSettings(method: .tunneling, tunnel: type, tunnelPort: type == .gue ? 6080 : 0, tunnelFlags: flags)
            self.overhead = overhead
        }
    }

    static let kinds = [
        Kind("ipip", .ipip, [], overhead: 20), Kind("gue", .gue, [], overhead: 32),
        Kind("gre", .gre, [], overhead: 24), Kind("gre with checksum", .gre, .checksum, overhead: 28),
    ]

    private func segment(_ length: Int, df: Bool = true) -> [UInt8] {
        Packet.tcp(from: client, to: virtual, flags: .ack, payload: [UInt8](repeating: 0x78, count: length - 40), id: 1, df: df)
    }

    /// The ICMP errors that came out, as type, code and the word behind the checksum.
    private func errors(_ frames: [[UInt8]]) -> [String] {
        frames.map { frame in
            let ip = packet(frame), start = ip[0] >> 4 == 4 ? 20 : 40
            return "\(ip[start])/\(ip[start + 1]) \(Int(ip[start + 6]) << 8 | Int(ip[start + 7]))"
        }
    }

    @Test("What the kernel says and keeps to itself, message by message", arguments: kinds)
    func sequence(_ kind: Kind) throws {
        let bench = TranslationFixture(), over = kind.overhead
        try bench.tunnel(virtual, to: "10.2.0.11:80", kind.settings)
        bench.send(Packet.tcp(from: client, to: virtual))
        let outer = packet(try #require(bench.send(segment(1400)).first))
        let unfragmented = packet(try #require(bench.send(segment(1400, df: false)).first))
        func complain(_ type: UInt8, _ code: UInt8, _ rest: UInt32 = 0, about quoted: [UInt8]? = nil) -> [String] {
            errors(
                bench.send(
                    Packet.icmpError(
                        from: router, to: "10.2.0.1", type: type, code: code, rest: rest, quoting: Array((quoted ?? outer).prefix(100)))))
        }

        #expect(complain(3, 4, 1400) == ["3/4 \(1500 - over)"], "the route before the error")
        #expect(errors(bench.send(segment(1480))) == ["3/4 \(1400 - over)"])
        #expect(bench.verdict == .fragmentationNeeded)
        #expect(complain(3, 4, 1300) == ["3/4 \(1300 - over)"], "a learned route changes at once")
        #expect(complain(3, 4, 1350) == ["3/4 \(1300 - over)"], "a longer way is not believed")
        #expect(complain(3, 4, 1000, about: unfragmented) == [], "this client fragments")
        #expect(bench.verdict == .pathLearned)
        #expect(errors(bench.send(segment(1480))) == ["3/4 \(1000 - over)"])
        #expect(bench.send(segment(1480, df: false)).count == 2)
        #expect(complain(3, 4, 300) == ["3/4 \(552 - over)"], "min_pmtu")
        #expect(complain(3, 4, 0) == ["3/4 \(552 - over)"])
        #expect(complain(3, 4, 1400, about: Array(outer.prefix(28))) == [], "the classic quote of 8 bytes says nothing")
        #expect(complain(11, 1) == ["11/1 0"])
        #expect(complain(4, 0) == ["4/0 0"])
        #expect(complain(3, 3, 0x1234_5678) == ["3/3 22136"])
        #expect(complain(5, 0) == [])
        #expect(complain(12, 0, 0x1400_0000) == [])
        #expect(bench.learnedMTU("10.2.0.11") == 552)
        bench.pass(seconds: 601)
        #expect(bench.learnedMTU("10.2.0.11") == nil)
        #expect(bench.send(segment(1500 - over)).count == 1)
        #expect(bench.verdict == .tunneling)
    }

    @Test("The message to the client quotes its own packet, from the virtual address, and counts twice as a reply")
    func message() throws {
        let bench = TranslationFixture()
        try bench.tunnel(virtual, to: "10.2.0.11:80", Self.kinds[0].settings)
        bench.send(Packet.tcp(from: client, to: virtual))
        let outer = packet(try #require(bench.send(Packet.tcp(from: client, to: virtual, flags: .ack, tos: 0x1c)).first))
        let out = bench.send(Packet.icmpError(from: router, to: "10.2.0.1", type: 11, code: 0, quoting: outer))
        #expect(bench.verdict == .tunnelErrorToClient)
        expect(
            try #require(out.first), .ipv4(.source("203.0.113.10"), .destination("198.51.100.7"), .ttl(64), .tos(0xdc)),
            .icmp(.type(11), .code(0)))
        #expect(Array(packet(out[0])[28...]) == Array(outer[20...]))
        let counters = bench.inventory.services[0].servers[0].statistics.counters
        #expect([counters.packetsIn, counters.packetsOut, counters.bytesOut] == [2, 2, 40 + 68])
    }

    @Test(
        "Over IPv6, and for IPv6 inside, the client is told as RFC 2473 has it",
        arguments: [
            ("[2001:db8:c::7]:4000", "[2001:db8:f::10]:80", "[fd00:2::11]:80", ["2/0 1310", "1/3 0", "1/3 0"]),
            ("198.51.100.7:4000", "203.0.113.10:80", "[fd00:2::11]:80", ["3/4 1310", "3/1 0", "3/1 0"]),
            ("[2001:db8:c::7]:4000", "[2001:db8:f::10]:80", "10.2.0.11:80", ["2/0 1330", "1/3 0", "1/3 0"]),
        ])
    func otherFamilies(_ from: String, _ to: String, _ server: String, _ told: [String]) throws {
        let bench = TranslationFixture()
        let client = Endpoint(stringLiteral: from), virtual = Endpoint(stringLiteral: to), server = Endpoint(stringLiteral: server)
        try bench.tunnel(virtual, to: server, Self.kinds[0].settings)
        let outer = packet(try #require(bench.send(Packet.tcp(from: client, to: virtual)).first))
        let isV4 = server.address.isV4
        func complain(_ type: UInt8, _ code: UInt8, _ rest: UInt32 = 0) -> [String] {
            isV4
                ? errors(bench.send(Packet.icmpError(from: router, to: "10.2.0.1", type: type, code: code, rest: rest, quoting: outer)))
                : errors(bench.send(Packet.icmpError(from: router6, to: "[fd00:2::1]", type: type, code: code, rest: rest, quoting: outer)))
        }
        #expect((isV4 ? complain(3, 4, 1350) : complain(2, 0, 1350)) == [told[0]])
        #expect((isV4 ? complain(11, 0) : complain(3, 0)) == [told[1]])
        #expect((isV4 ? complain(3, 1) : complain(1, 0)) == [told[2]])
        #expect(bench.learnedMTU("\(server.address)") == 1350)
    }

    @Test("Nobody else's message counts")
    func strangers() throws {
        let bench = TranslationFixture()
        try bench.tunnel(virtual, to: "10.2.0.11:80", Self.kinds[1].settings)
        bench.send(Packet.tcp(from: client, to: virtual))
        let sent = segment(1400)
        func complain(_ quoted: [UInt8], to destination: Endpoint = "10.2.0.1", wrongSum: Bool = false) -> Verdict {
            var message = Packet.icmpError(from: router, to: destination, type: 3, code: 4, rest: 1000, quoting: Array(quoted.prefix(100)))
            if wrongSum { message = message.with(message[22] ^ 1, at: 22) }
            bench.send(message)
            return bench.verdict
        }
        let right = sent.gue(from: "10.2.0.1:40000", to: "10.2.0.11:6080")
        #expect(complain(right, wrongSum: true) == .icmpMalformed)
        #expect(complain(sent.gue(from: "10.2.0.1:40000", to: "10.2.0.12:6080")) != .tunnelErrorToClient, "another server")
        #expect(complain(sent.gue(from: "10.2.0.1:40000", to: "10.2.0.11:6081")) != .tunnelErrorToClient, "another port")
        #expect(complain(sent.ipip(from: "10.2.0.1", to: "10.2.0.11")) != .tunnelErrorToClient, "another tunnel")
        let unknown = Packet.tcp(from: "198.51.100.8:1", to: virtual, flags: .ack)
        #expect(complain(unknown.gue(from: "10.2.0.1:40000", to: "10.2.0.11:6080")) != .tunnelErrorToClient, "no such connection")
        #expect(complain(right, to: "10.2.0.77") != .tunnelErrorToClient, "in transit")
        #expect(bench.learnedMTU("10.2.0.11") == nil)
        #expect(complain(right) == .tunnelErrorToClient)
        #expect(bench.learnedMTU("10.2.0.11") == 1000)
    }

    @Test("Cut quotes never lead astray")
    func cutQuotes() throws {
        for kind in Self.kinds {
            let bench = TranslationFixture()
            try bench.tunnel(virtual, to: "10.2.0.11:80", kind.settings)
            bench.send(Packet.tcp(from: client, to: virtual))
            let outer = packet(try #require(bench.send(segment(100)).first))
            for length in 0..<(kind.overhead + 28) {
                let out = bench.send(Packet.icmpError(from: router, to: "10.2.0.1", type: 3, code: 1, quoting: Array(outer.prefix(length))))
                #expect(out.isEmpty, "\(length) bytes")
            }
            let out = bench.send(
                Packet.icmpError(from: router, to: "10.2.0.1", type: 3, code: 1, quoting: Array(outer.prefix(kind.overhead + 28))))
            #expect(out.count == 1)
        }
    }
}
