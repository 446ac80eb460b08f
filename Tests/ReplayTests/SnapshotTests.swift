import LVS
import PacketKit
import Replay
import Testing
import Wire

/// A director that adopts another's snapshot, through the text of the file `connections`, goes on as the other one does.
@Suite struct SnapshotTests {
    private static let farms: [(name: String, services: String)] = [
        (
            "direct routing, round robin",
            "-A -t 192.0.2.1:80 -s rr\n-a -t 192.0.2.1:80 -r 10.0.0.2:80 -g\n-a -t 192.0.2.1:80 -r 10.0.0.3:80 -g\n"
        ),
        (
            "tunnels, weighted round robin",
            "-A -t 192.0.2.1:80 -s wrr\n-a -t 192.0.2.1:80 -r 10.0.0.2:80 -i -w 3\n-a -t 192.0.2.1:80 -r 10.0.0.3:80 -i -w 2\n"
        ),
        ("GUE", "-A -t 192.0.2.1:80 -s wlc\n-a -t 192.0.2.1:80 -r 10.0.0.2:80 -i --tun-type gue --tun-port 6080\n"),
        ("NAT, two draws", "-A -t 192.0.2.1:80 -s twos\n-a -t 192.0.2.1:80 -r 10.0.0.2:8080 -m\n-a -t 192.0.2.1:80 -r 10.0.0.3:8080 -m\n"),
        ("persistence", "-A -t 192.0.2.1:80 -s rr -p 60\n-a -t 192.0.2.1:80 -r 10.0.0.2:80 -g\n-a -t 192.0.2.1:80 -r 10.0.0.3:80 -g\n"),
        ("thresholds", "-A -t 192.0.2.1:80 -s wlc\n-a -t 192.0.2.1:80 -r 10.0.0.2:80 -g -x 2 -y 1\n-a -t 192.0.2.1:80 -r 10.0.0.3:80 -g\n"),
        ("FULLNAT", "-A -t 192.0.2.1:80 -s wlc --local-address 10.0.0.8\n-a -t 192.0.2.1:80 -r 10.0.0.2:80 --fullnat\n"),
        (
            "FULLNAT, PROXY",
            "-A -t 192.0.2.1:80 -s rr --local-address 10.0.0.8 --proxy-protocol\n-a -t 192.0.2.1:80 -r 10.0.0.2:80 --fullnat\n"
        ),
    ]

    /// Connections that begin before and behind the middle; each goes on after it, one closes.
    private static let frames: [[UInt8]] = {
        let early: [UInt16] = [5001, 5002, 5003, 5004, 5005], late: [UInt16] = [5006, 5007, 5008]
        return early.map { Arriving.tcp(.syn, port: $0) } + [Arriving.tcp(.ack, port: 5001), Arriving.tcp([.fin, .ack], port: 5002)]
            + early.map { Arriving.tcp(.ack, port: $0, payload: [1, 2, 3]) } + late.map { Arriving.tcp(.syn, port: $0) }
            + [Arriving.tcp(.rst, port: 5003)] + late.map { Arriving.tcp(.ack, port: $0) }
    }()
    private static let middle = 7

    @Test(arguments: farms.indices)
    func theSecondHalfIsTheSame(_ farm: Int) throws {
        let services = Self.farms[farm].services
        let folder = try CaseFolder(["run": "seed 5\n"], frames: Self.frames, services: services)
        var whole = try Replayer(CaseFiles(folder: folder.path))
        for _ in 0..<Self.middle { _ = try whole.step { _ in } }
        let text = SnapshotText(whole.director.snapshot()).text
        var expected: [[UInt8]] = []
        while try whole.step({ expected.append($0.frame) }) != nil {}
        try whole.finish { _ in }

        let other = try CaseFolder(["run": "seed 5\n", "connections": text], services: services)
        try other.write(
            Array(Self.frames[Self.middle...]), to: "in.pcap", causes: (Self.middle..<Self.frames.count).map { UInt32(1000 + $0) })
        var half = try Replayer(CaseFiles(folder: other.path))
        #expect(SnapshotText(half.director.snapshot()).text == text)
        var actual: [[UInt8]] = []
        while try half.step({ actual.append($0.frame) }) != nil {}
        try half.finish { _ in }
        #expect(actual == expected)
        #expect(!expected.isEmpty)
        #expect(half.director.connectionRecords().map(Self.words).sorted() == whole.director.connectionRecords().map(Self.words).sorted())
        #expect(Self.counts(half.director.inventory()) == Self.counts(whole.director.inventory()))
    }

    private static func words(_ record: ConnectionRecord) -> String { "\(record)" }

    private static func counts(_ inventory: Inventory) -> [String] {
        inventory.services.flatMap { service in
            service.servers.map { "\(service.key) \($0.key) \($0.active) \($0.inactive) \($0.persistent)" }
        }
    }

    @Test func connectionsOfARemovedServerWaitForIt() throws {
        let folder = try CaseFolder(["edits": "1: -d -t 192.0.2.1:80 -r 10.0.0.2:80\n"], frames: [Arriving.tcp(.syn), Arriving.tcp(.ack)])
        var replay = try Replayer(CaseFiles(folder: folder.path))
        while try replay.step({ _ in }) != nil {}
        let text = SnapshotText(replay.director.snapshot()).text
        #expect(text.contains("gone of -t 192.0.2.1:80 -r 10.0.0.2:80 -g -w 1\n"))
        let other = try CaseFolder(
            ["connections": text, "edits": "1: -a -t 192.0.2.1:80 -r 10.0.0.2:80 -g\n"], services: "-A -t 192.0.2.1:80 -s rr\n")
        try other.write([Arriving.tcp(.ack), Arriving.tcp(.ack)], to: "in.pcap", causes: [1002, 1003])
        var half = try Replayer(CaseFiles(folder: other.path))
        #expect(try half.step { _ in }?.verdict == .serverGone)
        #expect(try half.step { _ in }?.verdict == .directRouting)
    }

    @Test func aFileByHandNeedsOnlyTheConnections() throws {
        let folder = try CaseFolder(
            [
                "connections": """
                # one that was there before
                tcp 198.51.100.7:5555 192.0.2.1:80 10.0.0.2:80 ESTABLISHED expires 0.5 of -t 192.0.2.1:80 -r 10.0.0.2:80

                """
            ], frames: [Arriving.tcp(.ack), Arriving.tcp(.ack)])
        var replay = try Replayer(CaseFiles(folder: folder.path))
        #expect(replay.director.inventory().services[0].servers[0].active == 1)
        #expect(try replay.step { _ in }?.verdict == .directRouting)
        #expect(replay.director.connectionRecords().map(\.expires) == [900])
    }

    @Test(arguments: [
        (
            "tcp 198.51.100.7:5555 192.0.2.1:80 10.0.0.9:80 ESTABLISHED expires 9 of -t 192.0.2.1:80 -r 10.0.0.9:80",
            "the service TCP 192.0.2.1:80 has no server 10.0.0.9:80"
        ),
        (
            "tcp 198.51.100.7:5555 192.0.2.1:80 10.0.0.2:80 ESTABLISHED expires 9 of -t 192.0.2.2:80 -r 10.0.0.2:80",
            "there is no service TCP 192.0.2.2:80"
        ),
        (
            "tcp 198.51.100.7:5555 192.0.2.1:80 10.0.0.2:80 ESTABLISHED expires 9",
            "a connection needs a server, unless its method is bypass"
        ),
        (
            "tcp 198.51.100.7:5555 192.0.2.1:80 10.0.0.2:80 ESTABLISHED under 4 of -t 192.0.2.1:80 -r 10.0.0.2:80",
            "hangs under 4, which does not stand before it"
        ),
        ("tcp 198.51.100.7:5555 192.0.2.1:80 10.0.0.2:80 ALIVE", "ALIVE: not a state of tcp"),
        ("tcp 198.51.100.7 192.0.2.1:80 10.0.0.2:80 NONE", "198.51.100.7: not ADDRESS:PORT or [ADDRESS]:PORT"),
        ("tcp 198.51.100.7:5555 [::1]:80 10.0.0.2:80 NONE", "client and virtual address are of different families"),
        ("tcp 198.51.100.7:5555 192.0.2.1:80", "the line ends too early"),
        (
            "quic 198.51.100.7:5555",
            "quic: expected clock, dice, due, path-mtu, ports, gone, service, remembered, server, template, or a protocol (tcp, udp, sctp)"
        ),
        ("clock 12.x", "12.x: not a time in seconds"),
        ("clock 99999999999", "99999999999: not a time in seconds"),
        ("dice", "the line ends too early"),
        ("dice 7 8", "8: not understood here"),
        ("service position 1", "`of' and what it belongs to is missing"),
        ("service position 99999999999 of -t 192.0.2.1:80", "99999999999: not a position"),
        ("server ids 1 of -t 192.0.2.1:80 -r 10.0.0.2:80", "ids: expected two, `-' for none"),
        ("template tcp 1.2.3.4:0 192.0.2.1:80 10.0.0.2:80 OLD", "OLD: not a template's state: NONE or ASSURED"),
    ])
    func whatIsWrongIsNamed(_ line: String, _ complaint: String) throws {
        let folder = try CaseFolder(["connections": "\n" + line + "\n"], frames: [Arriving.tcp(.ack)])
        do {
            _ = try Replayer(CaseFiles(folder: folder.path))
            Issue.record("taken: \(line)")
        } catch {
            #expect("\(error)" == "\(folder.path)/connections:2: \(complaint)")
        }
    }

    @Test func absurdPositionsDoNoHarm() throws {
        let services = "-A -t 192.0.2.1:80 -s wrr\n-a -t 192.0.2.1:80 -r 10.0.0.2:80 -g -w 0\n"
        for position in ["2147483647,2147483647", "-2147483648,-2147483648", "7"] {
            let folder = try CaseFolder(
                ["connections": "service position \(position) of -t 192.0.2.1:80\n"], frames: [Arriving.tcp(.syn)], services: services)
            var replay = try Replayer(CaseFiles(folder: folder.path))
            #expect(try replay.step { _ in }?.verdict == .noServer)
        }
    }
}
