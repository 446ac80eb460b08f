import LVS
import Testing
import Wire

@testable import Admin

@Suite struct TopTextTests {
    private static func statistics(_ connections: UInt64, _ packets: UInt64, _ bytes: UInt64) -> Statistics {
        var statistics = Statistics()
        (statistics.rates.connections, statistics.rates.packetsIn, statistics.rates.bytesIn) = (connections, packets, bytes)
        return statistics
    }

    /// Two services, the second one with more packets, its second server with most.
    private static var inventory: Inventory {
        func address(_ text: String) -> IPAddress { IPAddress(text) ?? .unspecified(.v4) }
        func server(_ text: String, _ active: UInt32, _ statistics: Statistics) -> ServerRecord {
            ServerRecord(
                key: ServerKey(address: address(text), port: 80), settings: ServerSettings(weight: 1), active: active, inactive: 2,
                statistics: statistics)
        }
        return Inventory(services: [
            ServiceRecord(
                key: ServiceKey(proto: IPProtocol.tcp, address: address("192.0.2.1"), port: 80), settings: ServiceSettings(),
                statistics: statistics(9, 10, 900), servers: [server("10.0.0.1", 9, statistics(9, 10, 900))]),
            ServiceRecord(
                key: ServiceKey(proto: IPProtocol.tcp, address: address("2001:db8:1111:2222:3333:4444:5555:6666"), port: 80),
                settings: ServiceSettings(), statistics: statistics(3, 30, 123_456),
                servers: [server("10.0.0.2", 1, statistics(1, 10, 23_456)), server("10.0.0.3", 2, statistics(2, 20, 100_000))]),
        ])
    }

    private static func text(_ order: TopText.Order = .name, offset: Int = 0, servers: Bool = true) -> TopText {
        var view = TopText.View()
        (view.order, view.offset, view.showsServers) = (order, offset, servers)
        return TopText(StatusTextTests.status, inventory, view)
    }

    /// 24 lines of 80 columns.
    @Test func aTerminalIsFilled() {
        let lines = Self.text().screen(width: 80, height: 24)
        #expect(lines.count == 24 && lines.allSatisfy { $0.text.count <= 80 })
        #expect(lines.last?.text == TopText.keys)
        #expect(
            lines.prefix(10).map(\.text) == [
                "svs 1.2.3 for 1 day 2 h: 12345 connections, table 1.1 % full",
                "a second: 1 connection, 20 packets in, 0 out, 999 B in, 0 B out",
                "verdicts: direct-routing 20",
                "interface eth1: no-carrier (and 1 other)",
                "SERVICE, SERVER         weight  active   inact conn/s   pkts/s     in/s    out/s",
                "TCP 192.0.2.1:80                     9       2      9       10    900 B      0 B",
                "  10.0.0.1:80                1       9       2      9       10    900 B      0 B",
                "TCP [2001:db8:1111:222+              3       4      3       30 123.4 kB      0 B",
                "  10.0.0.2:80                1       1       2      1       10  23.4 kB      0 B",
                "  10.0.0.3:80                1       2       2      2       20 100.0 kB      0 B",
            ])
        #expect(lines.map(\.style).prefix(7) == [.strong, .plain, .plain, .fault, .title, .strong, .plain])
    }

    @Test(arguments: [(1, 1), (20, 5), (40, 3), (80, 2), (200, 100)]) func noTerminalIsTooSmall(_ size: (width: Int, height: Int)) {
        let lines = Self.text(offset: 1000).screen(width: size.width, height: size.height)
        #expect(lines.count == size.height && lines.allSatisfy { $0.text.count <= size.width })
    }

    /// Services by the column that counts, and the servers within each.
    @Test func whatIsMostComesFirst() {
        func names(_ text: TopText) -> [String] { text.screen(width: 120, height: 24).dropFirst(5).map { String($0.text.prefix(16)) } }
        #expect(names(Self.text(.connections)).first == "TCP 192.0.2.1:80")
        #expect(
            names(Self.text(.packets)).prefix(4) == ["TCP [2001:db8:11", "  10.0.0.3:80   ", "  10.0.0.2:80   ", "TCP 192.0.2.1:80"])
        #expect(names(Self.text(.bytes, servers: false)).prefix(2) == ["TCP [2001:db8:11", "TCP 192.0.2.1:80"])
        #expect(Self.text(.active).screen(width: 80, height: 9)[4].text.contains("ACTIVE"))
    }

    @Test func scrollingEndsAtTheLastRow() {
        let lines = Self.text(offset: 99).screen(width: 80, height: 8)
        #expect(lines[5].text.hasPrefix("  10.0.0.2") && lines[6].text.hasPrefix("  10.0.0.3"))
    }

    @Test func allOfItIsAsWideAsItsNames() {
        let lines = Self.text().whole.split(separator: "\n", omittingEmptySubsequences: false)
        #expect(lines.contains { $0.hasPrefix("TCP [2001:db8:1111:2222:3333:4444:5555:6666]:80 ") } && lines.count == 5 + 6 + 1)
    }
}
