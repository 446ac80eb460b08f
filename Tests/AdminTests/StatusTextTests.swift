import LVS
import Testing
import Wire

@testable import Admin

@Suite struct StatusTextTests {
    static var status: DirectorStatus {
        var status = DirectorStatus()
        (status.version, status.process, status.uptime) = ("1.2.3", 4711, 93_784)
        var eth0 = DirectorStatus.Interface(name: "eth0", state: .up)
        (eth0.received, eth0.sent, eth0.missed) = (1_000_000, 999_999, 1)
        (eth0.truncated, eth0.queueFull, eth0.refused) = (2, 3, 4)
        status.interfaces = [eth0, .init(name: "eth1", state: .noCarrier)]
        status.addresses = [.init(address: "192.0.2.1", holder: "director"), .init(address: "2001:db8::1", holder: "nobody")]
        (status.services, status.servers, status.connections) = (1, 2, 12_345)
        (status.capacity, status.carried) = (1 << 20, 12)
        (status.sums.connections, status.sums.packetsIn, status.sums.bytesIn) = (20_000, 400_000, 12_345_678)
        (status.rates.connections, status.rates.packetsIn, status.rates.bytesIn) = (1, 20, 999)
        status.verdicts = [.init(name: "direct-routing", frames: 400_000, rate: 20)]
        status.failing = [.init(address: "10.0.0.3", interface: "eth1", servers: 2)]
        status.switches = [
            .init(name: "net.ipv4.vs.sloppy_tcp", value: "1", isUsual: false),
            .init(name: "net.ipv4.vs.drop_entry", value: "0", isUsual: true),
        ]
        status.daemons = ["master eth0 7"]
        status.gaveWay = [.init(name: "half-open", number: 3), .init(name: "template", number: 1)]
        (status.controlSteps.counts, status.controlSteps.total, status.controlSteps.longest) = ([9, 4, 3, 2, 1], 12_345_678, 2_100_000)
        status.carrying = .init(
            flows: 2, frames: 4711, handedOver: 5, takenBack: [.init(name: "state", number: 1), .init(name: "expiry", number: 2)])
        return status
    }

    @Test func peopleReadIt() {
        #expect(
            StatusText(Self.status).text == """
                svs 1.2.3, process 4711, for 1 day 2 h
                1 service, 2 servers, 12345 connections, 12 of them from before the start; table 1.1 % full
                a second: 1 connection, 20 packets in and 0 out, 999 B in and 0 B out
                together: 20000 connections, 400000 packets in and 0 out, 12.3 MB in and 0 B out
                synchronisation: master eth0 7
                carried by the kernel: 2 flows now, 4711 frames so far; 5 handed over, 3 taken back (state 1, expiry 2)

                INTERFACE       STATE          RECEIVED        SENT  MISSED   CUT  FULL REFUSED
                eth0            up              1000000      999999       1     2     3       4
                eth1            no-carrier            0           0       0     0     0       0

                VIRTUAL ADDRESS                           HELD BY
                192.0.2.1                                 svs itself (--own)
                2001:db8::1                               nobody here: its packets pass

                FRAMES BY VERDICT                                 TOGETHER        A SECOND
                direct-routing                                      400000              20

                NEIGHBOURS that do not answer
                  10.0.0.3 on eth1, with 2 servers behind

                SWITCHES that are not as usual
                  net.ipv4.vs.sloppy_tcp = 1

                """)
    }

    @Test func programsReadIt() throws {
        let value = try JSONValue(StatusJSON.text(Self.status, services: .list([])))
        #expect(value["version"]?.text == "1.2.3" && value["connections"]?.number == 12_345)
        #expect(value["interfaces"]?.list?.first?["queue_full"]?.number == 3)
        #expect(value["switches"]?["net.ipv4.vs.drop_entry"]?.text == "0" && value["service_list"]?.list == [])
        #expect(
            value["gave_way"]?["half-open"]?.number == 3 && value["carrying"]?["taken_back"]?["expiry"]?.number == 2
                && value["control_steps"]?["counts"]?.list?.last?.number == 1)
        #expect(value["faults"]?.list?.compactMap(\.text) == Self.status.faults.map(\.text))
    }

    struct Wrong: Sendable, CustomTestStringConvertible {
        let testDescription: String
        let codes: [String]
        let change: @Sendable (inout DirectorStatus) -> Void
        init(_ name: String, _ codes: String..., change: @escaping @Sendable (inout DirectorStatus) -> Void) {
            (testDescription, self.codes, self.change) = (name, codes, change)
        }
    }

    /// A director that is fine, and each thing that somebody should look at.
    @Test(arguments: [
        Wrong("fine") { _ in }, Wrong("down", "interface-down") { $0.interfaces[0].state = .down },
        Wrong("gone", "interface-gone") { $0.interfaces[0].state = .gone },
        Wrong("no carrier", "interface-no-carrier") { $0.interfaces[0].state = .noCarrier },
        Wrong("no address", "no-address") { $0.addresses[0].holder = "nobody" }, Wrong("no service", "no-service") { $0.services = 0 },
        Wrong("full", "table-full") { $0.connections = 90 }, Wrong("not yet full") { $0.connections = 89 },
        Wrong("a server's neighbour", "neighbor-silent") { $0.failing = [.init(address: "10.0.0.3", interface: "eth1", servers: 2)] },
        Wrong("nobody's neighbour") { $0.failing = [.init(address: "10.0.0.3", interface: "eth1", servers: 0)] },
        Wrong("claimed", "vip-claimed") { $0.claims = [.init(address: "192.0.2.1", interface: "eth0", mac: "02:00:00:00:00:66")] },
        Wrong("unmarked", "marks-missing") { $0.unmarked = ["FWM 7", "FWM 8"] },
    ])
    func whatIsWrongHasACode(_ wrong: Wrong) {
        var status = DirectorStatus()
        status.interfaces = [.init(name: "eth0", state: .up)]
        status.addresses = [.init(address: "192.0.2.1", holder: "host")]
        (status.services, status.capacity) = (1, 100)
        wrong.change(&status)
        #expect(status.faults.map(\.code) == wrong.codes)
    }

    @Test func itArrivesAsItWasSent() throws {
        var status = Self.status
        status.claims = [.init(address: "192.0.2.1", interface: "eth0", mac: "02:00:00:00:00:66")]
        (status.unmarked, status.honoursFirewall) = (["FWM 7"], false)
        #expect(ControlReply(ControlReply.status(status).bytes) == .status(status))
    }

    @Test func textIsQuoted() throws {
        let text = "a \"b\" \\ \n \u{1} é"
        #expect(JSONValue.text(text).written == #""a \"b\" \\ \n \u0001 é""#)
        #expect(try JSONValue(JSONValue.list([.text(text), .null, .bool(true), .number(-1)]).written).list?.first?.text == text)
    }

    @Test(arguments: [
        (0, "0 B"), (999, "999 B"), (1000, "1.0 kB"), (999_999, "999.9 kB"), (1_000_000, "1.0 MB"), (1_500_000_000, "1.5 GB"),
        (.max, "18446.7 PB"),
    ])
    func bytes(number: UInt64, text: String) { #expect(StatusText.bytes(number) == text) }

    /// A backup is no fault, nobody's virtual addresses alone are.
    @Test func faults() {
        var status = Self.status
        #expect(
            status.faults.map(\.text) == ["interface eth1: no-carrier", "10.0.0.3 on eth1 does not answer: 2 servers cannot be reached"])
        status.addresses.removeFirst()
        status.services = 0
        status.connections = status.capacity
        #expect(status.faults.count == 5)
    }

    @Test func listings() throws {
        var inventory = Inventory()
        var persistent = ServiceSettings(scheduler: "wrr")
        persistent.flags = .persistent
        persistent.timeout = 60
        persistent.netmask = .max
        let key = ServiceKey(proto: IPProtocol.tcp, address: try #require(IPAddress("192.0.2.1")), port: 80)
        inventory.services = [
            ServiceRecord(
                key: key, settings: persistent,
                servers: [
                    ServerRecord(
                        key: ServerKey(address: try #require(IPAddress("10.0.0.1")), port: 80), settings: ServerSettings(), active: 7)
                ]), ServiceRecord(key: ServiceKey(mark: 9, family: .v6), settings: ServiceSettings(scheduler: "rr")),
        ]
        func json(_ subject: ListRequest.Subject) throws -> JSONValue {
            try JSONValue(try #require(Listing.text(ListRequest(subject, json: true), of: inventory, names: SystemNames())))
        }
        let services = try #require(try json(.services)["services"]?.list)
        #expect(services.count == 2 && services[0]["address"]?.text == "192.0.2.1" && services[0]["options"]?.text == "-s wrr -p 60")
        #expect(
            services[0]["servers"]?.list?.first?["active"]?.number == 7
                && services[0]["ports"] == .list([.list([.number(80), .number(80)])]))
        #expect(services[1]["mark"]?.number == 9 && services[1]["family"]?.text == "ipv6")
        #expect(try json(.service(key)) == services[0] && json(.timeouts)["tcp"]?.number == 900 && json(.daemons) == .list([]))
    }
}
