import Foundation
import LVS
import PacketKit
import Testing
import Wire

import enum PacketKit.Packet

private let client: Endpoint = "192.0.2.1:103", client6: Endpoint = "[2001:db8:c::7]:103"
private let none = TunnelFlags()
private let virtual: Endpoint = "203.0.113.10:80", virtual6: Endpoint = "[2001:db8:f::10]:80"
private let server: Endpoint = "10.2.0.11:80", server6: Endpoint = "[fd00:2::11]:80"

private func settings(_ tunnel: TunnelType, _ flags: TunnelFlags = []) -> ServerSettings {
    ServerSettings(method: .tunneling, tunnel: tunnel, tunnelPort: tunnel == .gue ? 6080 : 0, tunnelFlags: flags)
}

struct TunnelTests {
    @Test("Names and numbers are those of ipvsadm and the control interface")
    func roster() {
        #expect(Tunnels.all.map { "\($0.name) \($0.type.rawValue)" } == ["ipip 0", "gue 1", "gre 2"])
        for tunnel in Tunnels.all {
            let isKnown = Tunnels.of(tunnel.type) == tunnel && Tunnels.named(tunnel.name).map { $0 == tunnel } ?? false
            #expect(isKnown, "\(tunnel)")
        }
        #expect(Tunnels.named("vxlan") == nil)
        #expect(Tunnels.of(TunnelType(rawValue: 9)).name == "ipip")
    }

    @Test("The folder is the roster")
    func folder() throws {
        let folder = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent().appending(path: "Sources/LVS/Tunnels")
        let files = try FileManager.default.contentsOfDirectory(at: folder, includingPropertiesForKeys: nil)
        let written = try files.filter { try String(contentsOf: $0, encoding: .utf8).contains(": Tunnel {") }
            .map { $0.deletingPathExtension().lastPathComponent }
        #expect(Set(written) == Set(Tunnels.all.map { String(describing: $0) }))
    }

    @Test(
        "The kernel's own bytes",
        arguments: [
            (TunnelType.ipip, none, "452e003c 00004000 3f042781 0a020001 0a02000b"),
            (.gre, none, "452e0040 00004000 3f2f2752 0a020001 0a02000b 00000800"),
        ])
    func kernelBytes(_ type: TunnelType, _ flags: TunnelFlags, _ outer: String) throws {
        let bench = TranslationFixture()
        bench.rewire { $0.addresses.append(.init(address: TranslationFixture.ip("10.9.0.1"), prefixLength: 32, interface: 1)) }
        try bench.tunnel("10.9.0.1:2003", to: "10.2.0.11:2003", settings(type, flags))
        let segment = Packet.tcp(from: "192.0.2.1:103", to: "10.9.0.1:2003", ttl: 64, tos: 0x2e, id: 0x1234)
        let out = try #require(bench.send(segment).first)
        // One hop less inside, its header checksum as the kernel left it, the rest as it was.
        #expect(Array(packet(out)) == hex(outer) + hex("452e0028 12344000 3f065d63 c0000201 0a090001") + segment[20...])
    }

    struct Way: Sendable, CustomTestStringConvertible {
        var client: Endpoint, virtual: Endpoint, server: Endpoint
        var testDescription: String { "\(client.address.isV4 ? 4 : 6) in \(server.address.isV4 ? 4 : 6)" }
    }

    private static let ways = [
        Way(client: client, virtual: virtual, server: server), Way(client: client6, virtual: virtual6, server: server),
        Way(client: client, virtual: virtual, server: server6), Way(client: client6, virtual: virtual6, server: server6),
    ]

    @Test(
        "Every tunnel over every pair of families", arguments: ways,
        [
            (TunnelType.ipip, none), (.gue, none), (.gue, .checksum), (.gue, .remoteChecksum), (.gre, none), (.gre, .checksum),
        ])
    func everyWay(_ way: Way, _ kind: (type: TunnelType, flags: TunnelFlags)) throws {
        let bench = TranslationFixture()
        try bench.tunnel(way.virtual, to: way.server, settings(kind.type, kind.flags))
        let sent = Packet.tcp(from: way.client, to: way.virtual, payload: hex("aa bb cc"), ttl: 60, tos: 0x2b, id: 9)
        let out = try #require(bench.send(sent).first)
        #expect(bench.verdict == .tunneling)
        let isV4 = way.virtual.address.isV4, type = UInt16(isV4 ? 0x0800 : 0x86dd), inner = UInt8(isV4 ? 4 : 41)
        let source: Endpoint = way.server.address.isV4 ? "10.2.0.1" : "[fd00:2::1]"
        let proto: UInt8 = kind.type == .ipip ? inner : kind.type == .gue ? 17 : 47
        let outer: Layer =
            way.server.address.isV4
            ? .ipv4(
                .source(Endpoint(source.address)), .destination(Endpoint(way.server.address)), .ttl(59), .tos(0x2a), .proto(proto),
                .df(isV4))
            : .ipv6(
                .source(Endpoint(source.address)), .destination(Endpoint(way.server.address)), .ttl(59), .tos(0x2a), .proto(proto), .flow(0)
            )
        let carried: [Layer] = [
            isV4
                ? .ipv4(.source(way.client), .destination(way.virtual), .ttl(59), .tos(0x2b), .id(9))
                : .ipv6(.source(way.client), .destination(way.virtual), .ttl(59), .tos(0x2b)),
            .tcp(.sourcePort(103), .destinationPort(80)), .payload(hex("aa bb cc")),
        ]
        let shim: [Layer]
        switch kind.type {
        case .gue: shim = [.udp(.destinationPort(6080), .checksummed(!kind.flags.isEmpty)), .gue(.header([0, inner, 0, 0]))]
        case .gre: shim = [.gre(.proto(Int(type)), .checksummed(!kind.flags.isEmpty))]
        default: shim = []
        }
        let layers = [outer] + shim + carried
        #expect(mismatches(out, [.ethernet(.destination("02:00:00:00:00:11"), .source("02:00:00:00:00:01"))] + layers) == [])
    }

    @Test("ECN: a congestion mark stays inside", arguments: [(UInt8(0), UInt8(0)), (1, 1), (2, 2), (3, 2), (0xb8, 0xb8), (0xff, 0xfe)])
    func congestion(_ inner: UInt8, _ outer: UInt8) throws {
        let bench = TranslationFixture()
        try bench.tunnel(virtual, to: server, settings(.ipip))
        let out = try #require(bench.send(Packet.tcp(from: client, to: virtual, tos: inner)).first)
        expect(out, .ipv4(.tos(outer)), .ipv4(.tos(inner)), .tcp())
    }

    @Test("DF goes outside with no id; without DF each packet has the next id; pmtu_disc=0 clears it")
    func identification() throws {
        let bench = TranslationFixture()
        try bench.tunnel(virtual, to: server, settings(.ipip))
        func outer(df: Bool) throws -> (id: UInt16, df: Bool) {
            let ip = packet(try #require(bench.send(Packet.tcp(from: client, to: virtual, id: 5, df: df)).first))
            return (UInt16(ip[4]) << 8 | UInt16(ip[5]), ip[6] & 0x40 != 0)
        }
        #expect(try outer(df: true) == (0, true))
        let first = try outer(df: false), second = try outer(df: false)
        #expect(!first.df && !second.df)
        #expect(second.id == first.id &+ 1)
        bench.tune { $0.pathMTUDiscovery = 0 }
        #expect(try outer(df: true) == (first.id &+ 2, false))
    }

    @Test("GUE: one port for a flow, within the local range, and others for others")
    func flowPorts() throws {
        let bench = TranslationFixture()
        bench.tune {
            $0.firstLocalPort = 40_000; $0.lastLocalPort = 40_099
        }
        try bench.tunnel(virtual, to: server, settings(.gue))
        var ports: Set<UInt16> = []
        for port in 1000..<1200 as Range<UInt16> {
            let flow = Endpoint(client.address, port)
            let a = ends(try #require(bench.send(Packet.tcp(from: flow, to: virtual)).first)).source.port
            let b = ends(try #require(bench.send(Packet.tcp(from: flow, to: virtual, flags: .ack, seq: 2)).first)).source.port
            #expect(a == b)
            #expect((40_000...40_099).contains(a))
            ports.insert(a)
        }
        #expect(ports.count > 60)
    }

    @Test("An edit reaches connections that are there; so does another source address")
    func edits() throws {
        let bench = TranslationFixture()
        try bench.tunnel(virtual, to: server, settings(.ipip))
        let segment = Packet.tcp(from: client, to: virtual)
        expect(try #require(bench.send(segment).first), .ipv4(.proto(4)), .ipv4(), .tcp())
        let key = ServiceKey(proto: IPProtocol.tcp, address: virtual.address, port: 80)
        try bench.apply(.editServer(key, ServerKey(address: server.address, port: 80), settings(.gue, .checksum)))
        expect(try #require(bench.send(segment).first), .ipv4(.proto(17)), .udp(.checksummed(true)), .gue(), .ipv4(), .tcp())
        bench.rewire { $0.routes[2].source = TranslationFixture.ip("10.2.0.99") }
        expect(try #require(bench.send(segment).first), .ipv4(.source("10.2.0.99")), .udp(.checksummed(true)), .gue(), .ipv4(), .tcp())
    }

    @Test("Without room in front of the frame a copy goes out")
    func noHeadroom() throws {
        let bench = TranslationFixture()
        try bench.tunnel(virtual, to: server, settings(.gue))
        let segment = Packet.tcp(from: client, to: virtual, payload: hex("01 02"))
        let roomy = bench.send(segment)
        bench.headroom = 0
        #expect(bench.send(segment) == roomy)
        #expect(bench.verdict == .tunneling)
    }

    @Test("A VLAN tag stays in front")
    func tagged() throws {
        let bench = TranslationFixture()
        try bench.tunnel(virtual, to: server, settings(.ipip))
        let frame = Packet.tcp(from: client6, to: virtual6).ethernet(from: "02:00:00:00:00:fe", to: "02:00:00:00:00:01").vlan(5)
        try bench.tunnel(virtual6, to: server, settings(.ipip))
        let out = try #require(bench.receive(frame).first)
        #expect(Array(out[12..<18]) == hex("8100 0005 0800"))
        expect(Array(out[18...]), .ipv4(.proto(41)), .ipv6(.source(client6)), .tcp())
    }

    @Test(
        "Unfinished checksums: moved, finished, or left to the receiver",
        arguments: [
            (TunnelType.ipip, none, 20), (.gue, none, 32), (.gue, .checksum, 32), (.gue, .remoteChecksum, 40), (.gre, none, 24),
            (.gre, .checksum, 28),
        ])
    func partialChecksums(_ type: TunnelType, _ flags: TunnelFlags, _ overhead: Int) throws {
        let bench = TranslationFixture()
        try bench.tunnel(virtual, to: server, settings(type, flags))
        let whole = Packet.tcp(from: client, to: virtual, payload: hex("01 02 03"))
        let out = try #require(bench.send(whole.partial, offload: .partial(at: 34, field: 16)).first)
        let ip = packet(out)
        #expect(ip.count == whole.count + overhead)
        let inner = Array(ip[overhead...])
        switch (type, flags) {
        case (.gue, .remoteChecksum):
            #expect(bench.offloads == [Offload()])
            #expect(Array(ip[28..<40]) == hex("02 04 00 01 80 00 00 00 00 14 00 24"))
            #expect(Array(inner[20...]) == Array(whole.partial[20...]))
            expect(out, .ipv4(), .udp(.checksummed(true)), .gue(.proto(4)))
        case (_, .checksum):
            #expect(bench.offloads == [Offload()])
            #expect(Array(inner[20...]) == Array(whole[20...]))
        default:
            #expect(bench.offloads == [.partial(at: UInt16(34 + overhead), field: 16)])
            #expect(Array(inner[20...]) == Array(whole.partial[20...]))
        }
    }

    @Test(
        "A lying offload header is no reason to fall",
        arguments: [
            Offload.partial(at: 65535, field: 16), .partial(at: 10, field: 65535), .partial(at: 0, field: 0), .partial(at: 54, field: 0),
        ])
    func lyingOffloads(_ offload: Offload) throws {
        for (type, flags) in [(TunnelType.gue, TunnelFlags.checksum), (.gue, .remoteChecksum), (.gre, .checksum)] {
            let bench = TranslationFixture()
            try bench.tunnel(virtual, to: server, settings(type, flags))
            #expect(bench.send(Packet.tcp(from: client, to: virtual), offload: offload).isEmpty)
            #expect(bench.verdict == .malformed)
        }
    }
}

extension Offload {
    static func partial(at start: UInt16, field: UInt16) -> Offload {
        Offload(flags: needsChecksum, checksumStart: start, checksumOffset: field)
    }
}

extension [UInt8] {
    /// This TCP or UDP packet without options or extension headers, its checksum field holding the pseudo-header's sum alone.
    var partial: [UInt8] {
        let isV4 = self[0] >> 4 == 4, start = isV4 ? 20 : 40
        let proto = isV4 ? self[9] : self[6]
        let ends = ends([UInt8](repeating: 0, count: 14) + self)
        let sum = ~SlowChecksum.internet(
            SlowChecksum.pseudoHeader(from: ends.source.address, to: ends.destination.address, proto: proto, length: count - start))
        let field = start + (proto == 6 ? 16 : 6)
        return with(UInt8(sum >> 8), UInt8(truncatingIfNeeded: sum), at: field)
    }
}
