import Admin
import LVS
import Testing
import Wire

/// Listings that a transcript cannot hold: counters, connections, names.
@Suite struct Listings {
    private static let key = ServiceKey(proto: IPProtocol.udp, address: IPAddress(v4: 0x0a09_0001), port: 2001)
    private static let server = ServerKey(address: IPAddress(v4: 0x0a02_000c), port: 2001)

    private func counters(_ numbers: [UInt64]) -> Counters {
        var counters = Counters()
        (counters.connections, counters.packetsIn, counters.packetsOut) = (numbers[0], numbers[1], numbers[2])
        (counters.bytesIn, counters.bytesOut) = (numbers[3], numbers[4])
        return counters
    }

    private func list(_ columns: ListRequest.Columns, exact: Bool = false, _ numbers: [UInt64]) -> [Substring] {
        var service = ServiceRecord(key: Self.key, settings: ServiceSettings())
        service.statistics = Statistics(counters: counters(numbers), rates: counters(numbers))
        service.servers = [ServerRecord(key: Self.server, settings: ServerSettings(), statistics: service.statistics)]
        let request = ListRequest(columns: columns, numeric: true, exact: exact)
        let text = Listing.text(request, of: Inventory(services: [service]), names: HostFiles()) ?? ""
        return Array(text.split(separator: "\n").dropFirst(3))
    }

    /// The lines of a run on the kernel: 1800 packets of 60028 bytes in one interval.
    @Test func linesOfTheKernel() {
        #expect(
            list(.statistics, [1, 1800, 0, 108_050_400, 0]) == [
                "UDP  10.9.0.1:2001                       1     1800        0  108050K        0",
                "  -> 10.2.0.12:2001                      1     1800        0  108050K        0",
            ])
        #expect(
            list(.statistics, exact: true, [1, 1800, 0, 108_050_400, 0])[0]
                == "UDP  10.9.0.1:2001                       1     1800        0 108050400        0")
        #expect(
            list(.rates, [0, 225, 0, 13_506_300, 0]) == [
                "UDP  10.9.0.1:2001                       0      225        0 13506300        0",
                "  -> 10.2.0.12:2001                      0      225        0 13506300        0",
            ])
    }

    @Test(
        arguments: [
            (99_999_999, " 99999999"), (100_000_000, "  100000K"), (999_999_999, "  999999K"), (1_000_000_000, "    1000M"),
            (99_999_999_999, "   99999M"), (100_000_000_000, "     100G"), (99_999_999_999_999, "   99999G"),
            (100_000_000_000_000, "     100T"), (UInt64.max, "18446744T"),
        ] as [(UInt64, String)])
    func scaling(_ number: UInt64, _ column: String) {
        #expect(list(.statistics, [0, 0, 0, 0, number])[0].hasSuffix("        0" + column))
    }

    /// Connections and packets a second of a server are never scaled.
    @Test func serverRates() {
        #expect(
            list(.rates, [123_456_789, 0, 0, 123_456_789, 0]) == [
                "UDP  10.9.0.1:2001                 123456K        0        0  123456K        0",
                "  -> 10.2.0.12:2001               123456789        0        0  123456K        0",
            ])
    }

    private static let connections: [ConnectionRecord] = [
        ConnectionRecord(
            proto: IPProtocol.tcp, client: IPAddress(v4: 0xc000_0202), clientPort: 1001, virtual: key.address,
            virtualPort: 2001, server: server.address, serverPort: 2001, state: "ESTABLISHED", expires: 899),
        ConnectionRecord(
            proto: 0, client: IPAddress(v4: 0xcb00_7102), clientPort: 0, virtual: IPAddress(v4: 51), virtualPort: 0,
            server: server.address, serverPort: 0, state: "NONE", expires: 29, isTemplate: true),
        ConnectionRecord(
            proto: IPProtocol.tcp, client: IPAddress("2001:db8:c::7")!, clientPort: 103,
            virtual: IPAddress("2001:db8:9::1")!, virtualPort: 80, server: IPAddress("2001:db8:2::11")!,
            serverPort: 80, state: "ESTABLISHED", expires: 891),
        ConnectionRecord(
            proto: IPProtocol.sctp, client: IPAddress(v4: 0xc000_0202), clientPort: 9, virtual: key.address,
            virtualPort: 9, server: server.address, serverPort: 9, state: "ESTABLISHED", expires: 6000),
        ConnectionRecord(
            proto: IPProtocol.udp, client: IPAddress(v4: 0xc000_0201), clientPort: 0, virtual: key.address,
            virtualPort: 5060, server: server.address, serverPort: 5060, state: "NONE", expires: 59,
            isTemplate: true, persistenceEngine: "sip", persistenceData: Array("abc@1".utf8)),
    ]

    @Test func connectionTable() {
        let director = MockDirector()
        director.arrange { $1 = Self.connections }
        #expect(
            Answer("-Lnc", director: director).output == """
                IPVS connection entries
                pro expire state       source             virtual            destination
                TCP 14:59  ESTABLISHED 192.0.2.2:1001     10.9.0.1:2001      10.2.0.12:2001
                IP  00:29  NONE        203.0.113.2:0      0.0.0.51:0         10.2.0.12:0
                TCP 14:51  ESTABLISHED [2001:db8:c::7]:103 [2001:db8:9::1]:80 [2001:db8:2::11]:80
                SCTP 100:00 ESTABLISHED 192.0.2.2:9        10.9.0.1:9         10.2.0.12:9
                UDP 00:59  NONE        192.0.2.1:0        10.9.0.1:5060      10.2.0.12:5060

                """)
        let lines = Answer("-Lnc --persistent-conn", director: director).output.split(separator: "\n")
        #expect(lines[1] == "pro expire state       source             virtual            destination        pe name          pe_data")
        #expect(lines[2] == "TCP 14:59  ESTABLISHED 192.0.2.2:1001     10.9.0.1:2001      10.2.0.12:2001")
        #expect(lines[6] == "UDP 00:59  NONE        192.0.2.1:0        10.9.0.1:5060      10.2.0.12:5060   sip                abc@1")
    }

    /// A long table comes in pieces, and none is lost.
    @Test func longConnectionTable() {
        let director = MockDirector()
        director.arrange { $1 = Array(repeating: Self.connections[0], count: 5000) }
        let answer = Answer("-L -c -n", director: director)
        #expect(answer.output.split(separator: "\n").count == 5002)
    }

    @Test func namesUnlessNumeric() {
        let director = MockDirector()
        let rules = "-A -t 127.0.0.1:80 -s rr\n-a -t 127.0.0.1:80 -r 127.0.0.1\n-A -u 10.9.0.1:53\n-A -f 2 -s rr\n-a -f 2 -r 127.0.0.1\n"
        #expect(Answer("-R", input: rules, director: director).errors == "")
        let domain = HostFiles().serviceName(ofPort: 53, proto: IPProtocol.udp) ?? "53"
        #expect(
            Answer("-S", director: director).output == """
                -A -t localhost:http -s rr
                -a -t localhost:http -r localhost:http -g -w 1
                -A -u 10.9.0.1:\(domain) -s wlc
                -A -f 2 -s rr
                -a -f 2 -r localhost:0 -g -w 1

                """)
        #expect(Answer([], director: director).output.contains("  -> localhost:http               Route   1      0          0         \n"))
    }

    /// An IPv4 name is cut to its column, an IPv6 name shifts the columns.
    @Test func longNames() {
        struct LongNames: NameResolver {
            func address(ofHost name: String) -> IPAddress? { nil }
            func port(ofService name: String, proto: UInt8) -> UInt16? { nil }
            func hostName(of address: IPAddress) -> String? { String(repeating: "n", count: 70) }
            func serviceName(ofPort port: UInt16, proto: UInt8) -> String? { nil }
        }
        let director = MockDirector()
        let rules = "-A -t 10.9.0.1:80 -s rr\n-a -t 10.9.0.1:80 -r 10.2.0.11\n-a -t 10.9.0.1:80 -r [fd00::1]:80 -i\n"
        #expect(Answer("-R", input: rules, director: director).errors == "")
        let lines = Answer("-L --nosort", director: director, names: LongNames()).output.split(separator: "\n")
        #expect(lines[3] == "TCP  " + String(repeating: "n", count: 28) + " rr")
        #expect(lines[4] == "  -> [" + String(repeating: "n", count: 58) + " Tunnel  1      0          0         ")
        #expect(lines[5] == "  -> " + String(repeating: "n", count: 28) + " Route   1      0          0         ")
    }

    @Test func daemonsWithDefaults() {
        let inventory = Inventory(daemons: [
            SyncDaemon(role: .backup, interface: "d1", syncID: 3, maximumLength: 1472, group: IPAddress("ff02::5"), port: 9, timeToLive: 3),
            SyncDaemon(role: .master, interface: "d0"),
        ])
        #expect(
            Listing.text(ListRequest(.daemons), of: inventory, names: HostFiles()) == """
                master sync daemon (mcast=d0, syncid=0, group=224.0.0.81, port=8848, ttl=1)
                backup sync daemon (mcast=d1, syncid=3, maxlen=1472, group=ff02::5, port=9, ttl=3)

                """)
    }

    @Test func aServiceThatIsNotThere() {
        #expect(Listing.text(ListRequest(.service(Self.key)), of: Inventory(), names: HostFiles()) == nil)
    }
}
