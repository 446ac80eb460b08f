import PacketKit
import Testing
import Wire

import enum PacketKit.Packet

@testable import LVS

/// Synchronisation as values, where no capture shows it: several ports, what outlives a director, a way that is blocked. The
/// bytes and rules are in the cases `kernel/sync-*`.
struct SyncTests {
    private static let client: Endpoint = "198.51.100.7:4000", virtual: Endpoint = "203.0.113.10:80"

    private static func bench(_ roles: [SyncDaemon.Role], ports: Int32 = 1, outlives: Bool = false) throws -> TranslationFixture {
        let bench = TranslationFixture(outlives: outlives)
        bench.tune { $0.syncPorts = ports }
        try bench.serve(virtual, "10.2.0.11:80", method: .directRouting)
        for role in roles { try bench.apply(.startDaemon(SyncDaemon(role: role, syncID: 7))) }
        return bench
    }

    private static func establish(_ bench: TranslationFixture, from client: Endpoint = client) {
        bench.send(Packet.tcp(from: client, to: virtual, flags: .syn))
        for _ in 0..<2 { bench.send(Packet.tcp(from: client, to: virtual, flags: .ack)) }
    }

    @Test("A message of the kernel's, byte by byte")
    func record() throws {
        var writer = SyncWriter(version: 1, syncID: 7, limit: 1472, first: 36, at: 0)
        writer.append(
            SyncRecord(
                proto: 6, flags: SyncFlags(rawValue: 0x83), state: 1, client: IPAddress(v4: 0xc000_0204), clientPort: 1003,
                virtual: IPAddress(v4: 0x0a09_0001), virtualPort: 2001, server: IPAddress(v4: 0x0a02_000c), serverPort: 2001, mark: 0,
                timeout: 900))
        let captured: [UInt8] = [
            0x00, 0x07, 0x00, 0x2c, 0x01, 0x01, 0x00, 0x00, 0x00, 0x06, 0x00, 0x24, 0x00, 0x00, 0x00, 0x83, 0x00, 0x01, 0x03, 0xeb, 0x07,
            0xd1, 0x07, 0xd1, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x03, 0x84, 0xc0, 0x00, 0x02, 0x04, 0x0a, 0x09, 0x00, 0x01, 0x0a, 0x02,
            0x00, 0x0c,
        ]
        #expect(writer.bytes == captured)
    }

    @Test("What is written is read as it was, with every option, in both versions")
    func roundTrip() throws {
        var sequences = SyncSequences()
        for place in 0..<6 { sequences.words[place] = UInt32(place) * 0x0102_0304 }
        for version in [0, 1] {
            for isV6 in version == 1 ? [false, true] : [false] {
                let client = TranslationFixture.ip(isV6 ? "2001:db8:c::7" : "198.51.100.7")
                let server = TranslationFixture.ip(isV6 ? "fd00:2::11" : "10.2.0.11")
                var record = SyncRecord(
                    proto: 17, flags: SyncFlags(rawValue: 0x1783), state: 0, client: client, clientPort: 0, virtual: client,
                    virtualPort: 53, server: server, serverPort: 54, mark: version == 1 ? 9 : 0, timeout: version == 1 ? 77 : 0,
                    sequences: sequences)
                if version == 1 { (record.engine, record.data) = ("sip", Array("call-1".utf8)) }
                var writer = SyncWriter(version: version, syncID: 1, limit: 1472, first: 24, at: 0)
                writer.append(record)
                writer.append(record)
                var bytes = writer.bytes
                let read = bytes.withBytes { bytes -> [SyncRecord] in
                    guard var reader = SyncReader(bytes, syncID: 0) else { return [] }
                    var read: [SyncRecord] = []
                    while case .record(let record)? = reader.next() { read.append(record) }
                    return reader.isBroken ? [] : read
                }
                #expect(read == [record, record], "version \(version), IPv6 \(isV6)")
            }
        }
    }

    @Test("With several ports each connection keeps to its own")
    func ports() throws {
        let bench = try Self.bench([.master], ports: 4)
        for port in 4000..<4016 { Self.establish(bench, from: Endpoint("198.51.100.7").at(UInt16(port))) }
        bench.pass(seconds: 4)
        let messages = bench.takeSyncMessages()
        #expect(messages.map(\.portOffset) == [0, 1, 2, 3])
        #expect(messages.allSatisfy { $0.bytes[4] == 4 })
    }

    @Test("Messages wait while their way is blocked, and those beyond the limit are given up")
    func blocked() throws {
        let bench = try Self.bench([])
        bench.tune { $0.syncQueueLimit = 2 }
        try bench.apply(.startDaemon(SyncDaemon(role: .master, maximumLength: 1)))
        bench.blockSync(true)
        for port in 4000..<4005 { Self.establish(bench, from: Endpoint("198.51.100.7").at(UInt16(port))) }
        bench.pass(seconds: 10)
        #expect(bench.takeSyncMessages().isEmpty)
        bench.blockSync(false)
        bench.pass(seconds: 2)
        #expect(bench.takeSyncMessages().count == 3)
        #expect(bench.director.syncCounters.messagesLost == 2)
    }

    @Test("What was heard outlives the director, bound or not")
    func takeOver() throws {
        let master = try Self.bench([.master])
        Self.establish(master)
        master.pass(seconds: 4)
        let message = try #require(master.takeSyncMessages().first)
        let backup = try Self.bench([.backup], outlives: true)
        backup.hear(message)
        #expect(backup.director.connectionRecords().map(\.isSynchronised) == [true])
        var elsewhere = message
        elsewhere.bytes[8 + 14] = 0x20
        elsewhere.bytes[8 + 11] = 0x99
        backup.hear(elsewhere)
        try backup.replaceDirector()
        #expect(backup.director.connectionRecords().count == 2)
        backup.send(Packet.tcp(from: Self.client, to: Self.virtual, flags: .ack))
        #expect(backup.verdict == .directRouting)
    }

    /// A connection's record with the flag that its client's port is not known.
    private static func unknownPort(_ clientPort: UInt16, flags: UInt32 = 0x883) -> SyncMessage {
        var writer = SyncWriter(version: 1, syncID: 7, limit: 1472, first: 36, at: 0)
        writer.append(
            SyncRecord(
                proto: 6, flags: SyncFlags(rawValue: flags), state: 1, client: TranslationFixture.ip("198.51.100.7"),
                clientPort: clientPort, virtual: TranslationFixture.ip("203.0.113.10"), virtualPort: 80,
                server: TranslationFixture.ip("10.2.0.11"), serverPort: 80, mark: 0, timeout: 900))
        return SyncMessage(bytes: writer.bytes, portOffset: 0)
    }

    @Test("A connection from any port is found from every port, also by the next director")
    func anyPort() throws {
        let backup = try Self.bench([.backup], outlives: true)
        // What has no port and does not say that it is from any is in nobody's way.
        backup.hear(Self.unknownPort(0, flags: 0x83))
        backup.hear(Self.unknownPort(0))
        for _ in 0..<2 {
            backup.send(Packet.tcp(from: Self.client, to: Self.virtual, flags: .ack))
            #expect(backup.verdict == .directRouting)
            try backup.replaceDirector()
        }
    }

    @Test("One from any port that names a port is passed by, told of again or not, also by the next director")
    func anyPortNamed() throws {
        let backup = try Self.bench([.backup], outlives: true)
        for _ in 0..<2 { backup.hear(Self.unknownPort(4000)) }
        #expect(backup.director.connectionRecords().count == 2)
        for _ in 0..<2 {
            backup.send(Packet.tcp(from: Self.client, to: Self.virtual, flags: .ack))
            #expect(backup.verdict != .directRouting)
            try backup.replaceDirector()
            #expect(backup.director.connectionRecords().count == 2)
        }
        backup.send(Packet.tcp(from: Self.client, to: Self.virtual, flags: .syn))
        #expect(backup.verdict == .directRouting)
        #expect(backup.director.connectionRecords().count == 3)
        backup.pass(seconds: 1000)
        #expect(backup.director.connectionRecords().isEmpty)
    }

    @Test("A known connection finds its server by its own mark, whatever a later record says")
    func lateBinding() throws {
        let backup = try Self.bench([.backup]), server: Endpoint = "10.2.0.99:80"
        func told(mark: UInt32) -> SyncMessage {
            var writer = SyncWriter(version: 1, syncID: 7, limit: 1472, first: 36, at: 0)
            writer.append(
                SyncRecord(
                    proto: 6, flags: SyncFlags(rawValue: 0x83), state: 1, client: Self.client.address, clientPort: Self.client.port,
                    virtual: Self.virtual.address, virtualPort: Self.virtual.port, server: server.address, serverPort: server.port,
                    mark: mark, timeout: 900))
            return SyncMessage(bytes: writer.bytes, portOffset: 0)
        }
        backup.hear(told(mark: 0))
        try backup.add(server, to: ServiceKey(proto: 6, address: Self.virtual.address, port: Self.virtual.port), .directRouting)
        func active() -> [Int32] { backup.director.servers.all.map { backup.director.servers[$0].active } }
        #expect(active() == [0, 0])
        backup.hear(told(mark: 5))
        #expect(active().sorted() == [0, 1])
        #expect(backup.director.connectionRecords().count == 1)
    }

    @Test("Over IPv6 a record without a protocol has a mark for an address")
    func markTemplate() throws {
        let client = TranslationFixture.ip("2001:db8:c::7"), virtual = TranslationFixture.ip("2001:db8:1::2")
        var writer = SyncWriter(version: 1, syncID: 7, limit: 1472, first: 72, at: 0)
        writer.append(
            SyncRecord(
                proto: 0, flags: SyncFlags(rawValue: 0x1183), state: 0, client: client, clientPort: 0, virtual: virtual, virtualPort: 0,
                server: client, serverPort: 0, mark: 0, timeout: 9))
        var bytes = writer.bytes
        let read = bytes.withBytes { bytes -> IPAddress? in
            guard var reader = SyncReader(bytes, syncID: 0), case .record(let record)? = reader.next() else { return nil }
            return record.virtual
        }
        #expect(read == TranslationFixture.ip("2001:db8::"))
    }
}
