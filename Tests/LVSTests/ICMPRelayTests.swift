import LVS
import PacketKit
import Testing
import Wire

import enum PacketKit.Packet

/// ICMP errors about packets of connections, in both families: verdicts and packets as kernel 6.1 has them.
struct ICMPRelayTests {
    /// One family's addresses on the bench, with an established connection of each method.
    struct Side: Sendable, CustomTestStringConvertible {
        var isV4: Bool
        var client: Endpoint { isV4 ? "198.51.100.7:4000" : "[2001:db8:c::7]:4000" }
        var virtual: Endpoint { isV4 ? "203.0.113.10:80" : "[2001:db8:f::10]:80" }
        var server: Endpoint { isV4 ? "10.2.0.11:8080" : "[fd00:2::11]:8080" }
        var router: Endpoint { isV4 ? "192.0.2.1" : "2001:db8:aa::1" }
        var unreachable: UInt8 { isV4 ? 3 : 1 }
        var headers: Int { isV4 ? 20 : 40 }
        var testDescription: String { isV4 ? "IPv4" : "IPv6" }

        func bench(_ method: ForwardingMethod, serverMTU: Int = 1500, scheduling: Bool = false) throws -> TranslationFixture {
            let bench = TranslationFixture(serverMTU: serverMTU)
            bench.tune { $0.scheduleICMP = scheduling ? 1 : 0 }
            try bench.serve(virtual, method == .masquerading ? server : Endpoint(server.address, 80), method: method)
            bench.send(Packet.tcp(from: client, to: virtual))
            return bench
        }

        /// What the server's answer looked like on the client's side, and the request on the server's.
        var answer: [UInt8] { Packet.tcp(from: virtual, to: client, flags: .ack, payload: hex("01 02 03 04")) }
        var request: [UInt8] { Packet.tcp(from: client, to: server, flags: .ack) }

        func error(
            from source: Endpoint? = nil, to destination: Endpoint? = nil, type: UInt8? = nil, code: UInt8 = 1,
            about packet: [UInt8]? = nil,
            limit: Int = 548, ttl: UInt8 = 60
        ) -> [UInt8] {
            Packet.icmpError(
                from: source ?? Endpoint(router.address), to: destination ?? Endpoint(virtual.address), type: type ?? unreachable,
                code: code, quoting: packet ?? answer, limit: limit, ttl: ttl)
        }
    }

    static let sides = [Side(isV4: true), Side(isV4: false)]

    @Test("From the client's side to a directly routed server: unchanged but for a hop", arguments: sides)
    func directRouting(_ side: Side) throws {
        let bench = try side.bench(.directRouting)
        let error = side.error()
        let out = try #require(bench.send(error).first)
        #expect(bench.verdict == .icmpToServer)
        expect(
            out, .ethernet(.destination("02:00:00:00:00:11")), ip(side, .destination(Endpoint(side.virtual.address)), .ttl(59)),
            .icmp(.type(side.unreachable), .code(1)), .quoting(ip(side, .source(Endpoint(side.virtual.address)))))
        #expect(packet(out).dropFirst(side.headers) == error.dropFirst(side.headers))
        let counters = bench.inventory.services[0].servers[0].statistics.counters
        #expect([counters.packetsIn, counters.packetsOut, counters.bytesIn] == [2, 0, UInt64(side.headers + 20 + error.count)])
    }

    @Test("From the client's side to a NAT server: addresses and port outside and inside", arguments: sides)
    func toServer(_ side: Side) throws {
        let bench = try side.bench(.masquerading)
        let out = try #require(bench.send(side.error()).first)
        #expect(bench.verdict == .icmpToServer)
        expect(
            out, ip(side, .source(side.router), .destination(Endpoint(side.server.address)), .ttl(59)), .icmp(.type(side.unreachable)),
            .quoting(
                ip(side, .source(Endpoint(side.server.address)), .destination(Endpoint(side.client.address))),
                .tcp(.sourcePort(8080), .destinationPort(4000))))
    }

    @Test(
        "From the server's side, also from a router there: from the virtual address, about the client's own packet", arguments: sides,
        [true, false])
    func toClient(_ side: Side, fromServer: Bool) throws {
        let bench = try side.bench(.masquerading)
        let source = fromServer ? Endpoint(side.server.address) : side.router
        let out = try #require(bench.send(side.error(from: source, to: Endpoint(side.client.address), about: side.request)).first)
        #expect(bench.verdict == .icmpToClient)
        expect(
            out, .ethernet(.destination("02:00:00:00:00:fe")), ip(side, .source(Endpoint(side.virtual.address)), .ttl(59)),
            .icmp(.type(side.unreachable)), .quoting(ip(side, .destination(Endpoint(side.virtual.address))), .tcp(.destinationPort(80))))
        let counters = bench.inventory.services[0].servers[0].statistics.counters
        #expect([counters.packetsIn, counters.packetsOut] == [1, 1])
    }

    @Test(
        "How much has to be quoted: the ports", arguments: sides,
        [
            (0, false), (19, false), (20, false), (23, false), (24, true), (28, true), (500, true),
        ])
    func quotes(_ side: Side, _ row: (limit: Int, isEnough: Bool)) throws {
        let bench = try side.bench(.masquerading)
        bench.send(side.error(limit: row.limit + side.headers - 20))
        #expect(bench.verdict == (row.isEnough ? .icmpToServer : .passICMP))
    }

    @Test(
        "Which messages are about connections",
        arguments: [
            (true, 3, true), (true, 4, true), (true, 11, true), (true, 5, false), (true, 12, false), (true, 30, false),
            (false, 1, true), (false, 2, true), (false, 3, true), (false, 4, true), (false, 100, true), (false, 137, false),
            (false, 200, false),
        ] as [(Bool, UInt8, Bool)])
    func types(isV4: Bool, type: UInt8, isRelayed: Bool) throws {
        let side = Side(isV4: isV4)
        let bench = try side.bench(.directRouting)
        bench.send(side.error(type: type))
        #expect(bench.verdict == (isRelayed ? .icmpToServer : .passICMP))
    }

    @Test(
        "A wrong checksum matters only where a new one would be made", arguments: sides,
        [
            (ForwardingMethod.directRouting, Verdict.icmpToServer), (.masquerading, .icmpMalformed),
        ])
    func checksums(_ side: Side, _ row: (method: ForwardingMethod, verdict: Verdict)) throws {
        let bench = try side.bench(row.method)
        let error = side.error()
        bench.send(error.with(error[side.headers + 2] ^ 0x55, at: side.headers + 2))
        #expect(bench.verdict == row.verdict)
        #expect(bench.inventory.services[0].servers[0].statistics.counters.packetsIn == (row.verdict == .icmpToServer ? 2 : 1))
    }

    @Test("Nobody is told that an error died on its way", arguments: sides, [ForwardingMethod.directRouting, .masquerading])
    func hops(_ side: Side, _ method: ForwardingMethod) throws {
        let bench = try side.bench(method)
        #expect(bench.send(side.error(ttl: 1)) == [])
        #expect(bench.verdict == .icmpTimeExceeded)
        #expect(
            bench.send(side.error(from: Endpoint(side.server.address), to: Endpoint(side.client.address), about: side.request, ttl: 1))
                == [])
    }

    @Test(
        "An error that is too long is fragmented even against DF, over IPv6 dropped", arguments: sides,
        [ForwardingMethod.directRouting, .masquerading])
    func tooLong(_ side: Side, _ method: ForwardingMethod) throws {
        let bench = try side.bench(method, serverMTU: 1280)
        let long = Packet.tcp(from: side.virtual, to: side.client, payload: [UInt8](repeating: 9, count: 1300))
        var error = side.error(about: long, limit: 1300)
        if side.isV4 {
            error = Packet.icmp(
                from: side.router, to: Endpoint(side.virtual.address), type: 3, code: 1, payload: Array(long.prefix(1300)), df: true)
        }
        let out = bench.send(error)
        #expect(bench.verdict == (side.isV4 ? .icmpToServer : .packetTooBig))
        #expect(FragmentTests.sizes(out) == (side.isV4 ? [1256, 52] : []))
        for frame in out { expect(frame, .ipv4(.df(false))) }
    }

    @Test("An error on its way through the director to somebody else concerns the connection too", arguments: sides)
    func passingBy(_ side: Side) throws {
        let bench = try side.bench(.directRouting)
        let elsewhere: Endpoint = side.isV4 ? "192.0.2.200" : "2001:db8:ee::9"
        let out = try #require(bench.send(side.error(to: elsewhere)).first)
        expect(out, .ethernet(.destination("02:00:00:00:00:11")), ip(side, .destination(elsewhere), .ttl(58)))
    }

    @Test("Unknown packets create connections only with schedule_icmp", arguments: sides, [false, true])
    func scheduling(_ side: Side, _ isOn: Bool) throws {
        let bench = try side.bench(.masquerading, scheduling: isOn)
        let stranger = Endpoint(side.client.address, 4001)
        bench.send(side.error(about: Packet.tcp(from: side.virtual, to: stranger)))
        #expect(bench.verdict == (isOn ? .icmpToServer : .passICMP))
        #expect(bench.connections.count == (isOn ? 2 : 1))
        #expect(bench.connections.contains { $0.clientPort == 4001 && $0.state == "NONE" } == isOn)
        bench.send(side.error(limit: side.headers + 3))
        #expect(bench.verdict == (isOn ? .icmpMalformed : .passICMP))
        bench.pass(seconds: 4)
        #expect(bench.connections.count == 1)
    }

    @Test("A quoted later fragment says nothing, a first one all", arguments: sides, [(0, true), (80, false)])
    func quotedFragments(_ side: Side, _ row: (offset: Int, isRelayed: Bool)) throws {
        let bench = try side.bench(.directRouting)
        let long = Packet.tcp(from: side.virtual, to: side.client, payload: [UInt8](repeating: 9, count: 300), df: false)
        let piece = FragmentTests.fragment(long, row.offset, row.offset + 80, more: true)
        bench.send(side.error(about: piece))
        #expect(bench.verdict == (row.isRelayed ? .icmpToServer : .passICMP))
    }

    @Test(
        "AH and ESP follow the key exchange",
        arguments: [(ForwardingMethod.directRouting, "203.0.113.10"), (.masquerading, "10.2.0.11")] as [(ForwardingMethod, Endpoint)])
    func secured(_ method: ForwardingMethod, _ destination: Endpoint) throws {
        let bench = TranslationFixture()
        try bench.serve("203.0.113.10:500", "10.2.0.11:500", proto: IPProtocol.udp, method: method)
        let esp = Packet.ip(from: "198.51.100.7", to: "203.0.113.10", proto: 50, payload: [UInt8](repeating: 3, count: 40))
        bench.send(esp)
        #expect(bench.verdict == .protocolUnreachable)
        bench.send(Packet.udp(from: "198.51.100.7:500", to: "203.0.113.10:500", payload: hex("01")))
        for proto in [50, 51] as [UInt8] {
            let out = try #require(
                bench.send(Packet.ip(from: "198.51.100.7", to: "203.0.113.10", proto: proto, payload: [UInt8](repeating: 3, count: 40)))
                    .first)
            expect(
                out, .ethernet(.destination("02:00:00:00:00:11")), .ipv4(.destination(destination), .ttl(63), .proto(proto)),
                .payload([UInt8](repeating: 3, count: 40)))
        }
    }

    @Test("FULLNAT: the server knows the client by a local address only", arguments: sides)
    func fullNAT(_ side: Side) throws {
        let bench = TranslationFixture()
        let local: Endpoint = side.isV4 ? "10.2.0.200" : "fd00:2::200"
        try bench.serve(side.virtual, side.server, method: .fullNAT) { $0.localAddresses = [local.address...local.address] }
        let request = try #require(bench.send(Packet.tcp(from: side.client, to: side.virtual)).first)
        let seen = ends(request).source
        let toServer = try #require(bench.send(side.error()).first)
        #expect(bench.verdict == .icmpToServer)
        expect(
            toServer, ip(side, .source(local), .destination(Endpoint(side.server.address)), .ttl(59)), .icmp(.type(side.unreachable)),
            .quoting(
                ip(side, .source(Endpoint(side.server.address)), .destination(local)),
                .tcp(.sourcePort(8080), .destinationPort(Int(seen.port)))))
        let toClient = try #require(bench.send(side.error(from: side.router, to: local, about: packet(request))).first)
        #expect(bench.verdict == .icmpToClient)
        expect(
            toClient, ip(side, .source(Endpoint(side.virtual.address)), .destination(Endpoint(side.client.address)), .ttl(59)),
            .icmp(.type(side.unreachable)),
            .quoting(
                ip(side, .source(Endpoint(side.client.address)), .destination(Endpoint(side.virtual.address))),
                .tcp(.sourcePort(4000), .destinationPort(80))))
    }

    private func ip(_ side: Side, _ checks: Check<IPFields>...) -> Layer {
        // A layer takes its checks as a list; three are the most that a row here names.
        switch (side.isV4, checks.count) {
        case (true, 1): .ipv4(checks[0])
        case (true, 2): .ipv4(checks[0], checks[1])
        case (true, _): .ipv4(checks[0], checks[1], checks[2])
        case (false, 1): .ipv6(checks[0])
        case (false, 2): .ipv6(checks[0], checks[1])
        case (false, _): .ipv6(checks[0], checks[1], checks[2])
        }
    }
}
