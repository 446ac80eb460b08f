import LVS
import PacketKit
import Testing
import Wire

import enum PacketKit.Packet

/// The director's own ICMP errors about connections without translation pass the kernel's output hook, and count there as
/// replies: one packet, and the bytes of the IP packet alone.
struct AnswerCounterTests {
    enum Way: CaseIterable {
        case plain
        case vlan
        case serviceVLAN
        /// The next hop's MAC is unknown, so the answer waits.
        case unknownNeighbor
    }

    @Test(
        "Time exceeded about a long packet", arguments: Way.allCases,
        [
            ("198.51.100.7:4000", "203.0.113.10:80", "10.2.0.11:80", 576),
            ("[2001:db8:c::7]:4000", "[2001:db8:f::10]:80", "[fd00:2::11]:80", 1280),
        ])
    func counted(_ way: Way, _ row: (client: Endpoint, virtual: Endpoint, server: Endpoint, bytes: UInt64)) throws {
        let bench = TranslationFixture()
        try bench.serve(row.virtual, row.server, method: .directRouting)
        bench.send(Packet.tcp(from: row.client, to: row.virtual))
        #expect(bench.verdict == .directRouting)

        if way == .unknownNeighbor {
            let isV4 = row.client.address.isV4
            bench.rewire { $0.setNeighbor(TranslationFixture.ip(isV4 ? "10.2.0.254" : "fd00:2::fe"), on: 2, to: nil) }
        }
        let frame = Packet.tcp(from: row.client, to: row.virtual, flags: .ack, payload: [UInt8](repeating: 7, count: 1400), ttl: 1)
            .ethernet(from: "02:00:00:00:00:fe", to: "02:00:00:00:00:01")
        let out =
            switch way {
            case .vlan: bench.receive(frame.vlan(5))
            case .serviceVLAN: bench.receive(frame.vlan(5, type: 0x88a8))
            default: bench.receive(frame)
            }
        #expect(bench.verdict == .timeExceeded)
        #expect(out.count == (way == .unknownNeighbor ? 0 : 1))
        let counters = bench.inventory.services[0].servers[0].statistics.counters
        #expect([counters.packetsOut, counters.bytesOut] == [1, row.bytes])
    }
}
