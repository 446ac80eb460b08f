import LVS
import PacketKit
import Testing
import Wire

import enum PacketKit.Packet

/// `--mss-clamp`: what a SYN announces, before and behind the director.
struct SegmentSizeTests {
    private func announced(_ frame: [UInt8], behind overhead: Int, isV4: Bool) -> Int? {
        let transport = Array(packet(frame).dropFirst(overhead + (isV4 ? 20 : 40)))
        guard transport.count >= 24, transport[12] >> 4 == 6, transport[20] == 2 else { return nil }
        return Int(transport[22]) << 8 | Int(transport[23])
    }

    struct Case: Sendable, CustomTestStringConvertible {
        var testDescription: String
        var clamp: MSSClamp
        var method: ForwardingMethod = .tunneling
        var tunnel: TunnelType = .ipip
        var mtu = 1500
        var said: UInt16 = 1460
        var heard: Int
        var overhead = 20
        var isV4 = true
    }

    @Test(
        "Lowered to what the way carries, never raised",
        arguments: [
            Case(testDescription: "off", clamp: .off, heard: 1460),
            Case(testDescription: "ipip", clamp: .auto, heard: 1440),
            Case(testDescription: "gue", clamp: .auto, tunnel: .gue, heard: 1428, overhead: 32),
            Case(testDescription: "gre", clamp: .auto, tunnel: .gre, heard: 1436, overhead: 24),
            Case(testDescription: "a narrow route", clamp: .auto, mtu: 1400, heard: 1340),
            Case(testDescription: "already lower", clamp: .auto, said: 1300, heard: 1300),
            Case(testDescription: "not below 536 by itself", clamp: .auto, mtu: 300, heard: 536),
            Case(testDescription: "IPv6", clamp: .auto, said: 1440, heard: 1420, isV4: false),
            Case(testDescription: "IPv6 not below 1220 by itself", clamp: .auto, mtu: 1290, heard: 1220, isV4: false),
            Case(testDescription: "a number", clamp: .value(1000), heard: 1000),
            Case(testDescription: "a low number is the administrator's", clamp: .value(200), heard: 200),
            Case(testDescription: "a high number raises nothing", clamp: .value(9000), heard: 1460),
            Case(testDescription: "direct routing", clamp: .auto, method: .directRouting, mtu: 1400, heard: 1360, overhead: 0),
            Case(testDescription: "NAT", clamp: .auto, method: .masquerading, mtu: 1400, heard: 1360, overhead: 0),
        ])
    func client(_ row: Case) throws {
        let bench = TranslationFixture(serverMTU: row.mtu)
        let virtual: Endpoint = row.isV4 ? "203.0.113.10:80" : "[2001:db8:f::10]:80"
        let settings = ServerSettings(method: row.method, tunnel: row.tunnel, tunnelPort: 6080)
        try bench.tunnel(virtual, to: row.isV4 || row.method == .tunneling ? "10.2.0.11:80" : "[fd00:2::11]:80", settings) {
            $0.mssClamp = row.clamp
        }
        let client: Endpoint = row.isV4 ? "198.51.100.7:4000" : "[2001:db8:c::7]:4000"
        let out = try #require(bench.send(Packet.tcp(from: client, to: virtual, options: TCPOption.mss(row.said))).first)
        #expect(announced(out, behind: row.overhead, isV4: row.isV4) == row.heard)
        #expect(bench.clampedSYNs == (row.heard < Int(row.said) ? 1 : 0))
        // The checksum is still right: the expectation looks at it.
        let outer: [Layer] =
            row.overhead == 20 ? [.ipv4()] : row.overhead == 24 ? [.ipv4(), .gre()] : row.overhead == 32 ? [.ipv4(), .udp(), .gue()] : []
        #expect(mismatches(out, [.ethernet()] + outer + [row.isV4 ? .ipv4() : .ipv6(), .tcp()]) == [])
    }

    @Test("NAT: the answer as well, by the narrower of the two ways")
    func answer() throws {
        let bench = TranslationFixture(serverMTU: 1300)
        try bench.tunnel("203.0.113.10:80", to: "10.2.0.11:80", ServerSettings(method: .masquerading)) { $0.mssClamp = .auto }
        bench.send(Packet.tcp(from: "198.51.100.7:4000", to: "203.0.113.10:80"))
        let out = try #require(
            bench.send(
                Packet.tcp(from: "10.2.0.11:80", to: "198.51.100.7:4000", flags: [.syn, .ack], ack: 2, options: TCPOption.mss(1460))
            ).first)
        #expect(announced(out, behind: 0, isV4: true) == 1260)
        expect(out, .ipv4(), .tcp(.flags([.syn, .ack])))
        #expect(bench.clampedSYNs == 1)
    }

    @Test("Only SYNs that announce something, and only TCP")
    func others() throws {
        let bench = TranslationFixture()
        try bench.tunnel("203.0.113.10:80", to: "10.2.0.11:80", ServerSettings(method: .directRouting)) { $0.mssClamp = .value(500) }
        for segment in [
            Packet.tcp(from: "198.51.100.7:4000", to: "203.0.113.10:80"),
            Packet.tcp(from: "198.51.100.7:4000", to: "203.0.113.10:80", flags: .ack, options: TCPOption.mss(1460)),
            Packet.tcp(from: "198.51.100.7:4000", to: "203.0.113.10:80", options: [2, 3, 5]),
            Packet.tcp(from: "198.51.100.7:4000", to: "203.0.113.10:80", options: [2, 40, 5, 180]),
        ] {
            let out = try #require(bench.send(segment).first)
            #expect(Array(packet(out)[20...]) == Array(segment[20...]))
        }
        #expect(bench.clampedSYNs == 0)
    }

    @Test("An unfinished checksum stays the pseudo-header's")
    func partial() throws {
        let bench = TranslationFixture()
        try bench.tunnel("203.0.113.10:80", to: "10.2.0.11:80", ServerSettings(method: .directRouting)) { $0.mssClamp = .value(500) }
        let segment = Packet.tcp(from: "198.51.100.7:4000", to: "203.0.113.10:80", options: TCPOption.mss(1460)).partial
        let out = try #require(bench.send(segment, offload: .partial(at: 34, field: 16)).first)
        #expect(Array(packet(out)[36..<38]) == Array(segment[36..<38]))
        #expect(announced(out, behind: 0, isV4: true) == 500)
    }
}
