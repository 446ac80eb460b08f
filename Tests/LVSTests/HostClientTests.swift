import LVS
import PacketKit
import Testing
import Wire

import enum PacketKit.Packet

/// The director's host as a client of its services: its packets come by the local interface.
struct HostClientTests {
    private static let own = Director.localInterface

    private static func bench(_ virtual: Endpoint, _ server: Endpoint, _ method: ForwardingMethod, proto: UInt8 = IPProtocol.tcp) throws
        -> TranslationFixture
    {
        let bench = TranslationFixture(hostEmulation: HostEmulation(isWholeHost: false))
        try bench.serve(virtual, server, proto: proto, method: method)
        return bench
    }

    @Test(
        "Requests go to the servers, and answers to the host",
        arguments: [
            ("10.2.0.1:4000", "203.0.113.10:80", "10.2.0.11:80", .directRouting, .directRouting),
            ("[fd00:2::1]:4000", "[2001:db8:f::10]:80", "[fd00:2::11]:80", .directRouting, .directRouting),
            ("10.2.0.1:4000", "203.0.113.10:80", "10.2.0.11:8080", .masquerading, .masquerading),
            ("[fd00:2::1]:4000", "[2001:db8:f::10]:80", "[fd00:2::11]:8080", .masquerading, .masquerading),
            ("10.2.0.1:4000", "203.0.113.10:80", "10.2.0.11:80", .tunneling, .tunneling),
            ("[fd00:2::1]:4000", "[2001:db8:f::10]:80", "[fd00:2::11]:80", .tunneling, .tunneling),
        ] as [(String, String, String, ForwardingMethod, Verdict)])
    func bothWays(_ client: String, _ virtual: String, _ server: String, _ method: ForwardingMethod, _ verdict: Verdict) throws {
        let client = Endpoint(stringLiteral: client), virtual = Endpoint(stringLiteral: virtual), server = Endpoint(stringLiteral: server)
        let bench = try Self.bench(virtual, server, method)
        let request = bench.send(Packet.tcp(from: client, to: virtual), from: Self.own)
        #expect(bench.verdict == verdict && bench.interfaces == [2])
        expect(try #require(request.first), .ethernet(.destination("02:00:00:00:00:11")))
        let answerer = method == .masquerading ? server : virtual
        let answer = bench.send(Packet.tcp(from: answerer, to: client, flags: [.syn, .ack]))
        #expect(bench.verdict == (method == .masquerading ? .localNode : .passReply) && bench.interfaces == [Self.own])
        let ends = client.address.isV4 ? Layer.ipv4(.source(virtual), .destination(client)) : .ipv6(.source(virtual), .destination(client))
        expect(try #require(answer.first), ends, .tcp(.sourcePort(80), .destinationPort(4000), .flags([.syn, .ack])))
        #expect(bench.connections.map(\.state) == ["SYN_RECV"])
    }

    @Test("What no server takes is refused at once, in the virtual address's name")
    func refusals() throws {
        let bench = TranslationFixture(hostEmulation: HostEmulation(isWholeHost: false))
        try bench.serve("203.0.113.10:80")
        let told = bench.send(Packet.tcp(from: "10.2.0.1:4000", to: "203.0.113.10:80"), from: Self.own)
        #expect(bench.verdict == .noServer && bench.interfaces == [Self.own])
        expect(try #require(told.first), .ipv4(.source("203.0.113.10"), .destination("10.2.0.1")), .icmp(.type(3), .code(3)))
        let reset = bench.send(Packet.tcp(from: "10.2.0.1:4000", to: "203.0.113.10:80", flags: .ack), from: Self.own)
        #expect(bench.verdict == .reset && bench.interfaces == [Self.own])
        expect(try #require(reset.first), .ipv4(.source("203.0.113.10"), .destination("10.2.0.1")), .tcp(.flags(.rst)))
    }

    @Test("What is no service's is the host's: it gets it back")
    func handedBack() throws {
        let bench = try Self.bench("203.0.113.10:80", "10.2.0.11:80", .directRouting)
        let out = bench.send(Packet.tcp(from: "10.2.0.1:4000", to: "203.0.113.10:81"), from: Self.own)
        #expect(bench.verdict == .passNoService && bench.interfaces == [Self.own])
        expect(try #require(out.first), .ipv4(.source("10.2.0.1"), .destination("203.0.113.10"), .ttl(64)))
        #expect(bench.send(Packet.tcp(from: "127.0.0.1:4000", to: "203.0.113.10:80"), from: Self.own).isEmpty && bench.verdict == .martian)
        // From the wire such a source is a lie.
        #expect(bench.send(Packet.tcp(from: "10.2.0.1:4001", to: "203.0.113.10:80")).isEmpty && bench.verdict == .martian)
    }

    @Test("An address that the director owns is pinged, too")
    func owned() throws {
        let bench = TranslationFixture(hostEmulation: HostEmulation(isWholeHost: false, ownership: .all))
        try bench.serve("203.0.113.99:80", "10.2.0.11:80")
        let out = bench.send(Packet.echo(from: "10.2.0.1:0", to: "203.0.113.99:0"), from: Self.own)
        #expect(bench.verdict == .echoReply && bench.interfaces == [Self.own])
        expect(try #require(out.first), .ipv4(.source("203.0.113.99"), .destination("10.2.0.1")), .icmp(.type(0)))
        bench.send(Packet.tcp(from: "10.2.0.1:4000", to: "203.0.113.99:81"), from: Self.own)
        #expect(bench.verdict == .reset && bench.interfaces == [Self.own])
    }

    @Test("The host hears that its server is gone")
    func deadServer() throws {
        for method in [ForwardingMethod.directRouting, .masquerading, .tunneling] {
            let bench = try Self.bench("203.0.113.10:80", "10.2.0.77:80", method)
            bench.send(Packet.tcp(from: "10.2.0.1:4000", to: "203.0.113.10:80"), from: Self.own)
            #expect(bench.verdict == .neighborPending)
            let told = bench.failNeighbor("10.2.0.77")
            #expect(bench.interfaces == [Self.own], "\(method)")
            expect(
                try #require(told.first), .ipv4(.destination("10.2.0.1")), .icmp(.type(3), .code(1)),
                .quoting(.ipv4(.source("10.2.0.1"), .destination("203.0.113.10")), .tcp(.sourcePort(4000), .destinationPort(80))))
        }
    }

    @Test("A server that is the host as well gets the request and is translated back")
    func localServer() throws {
        let bench = try Self.bench("203.0.113.10:80", "10.2.0.1:8080", .masquerading)
        let request = bench.send(Packet.tcp(from: "10.2.0.1:4000", to: "203.0.113.10:80"), from: Self.own)
        #expect(bench.verdict == .localNode && bench.interfaces == [Self.own])
        expect(try #require(request.first), .ipv4(.source("10.2.0.1"), .destination("10.2.0.1")), .tcp(.destinationPort(8080)))
        let answer = bench.send(Packet.tcp(from: "10.2.0.1:8080", to: "10.2.0.1:4000", flags: [.syn, .ack]), from: Self.own)
        #expect(bench.verdict == .localNode && bench.interfaces == [Self.own])
        expect(try #require(answer.first), .ipv4(.source("203.0.113.10"), .destination("10.2.0.1")), .tcp(.sourcePort(80)))
    }

    @Test("An ICMP error about the host's packet comes to it as it sent the packet")
    func errors() throws {
        let bench = try Self.bench("203.0.113.10:53", "10.2.0.11:5353", .masquerading, proto: IPProtocol.udp)
        let request = bench.send(Packet.udp(from: "10.2.0.1:4000", to: "203.0.113.10:53"), from: Self.own)
        let quoted = Array(try #require(request.first)[14...])
        let out = bench.send(Packet.icmpError(from: "10.2.0.11:0", to: "10.2.0.1:0", type: 3, code: 3, quoting: quoted))
        #expect(bench.interfaces == [Self.own])
        expect(
            try #require(out.first), .ipv4(.source("203.0.113.10"), .destination("10.2.0.1")), .icmp(.type(3), .code(3)),
            .quoting(.ipv4(.source("10.2.0.1"), .destination("203.0.113.10")), .udp(.sourcePort(4000), .destinationPort(53))))
    }

    @Test("The host's rules for what comes in do not concern what it sends")
    func rules() throws {
        let bench = try Self.bench("203.0.113.10:80", "10.2.0.11:80", .directRouting)
        bench.honour(
            try MarkRules(
                family: .v4, chains: [.init(name: "INPUT", rules: [MarkRule(target: .drop(.silent))])],
                bases: [.init(chain: 0, hook: .input)]))
        bench.send(Packet.tcp(from: "10.2.0.1:4000", to: "203.0.113.10:80"), from: Self.own)
        #expect(bench.verdict == .directRouting)
        bench.send(Packet.tcp(from: "198.51.100.7:4000", to: "203.0.113.10:80"))
        #expect(bench.verdict == .hostFirewall)
    }
}
