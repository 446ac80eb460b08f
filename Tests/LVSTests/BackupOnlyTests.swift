import LVS
import PacketKit
import Testing
import Wire

import enum PacketKit.Packet

/// A director that is a backup only (`backup_only`) beside its host. What the kernel does under it is in the cases
/// `kernel/backup-only` and `kernel/backup-only-errors`.
struct BackupOnlyTests {
    private static let client: Endpoint = "198.51.100.7:4000"
    private static let direct: Endpoint = "203.0.113.10:80", translated: Endpoint = "203.0.113.10:8080"

    /// A service by direct routing, one by NAT, and a known connection of each.
    private static func bench() throws -> TranslationFixture {
        let bench = TranslationFixture(hostEmulation: HostEmulation(isWholeHost: false, ownership: .none))
        try bench.serve(direct, "10.2.0.11:80", "10.2.0.1:80", method: .directRouting)
        try bench.serve(translated, "10.2.0.12:80")
        bench.send(Packet.tcp(from: client, to: translated, flags: .syn))
        #expect(bench.verdict == .masquerading)
        // The newer server, which is the host itself, is the first in turn.
        bench.send(Packet.tcp(from: "198.51.100.7:3999", to: direct, flags: .syn))
        #expect(bench.verdict == .localNode)
        bench.send(Packet.tcp(from: client, to: direct, flags: .syn))
        #expect(bench.verdict == .directRouting)
        return bench
    }

    private static func ask(_ bench: TranslationFixture, _ virtual: Endpoint, from client: Endpoint = Self.client, _ flags: TCPFlags = .ack)
        -> Verdict
    {
        bench.send(Packet.tcp(from: client, to: virtual, flags: flags))
        return bench.verdict
    }

    @Test("The switch and the role together make one, whichever comes first")
    func roles() throws {
        let bench = try Self.bench()
        let steps: [(change: () throws -> Void, passes: Bool)] = [
            ({ bench.tune { $0.backupOnly = 1 } }, false),
            ({ try bench.apply(.startDaemon(SyncDaemon(role: .master))) }, false),
            ({ try bench.apply(.startDaemon(SyncDaemon(role: .backup))) }, true),
            ({ try bench.apply(.stopDaemon(.master)) }, true),
            ({ bench.tune { $0.backupOnly = 0 } }, false),
            ({ bench.tune { $0.backupOnly = -1 } }, true),
            ({ try bench.apply(.stopDaemon(.backup)) }, false),
        ]
        for (number, step) in steps.enumerated() {
            try step.change()
            let known = Self.ask(bench, Self.direct), translated = Self.ask(bench, Self.translated)
            let fresh = Self.ask(bench, Self.translated, from: "198.51.100.7:\(5000 + number)", .syn)
            let expected: [Verdict] =
                step.passes
                ? [.passBackupOnly, .passBackupOnly, .passBackupOnly] : [.directRouting, .masquerading, .masquerading]
            #expect([known, translated, fresh] == expected, "step \(number)")
        }
    }

    @Test("The host sees fragments to it itself; those of translated servers are still put together")
    func fragments() throws {
        let bench = try Self.bench()
        bench.tune { $0.backupOnly = 1 }
        try bench.apply(.startDaemon(SyncDaemon(role: .backup)))
        for piece in Packet.tcp(from: Self.client, to: Self.direct, flags: .ack, payload: [UInt8](repeating: 1, count: 99)).fragments(64) {
            #expect(bench.send(piece).isEmpty && bench.verdict == .passBackupOnly)
        }
        let reply = Packet.tcp(from: "10.2.0.12:80", to: Self.client, flags: .ack, payload: [UInt8](repeating: 1, count: 99), df: false)
        var out: [[UInt8]] = []
        for piece in reply.fragments(64) { out += bench.send(piece) }
        #expect(bench.verdict == .replyTranslated && out.count == 2)
    }

    @Test("A director that is a server itself leaves to its host what it does not know")
    func unknownConnections() throws {
        let bench = try Self.bench()
        #expect(Self.ask(bench, Self.direct, from: "198.51.100.7:5000") == .localNode)
        #expect(Self.ask(bench, Self.translated, from: "198.51.100.7:5000") == .reset)
    }
}
