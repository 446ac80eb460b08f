import LVS
import PacketKit
import Testing
import Wire

import enum PacketKit.Packet

private let client: Endpoint = "198.51.100.7:4000"
private let virtual: Endpoint = "203.0.113.10:80"
private let server: Endpoint = "10.2.0.11:8080"

private func range(_ first: String, _ last: String? = nil) -> ClosedRange<IPAddress> {
    TranslationFixture.ip(first)...TranslationFixture.ip(last ?? first)
}

struct FullNATTests {
    @Test(
        "Both ends are translated, both ways", arguments: [IPProtocol.tcp, IPProtocol.udp, IPProtocol.sctp],
        [
            ("198.51.100.7:4000", "203.0.113.10:80", "10.2.0.11:8080", "10.2.0.200"),
            ("[2001:db8:c::7]:4000", "[2001:db8:f::10]:80", "[fd00:2::11]:8080", "fd00:2::200"),
        ])
    func bothWays(_ proto: UInt8, _ ends: (client: String, virtual: String, server: String, local: String)) throws {
        let client = Endpoint(stringLiteral: ends.client), virtual = Endpoint(stringLiteral: ends.virtual)
        let server = Endpoint(stringLiteral: ends.server)
        let bench = TranslationFixture()
        try bench.serve(virtual, server, proto: proto, method: .fullNAT) { $0.localAddresses = [range(ends.local)] }
        let out = try #require(bench.send(sample(proto, from: client, to: virtual)).first)
        #expect(bench.verdict == .fullNAT)
        let seen = LVSTests.ends(out)
        #expect(seen.source.address == TranslationFixture.ip(ends.local) && seen.source.port >= 1025)
        expectSound(out, proto, from: seen.source, to: server)
        let back = try #require(bench.send(sample(proto, from: server, to: seen.source, isReply: true)).first)
        #expect(bench.verdict == .replyTranslated)
        expect(back, .ethernet(.destination("02:00:00:00:00:fe")))
        expectSound(back, proto, from: virtual, to: client)
    }

    private func sample(_ proto: UInt8, from source: Endpoint, to destination: Endpoint, isReply: Bool = false) -> [UInt8] {
        switch proto {
        case IPProtocol.tcp: Packet.tcp(from: source, to: destination, flags: isReply ? [.syn, .ack] : .syn)
        case IPProtocol.udp: Packet.udp(from: source, to: destination, payload: hex("aa bb cc"), checksum: !source.address.isV4)
        default: Packet.sctp(from: source, to: destination, chunks: [isReply ? .initiationAck() : .initiation()])
        }
    }

    private func expectSound(_ frame: [UInt8], _ proto: UInt8, from source: Endpoint, to destination: Endpoint) {
        let ip: Layer =
            source.address.isV4
            ? .ipv4(.source(source), .destination(destination), .ttl(63))
            : .ipv6(.source(source), .destination(destination), .ttl(63))
        let from = Int(source.port), to = Int(destination.port)
        switch proto {
        case IPProtocol.tcp: expect(frame, ip, .tcp(.sourcePort(from), .destinationPort(to)))
        case IPProtocol.udp: expect(frame, ip, .udp(.sourcePort(from), .destinationPort(to), .checksummed(true)))
        default: expect(frame, ip, .sctp(.sourcePort(from), .destinationPort(to)))
        }
    }

    @Test("Replies need no forwarding host, only the director's own")
    func withoutForwarding() throws {
        let bench = TranslationFixture()
        bench.forwards = false
        try bench.serve(virtual, server, method: .fullNAT) { $0.localAddresses = [range("10.2.0.200")] }
        let out = try #require(bench.send(Packet.tcp(from: client, to: virtual)).first)
        bench.send(Packet.tcp(from: server, to: ends(out).source, flags: [.syn, .ack]))
        #expect(bench.verdict == .replyTranslated)
    }

    @Test("Connections go round the local addresses, ranges one behind the other")
    func roundRobin() throws {
        let bench = TranslationFixture()
        try bench.serve(virtual, server, method: .fullNAT) { $0.localAddresses = [range("10.2.0.200", "10.2.0.201"), range("10.2.0.210")] }
        let used = try (0..<6).map { i -> String in
            ends(try #require(bench.send(Packet.tcp(from: Endpoint(client.address, UInt16(5000 + i)), to: virtual)).first)).source.address
                .description
        }
        #expect(used == ["10.2.0.200", "10.2.0.201", "10.2.0.210", "10.2.0.200", "10.2.0.201", "10.2.0.210"])
    }

    @Test("Without a local address a request is refused as without a server")
    func noLocalAddress() throws {
        let bench = TranslationFixture()
        try bench.serve(virtual, server, method: .fullNAT)
        let told = try #require(bench.send(Packet.tcp(from: client, to: virtual)).first)
        #expect(bench.verdict == .localAddressesExhausted && bench.connections.isEmpty)
        expect(told, .ipv4(.source(virtual), .destination(client)), .icmp(.type(3), .code(3)), .quoting(.ipv4(), .tcp()))
    }

    @Test("Local addresses of the other family, of groups or unspecified are refused", arguments: ["fd00:2::200", "224.0.0.1", "0.0.0.0"])
    func refusedAddresses(_ address: String) {
        let bench = TranslationFixture()
        #expect(throws: CommandError.invalid) { try bench.serve(virtual, method: .fullNAT) { $0.localAddresses = [range(address)] } }
    }

    @Test("A server of the other family is refused")
    func mixedFamilies() {
        let bench = TranslationFixture()
        #expect(throws: CommandError.invalid) { try bench.serve(virtual, "[fd00:2::11]:80", method: .fullNAT) }
    }

    @Test("64511 connections over one local address, each with a port of its own; then the next address, then none")
    func exhaustion() throws {
        let ports = 64511
        let bench = TranslationFixture(connections: 1 << 17)
        try bench.serve("203.0.113.10:53", "10.2.0.11:53", proto: IPProtocol.udp, method: .fullNAT) {
            $0.localAddresses = [range("10.2.0.200")]
        }
        var seen = [Bool](repeating: false, count: 65536)
        for i in 0..<ports {
            let out = bench.send(datagram(i))
            guard bench.verdict == .fullNAT, let frame = out.first else { Issue.record("connection \(i): \(bench.verdict)"); return }
            let port = Int(frame[34]) << 8 | Int(frame[35])
            guard port > 1024, !seen[port] else { Issue.record("connection \(i): port \(port)"); return }
            seen[port] = true
        }
        let told = try #require(bench.send(datagram(ports)).first)
        #expect(bench.verdict == .localAddressesExhausted && bench.frames(.localAddressesExhausted) == 1)
        expect(told, .ipv4(.source("203.0.113.10")), .icmp(.type(3), .code(3)), .quoting(.ipv4(), .udp()))
        // A known connection is not disturbed.
        bench.send(datagram(7))
        #expect(bench.verdict == .fullNAT)
        // Another server has ports of its own, another address as well, whichever comes first in the circle.
        try bench.serve("203.0.113.10:54", "10.2.0.12:53", proto: IPProtocol.udp, method: .fullNAT) {
            $0.localAddresses = [range("10.2.0.200")]
        }
        bench.send(Packet.udp(from: client, to: "203.0.113.10:54"))
        #expect(bench.verdict == .fullNAT)
        try bench.serve("203.0.113.10:55", "10.2.0.11:53", proto: IPProtocol.udp, method: .fullNAT) {
            $0.localAddresses = [range("10.2.0.200", "10.2.0.201")]
        }
        for i in 0..<100 {
            let out = try #require(bench.send(Packet.udp(from: Endpoint(client.address, UInt16(6000 + i)), to: "203.0.113.10:55")).first)
            #expect(ends(out).source.address == TranslationFixture.ip("10.2.0.201"))
        }
        // When one port has come back there is room for one connection.
        bench.pass(seconds: 299)
        for i in 1..<3 { bench.send(datagram(i)) }
        bench.pass(seconds: 2)
        #expect(bench.connections.count == 2)
        bench.send(datagram(ports))
        #expect(bench.verdict == .fullNAT)
    }

    /// A datagram of client number `i` without a checksum: address and port change, the header's checksum by as much.
    private func datagram(_ i: Int) -> [UInt8] {
        var bytes = Self.model
        let address = 100 + UInt16(i / 50_000), port = UInt16(1000 + i % 50_000)
        bytes[15] = UInt8(address & 0xff)
        let old = UInt16(Self.model[15])
        let sum = Checksum.update(UInt16(Self.model[10]) << 8 | UInt16(Self.model[11]), from: old, to: address & 0xff)
        bytes[10] = UInt8(sum >> 8)
        bytes[11] = UInt8(sum & 0xff)
        bytes[20] = UInt8(port >> 8)
        bytes[21] = UInt8(port & 0xff)
        return bytes
    }

    private static let model = Packet.udp(from: "198.51.0.0:1", to: "203.0.113.10:53", checksum: false)

    @Test("InterfaceTable are free again when their connection has expired")
    func release() throws {
        let bench = TranslationFixture()
        try bench.serve("203.0.113.10:53", "10.2.0.11:53", proto: IPProtocol.udp, method: .fullNAT) {
            $0.localAddresses = [range("10.2.0.200")]
        }
        let first = ends(try #require(bench.send(Packet.udp(from: client, to: "203.0.113.10:53")).first)).source
        bench.pass(seconds: 301)
        #expect(bench.connections.isEmpty)
        // The stale server's answer finds nobody.
        bench.send(Packet.udp(from: "10.2.0.11:53", to: first))
        #expect(bench.verdict == .portUnreachable)
        // Ports go round: the next connection does not meet the old one's.
        let second = ends(try #require(bench.send(Packet.udp(from: client, to: "203.0.113.10:53")).first)).source
        #expect(second != first)
    }

    @Test("The director answers for its local addresses")
    func neighbors() throws {
        let bench = TranslationFixture()
        try bench.serve(virtual, server, method: .fullNAT) { $0.localAddresses = [range("10.2.0.200", "10.2.0.209")] }
        let out = bench.receive(Packet.arp(request: true, senderMAC: "02:00:00:00:00:11", sender: "10.2.0.11", target: "10.2.0.205"))
        #expect(bench.verdict == .arpReply && out.count == 1)
        bench.receive(Packet.arp(request: true, senderMAC: "02:00:00:00:00:11", sender: "10.2.0.11", target: "10.2.0.210"))
        #expect(bench.verdict == .passARP)
    }

    @Test("A server that is the director itself needs no local address")
    func localNode() throws {
        let bench = TranslationFixture()
        try bench.serve(virtual, "10.2.0.1:8080", method: .fullNAT)
        let out = try #require(bench.send(Packet.tcp(from: client, to: virtual)).first)
        expect(out, .ipv4(.source(virtual), .destination(client)), .tcp(.sourcePort(80), .flags([.rst, .ack])))
    }
}
