import LVS
import Testing
import Wire

/// What becomes of connections when servers, services and switches change, as runs of the kernel showed it. What the words
/// mean stands at `DirectorHarness`.
@Suite struct ConnectionRuleTests {
    private static let tcp = "S:tcp80,rr +A1 +B1"

    static let rules: [(String, String)] = [
        // Servers that go and come back.
        ("the newest server is first, an edit moves nobody", "S:tcp80,rr +A1 +B1 +C1 list=CBA =A5 list=CBA -B +B1 list=BCA s1-4:BCAB"),
        ("a removed server's connections wait for it", "\(tcp) s1-2:BA a1:B -B list=A a1:. a2:A +B1 load.B=1/0/0 a1:B conns.B=1"),
        ("who comes back has its load, whatever its weight", "S:tcp80,wlc +A1 +B1 s1-4:BABA -B +B2 load.B=2/0/0 s5-8:BBBA"),
        ("who comes back with weight 0 keeps its connections", "\(tcp) s1:B -B +B0 a1:B s2-3:AA"),
        ("connections in the trash run out", "\(tcp) s1:B a1:B r1:B -B @11 count=0 +B1 load.B=0/0/0 conns.B=1"),
        ("two idle minutes later nobody remembers a server", "\(tcp) s1:B r1:B -B @61 count=0 @240 +B1 load.B=0/0/0 conns.B=0"),
        ("idle is who has no connection", "\(tcp) s1:B a1:B -B @600 +B1 load.B=1/0/0 conns.B=1 a1:B"),
        ("a SYN finds no new server while its old one is away", "\(tcp) s1:B -B s1:. s2:A"),

        // The service changes.
        ("a new scheduler leaves connections alone", "\(tcp) s1-2:BA a1:B E:lc load.B=1/0/0 a1-2:BA s3-4:BA E:sh a1-4:BABA"),
        ("a new scheduler counts what is there", "S:tcp80,fo +A1 +B2 s1-3:BBB E:lc s4-7:AAAB"),
        ("rr begins again at the head", "S:tcp80,rr +A1 +B1 +C1 s1-2:CB E:wrr E:rr s3-4:CB"),
        ("the same scheduler keeps its place", "S:tcp80,rr +A1 +B1 +C1 s1-2:CB E:rr s3:A"),
        (
            "without a service the host answers, with it again the connections go on",
            "\(tcp) s1:B a1:B conns.B=1 D a1:^ count=1 S:tcp80,rr a1:. +A1 a1:. +B1 a1:B load.B=1/0/0 conns.B=0"
        ),
        ("beside another service they wait in silence", "S:udp53,rr +A1 \(tcp) s1:B D a1:. s2:^ count=1"),
        ("a flush takes services and leaves connections", "\(tcp) s1-2:BA a1-2:BA C a1:^ count=2 @899 count=2 @2 count=0"),
        ("none schedules nobody", "S:tcp80,none +A1 s1:! E:rr s1:A E:none a1:A s2:!"),

        // Thresholds: 6.1.192.
        ("-x 2 -y 1", "S:tcp80,rr +A1x2y1 +B1 s1-8:BABABBBB"),
        ("an overloaded server keeps what it has", "S:tcp80,rr +A1x1 s1:A s2:! a1:A s1:A s2:!"),
        ("it comes back below three quarters", "S:tcp80,rr +A1x4 s1-6:AAAA!! a1-3:AAA r1:A @11 s5:! r2:A @11 s5-7:AA!"),
        ("-x 4 -y 2 admits again at one", "S:tcp80,rr +A1x4y2 s1-5:AAAA! a1-3:AAA r1:A @11 s5:! r2:A @11 s5:! r3:A @11 s5-8:AAA!"),
        ("-x 5 admits again at three", "S:tcp80,rr +A1x5 s1-6:AAAAA! a1-2:AA r1:A @11 s6:! r2:A @11 s6-8:AA!"),
        ("a larger -x is looked at at once", "S:tcp80,rr +A1x2 s1-3:AA! =A1x9 s3:A =A1x2 s4:! =A1 s4:A"),
        ("templates do not count, and hold on", "S:tcp80,rr,p360 +A1x2 s1,1.1:AA load.A=2/0/1 s1.2:A s2:!"),

        // A connection's end.
        ("a connection of its own for each port", "\(tcp) s1,1.1,1,1.1:BABA count=2"),
        ("whoever never answers is gone after a minute", "\(tcp) s1:B state1=SYN_RECV/60 @59 count=1 @2 count=0 load.B=0/0/0"),
        ("each packet starts the time again", "\(tcp) s1:B a1:B @899 a1:B state1=ESTABLISHED/900 @899 count=1 @2 count=0"),
        ("FIN", "\(tcp) s1:B a1:B load.B=1/0/0 f1:B state1=FIN_WAIT/120 load.B=0/1/0 a1:B state1=FIN_WAIT/120"),
        ("RST", "\(tcp) s1:B r1:B state1=SYN_RECV/60 a1:B r1:B state1=CLOSE/10 load.B=0/1/0 @11 count=0 load.B=0/0/0"),
        ("a FIN before the ACK", "\(tcp) s1:B f1:B state1=TIME_WAIT/120"),
        ("a segment without flags", "\(tcp) s1:B n1:B state1=CLOSE/10"),
        ("datagrams are inactive", "S:udp53,rr +A1 +B1 u1-3:BAB load.B=0/2/0 state1=UDP/300 @299 u1:B @2 count=1"),
        ("an association", "S:sctp9,rr +A1 +B1 i1:B state1=INIT1/4 load.B=0/1/0 e1:B d1:B state1=ESTABLISHED/900 load.B=1/0/0"),

        // Who may begin.
        ("only a SYN begins", "\(tcp) a1:^ f1:^ n1:^ r1:^ count=0 s1:B"),
        ("sloppy_tcp", "vs.sloppy_tcp=1 \(tcp) a1:B state1=ESTABLISHED/900 f2:A state2=CLOSE/10 n3:B state3=CLOSE/10 r4:^"),
        ("sloppy_sctp", "S:sctp9,rr +A1 d1:? vs.sloppy_sctp=1 d1:A"),
        ("a connection that closes is active again with a SYN", "\(tcp) s1:B a1:B f1:B load.B=0/1/0 s1:B load.B=1/0/0"),

        // secure_tcp.
        ("secure_tcp", "vs.secure_tcp=3 \(tcp) s1:B state1=SYNACK/120 load.B=1/0/0 a1:B state1=ESTABLISHED/900"),
        ("secure_tcp off again", "vs.secure_tcp=3 \(tcp) s1:B vs.secure_tcp=0 s2:A state2=SYN_RECV/60"),
        ("secure_tcp without need", "vs.secure_tcp=1 \(tcp) s1:B state1=SYN_RECV/60"),

        // expire_nodest_conn.
        ("a removed server's connections go at once", "vs.expire_nodest_conn=1 \(tcp) s1-2:BA a1:B -B @1 count=1 a1:^ s1:A"),
        ("within the same moment a packet ends them", "vs.expire_nodest_conn=1 \(tcp) s1:B a1:B -B a1:^ count=0"),
        ("and a SYN begins anew", "vs.expire_nodest_conn=1 \(tcp) s1:B -B s1:A count=1"),
        ("put back at once, they stay", "vs.expire_nodest_conn=1 \(tcp) s1:B a1:B -B +B1 @1 count=1 a1:B"),
        ("weight 0: a SYN begins anew, the rest stays", "vs.expire_nodest_conn=1 \(tcp) s1-2:BA a1-2:BA =B0 a1:B s1:A a1:A"),
        ("weight 0 without it", "\(tcp) s1:B a1:B =B0 a1:B s1:B"),
        ("switched on later, it is not too late", "\(tcp) s1-2:BA -B @1 count=2 vs.expire_nodest_conn=1 @1 count=1"),

        // One packet.
        ("every datagram is on its own", "S:udp53,rr,o +A1 +B1 u1,1,1,1:BABA count=0 load.B=0/0/0 conns.B=2"),
        ("but a persistent client has one server", "S:udp53,rr,o,p60 +A1 +B1 u1,1.1,1,2:BBBA count=2 load.B=0/0/1 conns.B=3"),

        // drop_packet: only packets that would begin a connection count.
        ("drop_packet", "vs.am_droprate=4 vs.drop_packet=3 S:tcp80,rr +A1 s1-12:-AAA-AAA-AAA a2:A a2:A"),
        ("drop_packet off", "vs.drop_packet=1 S:tcp80,rr +A1 s1-12:AAAAAAAAAAAA"),
    ]

    @Test(arguments: rules, [IPFamily.v4, .v6])
    func asTheKernel(_ rule: (name: String, script: String), family: IPFamily) throws {
        let happened = try DirectorHarness(family).run(rule.script)
        #expect(happened == rule.script, "\(rule.name)")
    }

    /// expire_nodest_conn: those of a large table go a few at a time, what is due besides waits for them, and none stays.
    @Test func connectionsOfARemovedServerGoInSlices() throws {
        let farm = DirectorHarness()
        _ = try farm.run("vs.expire_nodest_conn=1 S:tcp80,rr +A1 +B1 s1-100:? -B")
        #expect(farm.bench.connections.count == 100)
        farm.bench.pass(seconds: 0, milliseconds: 9)
        var left: [Int] = []
        repeat {
            farm.bench.pass(limit: 8)
            left.append(farm.bench.connections.count)
        } while farm.bench.director.lags
        #expect(left == [92, 84, 76, 68, 60, 52, 50])
    }

    /// A SYN on a connection that is there, by `conn_reuse_mode`: the same server again (B) or a fresh choice (A).
    static let reuse: [(String, ForwardingMethod, String, String)] = [
        // how it got into the state, method, the state, served with mode 0, 1, 2 and 3
        ("s1:B", .directRouting, "SYN_RECV", "BBBB"),
        ("s1:B a1:B", .directRouting, "ESTABLISHED", "BBBB"),
        ("s1:B a1:B f1:B", .directRouting, "FIN_WAIT", "BBAA"),
        ("s1:B f1:B", .directRouting, "TIME_WAIT", "BAAA"),
        ("s1:B a1:B r1:B", .directRouting, "CLOSE", "BAAA"),
        ("s1:B a1:B F1:<", .masquerading, "FIN_WAIT", "BBBB"),
        ("s1:B a1:B F1:< f1:B", .masquerading, "TIME_WAIT", "BAAA"),
        ("s1:B a1:B f1:B", .masquerading, "CLOSE_WAIT", "BBBB"),
    ]

    @Test(arguments: reuse, [IPFamily.v4, .v6])
    func connReuseMode(_ row: (script: String, method: ForwardingMethod, state: String, served: String), family: IPFamily) throws {
        for (mode, server) in row.served.enumerated() {
            let farm = DirectorHarness(family, method: row.method)
            _ = try farm.run("S:tcp80,rr +A1 +B1 vs.conn_reuse_mode=\(mode)")
            #expect(try farm.run(row.script) == row.script)
            #expect(farm.bench.connections.map(\.state) == [row.state])
            #expect(try farm.run("s1:?") == "s1:\(server)", "\(row.state), mode \(mode)")
            // The replaced one is listed until its timer fires, at once.
            #expect(try farm.run("@1 count=?") == "@1 count=1")
        }
    }

    @Test func timeoutsSetAreFeltWithTheNextPacket() throws {
        let farm = DirectorHarness()
        #expect(try farm.run("\(Self.tcp) s1:B a1:B") == "\(Self.tcp) s1:B a1:B")
        try farm.bench.apply(.setTimeouts(tcp: 30, fin: 5, udp: 0))
        let script = "@1 state1=ESTABLISHED/899 a1:B state1=ESTABLISHED/30 f1:B state1=FIN_WAIT/5 @6 count=0"
        #expect(try farm.run(script) == script)
    }
}
