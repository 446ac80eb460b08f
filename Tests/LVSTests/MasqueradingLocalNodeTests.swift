import LVS
import PacketKit
import Testing
import Wire

import enum PacketKit.Packet

private let client: Endpoint = "198.51.100.7:4000"

/// Real servers that are the director's own host.
struct MasqueradingLocalNodeTests {
    @Test("Where the director plays the host, its refusal comes from the virtual address")
    func refusedSegment() throws {
        let bench = TranslationFixture()
        try bench.serve("203.0.113.10:80", "10.2.0.1:8080")
        let out = bench.send(Packet.tcp(from: client, to: "203.0.113.10:80", seq: 100, ttl: 1))
        #expect(bench.verdict == .localNode && out.count == 1)
        expect(
            out[0], .ipv4(.source("203.0.113.10"), .destination(client)),
            .tcp(.sourcePort(80), .destinationPort(4000), .flags([.rst, .ack]), .ack(101)))
        #expect(bench.connections.map(\.state) == ["CLOSE"])
        #expect(bench.inventory.services[0].statistics.counters.packetsOut == 1)
    }

    @Test(
        "A closed port is told about the datagram that the client sent",
        arguments: [
            ("198.51.100.7:4000", "203.0.113.10:53", "10.2.0.1:5353"), ("[2001:db8:c::7]:4000", "[2001:db8:f::10]:53", "[fd00:2::1]:5353"),
        ])
    func closedPort(_ ends: (client: String, virtual: String, server: String)) throws {
        let client = Endpoint(stringLiteral: ends.client), virtual = Endpoint(stringLiteral: ends.virtual)
        let bench = TranslationFixture()
        try bench.serve(virtual, Endpoint(stringLiteral: ends.server), proto: IPProtocol.udp)
        let out = bench.send(Packet.udp(from: client, to: virtual, payload: hex("01 02")))
        #expect(bench.verdict == .localNode && out.count == 1)
        if client.address.isV4 {
            expect(
                out[0], .ipv4(.source(virtual), .destination(client)), .icmp(.type(3), .code(3)),
                .quoting(.ipv4(.source(client), .destination(virtual)), .udp(.sourcePort(4000), .destinationPort(53))))
        } else {
            expect(
                out[0], .ipv6(.source(virtual), .destination(client)), .icmp(.type(1), .code(4)),
                .quoting(.ipv6(.source(client), .destination(virtual)), .udp(.sourcePort(4000), .destinationPort(53))))
        }
    }

    @Test(
        "Beside a host, the packet is handed to it: translated for NAT, as it came for direct routing",
        arguments: [
            (ForwardingMethod.masquerading, "10.2.0.1:8080", 64), (.directRouting, "203.0.113.10:80", 64),
        ] as [(ForwardingMethod, String, UInt8)])
    func handedUp(_ method: ForwardingMethod, _ destination: String, _ ttl: UInt8) throws {
        let bench = TranslationFixture(hostEmulation: HostEmulation(isWholeHost: false))
        try bench.serve("203.0.113.10:80", "10.2.0.1:8080", method: method)
        let out = bench.send(Packet.tcp(from: client, to: "203.0.113.10:80"))
        #expect(bench.verdict == .localNode && bench.interfaces == [Director.localInterface])
        let end = Endpoint(stringLiteral: destination)
        expect(try #require(out.first), .ipv4(.destination(end), .ttl(ttl)), .tcp(.destinationPort(Int(end.port))))
    }

    @Test("What the host answers itself is translated back when it comes by the director")
    func hostsOwnReply() throws {
        let bench = TranslationFixture(hostEmulation: HostEmulation(isWholeHost: false))
        try bench.serve("203.0.113.10:80", "10.2.0.1:8080")
        bench.send(Packet.tcp(from: client, to: "203.0.113.10:80"))
        let out = bench.send(Packet.tcp(from: "10.2.0.1:8080", to: client, flags: [.syn, .ack]), from: Director.localInterface)
        #expect(bench.verdict == .replyTranslated && bench.interfaces == [2])
        expect(
            try #require(out.first), .ethernet(.destination("02:00:00:00:00:fe")), .ipv4(.source("203.0.113.10"), .ttl(64)),
            .tcp(.sourcePort(80)))
    }

    @Test(
        "A long datagram of the host's leaves in fragments under a whole checksum",
        arguments: [
            ("198.51.100.7:4000", "203.0.113.10:53", "10.2.0.1:5353"), ("[2001:db8:c::7]:4000", "[2001:db8:f::10]:53", "[fd00:2::1]:5353"),
        ])
    func longReply(_ ends: (client: String, virtual: String, server: String)) throws {
        let client = Endpoint(stringLiteral: ends.client), virtual = Endpoint(stringLiteral: ends.virtual)
        let server = Endpoint(stringLiteral: ends.server)
        let bench = TranslationFixture(hostEmulation: HostEmulation(isWholeHost: false))
        try bench.serve(virtual, server, proto: IPProtocol.udp)
        bench.send(Packet.udp(from: client, to: virtual))
        let payload = (0..<3000).map { UInt8(truncatingIfNeeded: $0 * 7) }
        let start: UInt16 = client.address.isV4 ? 34 : 54
        let out = bench.send(
            Packet.udp(from: server, to: client, payload: payload).partial, offload: .partial(at: start, field: 6),
            from: Director.localInterface)
        #expect(bench.verdict == .replyTranslated && out.count == 3 && bench.offloads.allSatisfy(\.isPlain))
        let headers = client.address.isV4 ? 34 : 62
        let whole = Packet.udp(from: virtual, to: client, payload: payload)
        #expect(out.flatMap { $0[headers...] } == Array(whole[(client.address.isV4 ? 20 : 40)...]))
    }

    @Test(
        "What answers the host's own check of a server's health is handed to the host, which is kept from seeing replies",
        arguments: [
            ("10.2.0.1:40000", "10.2.0.11:8080", "203.0.113.10:80"), ("[fd00:2::1]:40000", "[fd00:2::11]:8080", "[2001:db8:f::10]:80"),
        ])
    func healthCheck(_ ends: (host: String, server: String, virtual: String)) throws {
        let host = Endpoint(stringLiteral: ends.host), server = Endpoint(stringLiteral: ends.server)
        let bench = TranslationFixture(hostEmulation: HostEmulation(isWholeHost: false))
        try bench.serve(Endpoint(stringLiteral: ends.virtual), server)
        let synAck = Packet.tcp(from: server, to: host, flags: [.syn, .ack]), ack = Packet.tcp(from: server, to: host, flags: .ack)
        for packet in [synAck, ack, Packet.tcp(from: server, to: host, flags: .rst)] {
            let out = bench.send(packet)
            #expect(bench.verdict == .localNode && bench.interfaces == [Director.localInterface])
            #expect(out.first.map { Array($0[14...]) } == packet)
        }
        // Another port of the server is nobody's business but the host's.
        bench.send(Packet.tcp(from: Endpoint(server.address, 9), to: host, flags: .ack))
        #expect(bench.verdict == .passNoService && bench.interfaces.isEmpty)
    }

    @Test("A stranger does not reach what listens on loopback")
    func loopback() throws {
        let bench = TranslationFixture()
        try bench.serve("203.0.113.10:80", "127.0.0.1:80")
        #expect(bench.send(Packet.tcp(from: client, to: "203.0.113.10:80")).isEmpty && bench.verdict == .loopbackServer)
    }
}
