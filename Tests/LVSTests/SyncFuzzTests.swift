import Foundation
import PacketKit
import Testing
import Wire

@testable import LVS

/// Damaged and made-up messages: a backup does not fall over, what it keeps is what records can say, and it still hears and
/// directs afterwards. `SVS_SYNC_MESSAGES=1000000` hears so many.
struct SyncFuzzTests {
    private static let count = ProcessInfo.processInfo.environment["SVS_SYNC_MESSAGES"].flatMap { Int($0) } ?? 20_000

    private var addresses4: [IPAddress] { ["198.51.100.7", "203.0.113.10", "10.2.0.11", "0.0.0.51"].map(TranslationFixture.ip) }
    private var addresses6: [IPAddress] { ["2001:db8:c::7", "2001:db8:f::10", "fd00:2::11"].map(TranslationFixture.ip) }

    private func record(_ dice: inout SeededGenerator, isV6: Bool) -> SyncRecord {
        let addresses = isV6 ? addresses6 : addresses4
        func pick<Element>(_ elements: [Element]) -> Element { elements[Int(dice.next() % UInt64(elements.count))] }
        var record = SyncRecord(
            proto: pick([6, 6, 17, 132, 0, 50, 255]), flags: SyncFlags(rawValue: UInt32(truncatingIfNeeded: dice.next()) & 0x1fff),
            state: UInt16(dice.next() % 16), client: pick(addresses), clientPort: UInt16(4000 + dice.next() % 8), virtual: pick(addresses),
            virtualPort: pick([80, 81, 0]), server: pick(addresses), serverPort: pick([80, 0]), mark: pick([0, 0, 51]),
            timeout: pick([0, 1, 900, .max]))
        if dice.next() % 4 == 0 { record.clientPort = 0 }
        if dice.next() % 4 == 0 { (record.engine, record.data) = (pick(["sip", "none"]), dice.bytes(Int(1 + dice.next() % 255))) }
        return record
    }

    private func message(_ dice: inout SeededGenerator) -> [UInt8] {
        let version = dice.next() % 4 == 0 ? 0 : 1, isV6 = version == 1 && dice.next() % 3 == 0
        var writer = SyncWriter(version: version, syncID: UInt8(dice.next() % 3), limit: 1472, first: 0, at: 0)
        for _ in 0..<(dice.next() % 6) { writer.append(record(&dice, isV6: isV6)) }
        var bytes = writer.bytes
        for _ in 0..<(dice.next() % 4) { bytes[Int(dice.next() % UInt64(bytes.count))] = UInt8(truncatingIfNeeded: dice.next()) }
        switch dice.next() % 8 {
        case 0: bytes.removeLast(Int(dice.next() % UInt64(bytes.count + 1)))
        case 1: bytes += dice.bytes(Int(dice.next() % 64))
        default: break
        }
        // Most say how long they are, so that what follows is looked at.
        if dice.next() % 4 != 0, bytes.count >= 4 { (bytes[2], bytes[3]) = (UInt8(bytes.count >> 8), UInt8(bytes.count & 255)) }
        return bytes
    }

    @Test func damagedMessages() throws {
        var dice = SeededGenerator(seed: 81)
        let bench = TranslationFixture(connections: 512)
        try bench.serve("203.0.113.10:80", "10.2.0.11:80", method: .directRouting)
        try bench.serve("203.0.113.10:81", "10.2.0.12:80", method: .masquerading)
        try bench.serve("[2001:db8:f::10]:80", "[fd00:2::11]:80", method: .tunneling)
        for role in [SyncDaemon.Role.backup, .master] { try bench.apply(.startDaemon(SyncDaemon(role: role))) }
        for number in 0..<Self.count {
            bench.hear(SyncMessage(bytes: message(&dice)))
            if number % 64 == 0 {
                let port = UInt16(4000 + dice.next() % 8), virtual: UInt16 = dice.next() % 2 == 0 ? 80 : 81
                bench.send(
                    PacketKit.Packet.tcp(
                        from: Endpoint("198.51.100.7").at(port), to: Endpoint("203.0.113.10").at(virtual),
                        flags: [TCPFlags.syn, .ack, .fin, .rst][Int(dice.next() % 4)]))
                bench.pass(seconds: Int64(dice.next() % 3))
                _ = bench.takeSyncMessages()
            }
        }
        let counters = bench.director.syncCounters
        #expect(counters.messagesHeard == UInt64(Self.count))
        #expect(counters.messagesRefused > 0 && counters.recordsTaken > 0 && counters.recordsRefused > 0)
        for entry in bench.director.connectionRecords() {
            #expect(entry.client.family == entry.server.family)
            #expect(entry.isTemplate || [6, 17, 132, 50, 51].contains(entry.proto))
            #expect(entry.isTemplate || entry.state != "ERR!" || entry.proto == 50 || entry.proto == 51)
        }
        for service in bench.director.inventory().services {
            for server in service.servers { #expect(server.active <= 512 && server.inactive <= 512) }
        }
    }
}
