import LVS
import PacketKit
import Testing
import Wire

import enum PacketKit.Packet

/// Templates of persistent services and which service a packet belongs to, as runs of the kernel showed it. What the words
/// mean stands at `DirectorHarness`.
@Suite struct PersistenceTests {
    static let templates: [(String, String)] = [
        ("a client stays with its server", "S:tcp80,rr,p360 +A1 +B1 s1,1.1,2,1.2,2.1:BBABA template1=B/360 load.B=3/0/1 count=7"),
        (
            "only a new connection starts a template's time again",
            "S:tcp80,rr,p6 +A1 +B1 s1:B @2 a1:B template1=B/4 s1.1:B template1=B/6"
        ),
        (
            "while connections live, it waits a minute at a time",
            "S:tcp80,rr,p6 +A1 +B1 s1:B a1:B @7 template1=B/59 s1.1:B template1=B/60 @61 template1=B/59"
        ),
        ("also when the clock comes in one step", "S:tcp80,rr,p6 +A1 +B1 s1:B a1:B @190 template1=B/56"),
        ("without them it goes in time", "S:tcp80,rr,p6 +A1 +B1 s1:B a1:B r1:B s1.1:B @5 count=3 @61 count=1 @61 count=0 s1:A"),
        ("a quiesced server keeps its clients", "S:tcp80,rr,p60 +A1 +B1 s1:B =B0 s1.1,2:BA"),
        ("expire_quiescent_template", "vs.expire_quiescent_template=1 S:tcp80,rr,p60 +A1 +B1 s1:B =B0 s1.1:A template1=B/60+A/60"),
        (
            "a removed server's clients move; the old template is nobody's",
            "S:tcp80,rr,p60 +A1 +B1 s1:B -B s1.1:A template1=B/60+A/60 +B1 s1.2:A"
        ),
        ("back before its client returns, it has the client again", "S:tcp80,rr,p60 +A1 +B1 s1:B -B +B1 s1.1,2:BB"),
        ("a SYN in TIME_WAIT is never scheduled anew", "S:tcp80,rr,p60 +A1 +B1 s1:B f1:B state1=TIME_WAIT/120 s1:B count=2"),

        ("each port has its own template", "S:tcp80,rr,p60 +A1 +B1 S:tcp443,rr,p60 +A1 +B1 s1>80,2>443,1.1>443:BBA template1=B/60+A/60"),
        ("without a port all ports have one", "S:tcp0,rr,p60 +A1 +B1 s1>80,1>443,2>80,1>22:BBAB template1=B/60 load.B=3/0/1"),
        ("TCP and UDP have different ones", "S:tcp0,rr,p60 +A1 +B1 s1:B S:udp0,rr,p60 +B1 +A1 u1:A template1=B/60+A/60"),
        ("FTP shares its templates with all ports", "S:tcp21,rr,p60 +A1 +B1 S:tcp0,rr,p60 +B1 +A1 s1>21,1>80,2>80,2>21:BBAA"),
    ]

    @Test(arguments: templates, [IPFamily.v4, .v6])
    func asTheKernel(_ rule: (name: String, script: String), family: IPFamily) throws {
        let happened = try DirectorHarness(family).run(rule.script)
        #expect(happened == rule.script, "\(rule.name)")
    }

    @Test(
        "A network of clients is one client",
        arguments: [
            // 198.51.100.1 to .3 are in one /30, .4 is not.
            (IPFamily.v4, "S:tcp80,rr,p60,m30 +A1 +B1 s1-5:BBBAA"), (.v4, "S:tcp80,rr,p60,m24 +A1 +B1 s1-5:BBBBB"),
            (.v6, "S:tcp80,rr,p60,m126 +A1 +B1 s1-5:BBBAA"), (.v6, "S:tcp80,rr,p60,m64 +A1 +B1 s1-5:BBBBB"),
        ])
    func netmasks(family: IPFamily, script: String) throws {
        #expect(try DirectorHarness(family).run(script) == script)
    }

    @Test("A mark ties protocols, addresses and ports together", arguments: [IPFamily.v4, .v6])
    func marks(family: IPFamily) throws {
        let farm = DirectorHarness(family)
        let addresses = family == .v4 ? ["203.0.113.10", "203.0.113.20"] : ["2001:db8:f::10", "2001:db8:f::20"]
        try farm.bench.mark(TranslationFixture.ip(addresses[0]), TranslationFixture.ip(addresses[1]), as: 51)
        let script = "S:fwm51,rr,p60 +A1 +B1 s1>10.80,1>20.443:BB u1>10.53:B s2>20.80,2>10.81:AA template1=B/60 load.B=2/1/1"
        #expect(try farm.run(script) == script)
        let template = try #require(farm.bench.connections.first { $0.isTemplate })
        #expect(template.proto == 0 && template.virtualPort == 0 && template.clientPort == 0)
        #expect(template.virtual == (family == .v4 ? IPAddress(v4: 51) : IPAddress(high: 51 << 32, low: 0)))
    }

    /// Which service a packet belongs to: mark, port, FTP's data ports, no port.
    static let lookups: [(String, String)] = [
        ("the port before no port", "S:tcp0,rr,p60 +A1 S:tcp80,rr +B1 s1>80,1>81:BA"),
        ("protocols are apart", "S:tcp80,rr +A1 S:udp80,rr +B1 s1:A u1:B"),
        ("no service of that port", "S:tcp80,rr +A1 s1>81:^"),
        ("FTP's data ports, of a service that is not persistent", "S:tcp0,rr,p60 +A1 S:tcp21,rr +B1 s1>21,1>2000,1>1024,1>20,1>1023:B^^^A"),
        ("and of one that is", "S:tcp0,rr,p60 +A1 S:tcp21,rr,p60 +B1 s1>21,1>2000,1>20:BBB s2>1023:A"),
        ("data ports begin at 1024", "S:tcp21,rr,p60 +B1 s1>1023,1>1024:^B"),
        ("no port is for everything left", "S:tcp0,rr,p60 +A1 s1>1,1>65535,1>21:AAA"),
    ]

    @Test(arguments: lookups, [IPFamily.v4, .v6])
    func lookedUpAsByTheKernel(_ rule: (name: String, script: String), family: IPFamily) throws {
        let happened = try DirectorHarness(family).run(rule.script)
        #expect(happened == rule.script, "\(rule.name)")
    }

    @Test("A mark comes before everything, and falls back where nobody has it", arguments: [IPFamily.v4, .v6])
    func markedLookups(family: IPFamily) throws {
        let farm = DirectorHarness(family)
        try farm.bench.mark(TranslationFixture.ip(family == .v4 ? "203.0.113.10" : "2001:db8:f::10"), as: 7)
        let script = "S:tcp80,rr +A1 S:tcp0,rr,p60 +B1 s1>80,1>81:AB S:fwm7,rr +C1 s2>80,2>81:CC u2>53:C D s3>80,3>81:AB"
        #expect(try farm.run(script) == script)
    }

    @Test("Port 20 is nobody's first port, the FTP helper's alone")
    func activeFTP() throws {
        let farm = DirectorHarness()
        #expect(try farm.run("S:tcp80,rr +A1 s1:A") == "S:tcp80,rr +A1 s1:A")
        let bench = farm.bench
        bench.send(Packet.tcp(from: "198.51.100.7:20", to: "203.0.113.10:80"))
        #expect(bench.verdict == .reset && bench.connections.count == 1)
    }
}
