import Foundation
import LVS
import PacketKit
import Testing
import Wire

import enum PacketKit.Packet

/// `docs/mtu.md` says what happens to a packet of each size; this asks the engine and compares. The page is written anew
/// when the environment has `SVS_REGENERATE`.
struct TunnelMTUTests {
    private struct Method: Sendable {
        var name: String
        var settings: ServerSettings
        var isPartial = false
        /// Version of the packets, and of the way to the server.
        var inner = IPFamily.v4, outer = IPFamily.v4
    }

    private static func tunnel(
        _ name: String, _ type: TunnelType, _ flags: TunnelFlags = [], isPartial: Bool = false,
        carries inner: IPFamily = .v4, over outer: IPFamily = .v4
    ) -> Method {
        Method(
            name: name, settings: ServerSettings(method: .tunneling, tunnel: type, tunnelPort: 6080, tunnelFlags: flags),
            isPartial: isPartial, inner: inner, outer: outer)
    }

    private static let methods: [Method] = [
        Method(name: "DR", settings: ServerSettings(method: .directRouting)),
        Method(name: "NAT", settings: ServerSettings(method: .masquerading)),
        tunnel("ipip", .ipip), tunnel("gre", .gre), tunnel("gre, csum", .gre, .checksum), tunnel("gue", .gue),
        tunnel("gue, csum", .gue, .checksum),
        tunnel("gue, remcsum, checksum unfinished", .gue, .remoteChecksum, isPartial: true),
        tunnel("ipip over IPv6", .ipip, carries: .v4, over: .v6), tunnel("gre over IPv6", .gre, carries: .v4, over: .v6),
        tunnel("gue over IPv6", .gue, carries: .v4, over: .v6),
        Method(name: "IPv6 DR", settings: ServerSettings(method: .directRouting), inner: .v6, outer: .v6),
        Method(name: "IPv6 NAT", settings: ServerSettings(method: .masquerading), inner: .v6, outer: .v6),
        tunnel("IPv6 ipip", .ipip, carries: .v6, over: .v4), tunnel("IPv6 gre", .gre, carries: .v6, over: .v4),
        tunnel("IPv6 gue", .gue, carries: .v6, over: .v4),
        tunnel("IPv6 ipip over IPv6", .ipip, carries: .v6, over: .v6), tunnel("IPv6 gre over IPv6", .gre, carries: .v6, over: .v6),
        tunnel("IPv6 gue over IPv6", .gue, carries: .v6, over: .v6),
    ]

    /// A director whose own link is wide, with a way of MTU 1500 to the server.
    private static func bench(_ method: Method) throws -> TranslationFixture {
        let bench = TranslationFixture(serverMTU: 1500)
        bench.rewire { $0.interfaces[1].mtu = 9000 }
        bench.tune { $0.sloppyTCP = 1 }
        try bench.tunnel(
            method.inner == .v4 ? "203.0.113.10:80" : "[2001:db8:f::10]:80",
            to: method.outer == .v4 ? "10.2.0.11:80" : "[fd00:2::11]:80", method.settings)
        return bench
    }

    private static func send(_ length: Int, df: Bool, _ method: Method, through bench: TranslationFixture) -> [[UInt8]] {
        let isV4 = method.inner == .v4
        let client: Endpoint = isV4 ? "198.51.100.7:4000" : "[2001:db8:c::7]:4000"
        let virtual: Endpoint = isV4 ? "203.0.113.10:80" : "[2001:db8:f::10]:80"
        let segment = Packet.tcp(
            from: client, to: virtual, flags: .ack, payload: [UInt8](repeating: 1, count: length - (isV4 ? 40 : 60)), df: df)
        guard method.isPartial else { return bench.send(segment) }
        return bench.send(segment.partial, offload: .partial(at: isV4 ? 34 : 54, field: 16))
    }

    /// What came out: the packets' lengths, or the limit that the client was told.
    private static func outcome(_ frames: [[UInt8]], _ verdict: Verdict) -> String {
        if verdict == .fragmentationNeeded || verdict == .packetTooBig, let ip = frames.first.map(packet) {
            let start = ip[0] >> 4 == 4 ? 26 : 46
            return "ICMP, \(Int(ip[start]) << 8 | Int(ip[start + 1]))"
        }
        return frames.isEmpty ? verdict.name : frames.map { "\($0.count - 14)" }.joined(separator: " + ")
    }

    private static func outcome(_ length: Int, df: Bool, _ method: Method, discovers: Bool = true) throws -> String {
        let bench = try bench(method)
        bench.tune { $0.pathMTUDiscovery = discovers ? 1 : 0 }
        return outcome(send(length, df: df, method, through: bench), bench.verdict)
    }

    /// The longest packet that leaves in one piece.
    private static func limit(_ method: Method) throws -> Int {
        let bench = try bench(method)
        return (1200...1600).last { send($0, df: true, method, through: bench).count == 1 && bench.verdict.fate == .sent } ?? 0
    }

    private static func limits() throws -> String {
        var lines = [
            "| method | bytes in front | longest packet | one byte more, DF | no DF | DF, `pmtu_disc=0` |", "|---|---|---|---|---|---|",
        ]
        for method in methods {
            let limit = try limit(method), over = limit + 1
            let fits = try outcome(limit, df: true, method)
            let overhead = (Int(fits) ?? limit) - limit
            let isV4 = method.inner == .v4
            let clear = isV4 ? try outcome(over, df: false, method) : "as with DF"
            let ignored = try outcome(over, df: true, method, discovers: false)
            lines.append("| \(method.name) | \(overhead) | \(limit) | \(try outcome(over, df: true, method)) | \(clear) | \(ignored) |")
        }
        return lines.joined(separator: "\n")
    }

    private static func sizes(_ chosen: [Method], df: Bool) throws -> String {
        let lengths = [1280, 1400, 1440, 1448, 1456, 1460, 1468, 1472, 1476, 1480, 1500, 1501, 3000]
        var lines = [
            "| packet | " + chosen.map(\.name).joined(separator: " | ") + " |", "|---|" + String(repeating: "---|", count: chosen.count),
        ]
        for length in lengths {
            let cells = try chosen.map { try outcome(length, df: df, $0) }
            lines.append("| \(length) | " + cells.joined(separator: " | ") + " |")
        }
        return lines.joined(separator: "\n")
    }

    private static func page() throws -> String {
        func named(_ names: String...) -> [Method] { names.compactMap { name in methods.first { $0.name == name } } }
        let four = named("DR", "NAT", "ipip", "gre", "gue", "ipip over IPv6", "gue over IPv6")
        let six = named("IPv6 DR", "IPv6 NAT", "IPv6 ipip", "IPv6 gre", "IPv6 gue", "IPv6 ipip over IPv6", "IPv6 gue over IPv6")
        return """
            # What fits

            What becomes of a packet of each size when the way from the director to the real server has an MTU of 1500. All lengths
            are those of IP packets in bytes; `1500 + 41` are two fragments; `ICMP, 1480` means that the client gets "fragmentation
            needed" (3/4) or "packet too big" (2/0) with that number, and the packet is dropped.

            This page is made by asking the engine (`TunnelMTUTests`); `SVS_REGENERATE=1 swift test --filter TunnelMTUTests` writes it
            anew. The numbers are the kernel's.

            ## Limits

            \(try limits())

            With tunnels the whole packet is wrapped and the outer packet is cut; DR and NAT cut the packet itself. `pmtu_disc=0` is
            about tunnels: DF is not asked for, and not set outside. IPv6 packets are never cut by a director.

            A learned path MTU (an ICMP error about an outer packet) takes the place of 1500 for ten minutes; not below 552, over
            IPv6 not below 1280. Where less than 68 bytes (over IPv6: 1280) remain for the inner packet, everything is dropped as
            `overhead-too-large`.

            A superframe (segmentation offload) is measured by its segments: headers and segment size together. Too long, it is
            answered by one message. DR and NAT send it on as it is; tunnels send each segment in an outer packet of its own.

            ## IPv4, DF set

            \(try sizes(four, df: true))

            ## IPv4, DF clear

            \(try sizes(four, df: false))

            ## IPv6

            \(try sizes(six, df: true))

            """
    }

    @Test("docs/mtu.md is what the engine does")
    func document() throws {
        let path = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
            .appendingPathComponent("docs/mtu.md")
        let page = try Self.page()
        if ProcessInfo.processInfo.environment["SVS_REGENERATE"] != nil { try page.write(to: path, atomically: true, encoding: .utf8) }
        let written = try String(contentsOf: path, encoding: .utf8)
        let lines = page.split(separator: "\n", omittingEmptySubsequences: false)
        for (number, (got, want)) in zip(written.split(separator: "\n", omittingEmptySubsequences: false), lines).enumerated()
        where got != want {
            Issue.record("docs/mtu.md:\(number + 1): \(got)\n  but the engine: \(want)")
        }
        #expect(written == page)
    }
}
