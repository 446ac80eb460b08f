import LVS
import PacketKit
import Replay
import Testing
import Wire

/// What a case says of addresses that its director owns, and what `--own` says instead.
struct OwnershipTests {
    private static let services = "-A -t 192.0.2.99:80 -s rr\n-a -t 192.0.2.99:80 -r 10.0.0.2:80 -g\n"
    private static let syn = Packet.tcp(from: "198.51.100.7:5555", to: "192.0.2.99:80").ethernet(
        from: "02:00:00:00:00:fe", to: "02:00:00:00:00:01")

    private static func verdict(_ run: String?, _ ownership: Ownership? = nil) throws -> Verdict? {
        let folder = try CaseFolder(run.map { ["run": $0] } ?? [:], frames: [syn], services: services)
        var replay = try Replayer(CaseFiles(folder: folder.path), ownership: ownership)
        return try replay.step { _ in }?.verdict
    }

    @Test(
        arguments: [
            (nil, nil, .passWaiting), ("host beside\n", nil, .passWaiting), ("own none\n", nil, .passWaiting),
            ("own all\n", nil, .directRouting), ("host beside\nown all\n", nil, .directRouting),
            ("own 192.0.2.99\n", nil, .directRouting), ("own 192.0.2.1\nown 192.0.2.99\n", nil, .directRouting),
            ("host beside\nowns 192.0.2.99\n", nil, .directRouting), ("own 192.0.2.1\n", nil, .passWaiting),
            (nil, .all, .directRouting), ("own all\n", Ownership.none, .passWaiting),
        ] as [(String?, Ownership?, Verdict)])
    func whoOwns(_ run: String?, _ option: Ownership?, _ verdict: Verdict) throws {
        #expect(try Self.verdict(run, option) == verdict)
    }

    @Test(arguments: [
        ("own some\n", "r:1: own: some: expected all, none or an address"),
        ("own all\nown 192.0.2.1\n", "r:2: own: 192.0.2.1: a line above says all"),
        ("seed 1\nown 192.0.2.1\nown none\n", "r:3: own: none: a line above says 192.0.2.1"),
        ("keep 1\n", "r:1: unknown key keep: there are seed, connections, host, own, marks and firewall"),
    ])
    func refused(_ text: String, _ message: String) {
        let error = #expect(throws: (any Error).self) { try RunFile(text, file: "r") }
        #expect(error.map { "\($0)" } == message)
    }

    @Test(arguments: ["", "own all\n", "own none\n", "own 192.0.2.1\nown 2001:db8::1\n", "host beside\nown all\n"])
    func textIsReadBack(_ text: String) throws {
        let run = try RunFile(text, file: "r")
        #expect(try RunFile(run.text, file: "r") == run)
    }

    /// An address that comes is the host's; the director that owned it before lets it go.
    @Test func theHostTakesAnOwnedAddress() throws {
        let ask = Packet.arp(request: true, senderMAC: "02:00:00:00:00:fe", sender: "172.31.255.254", target: "192.0.2.99")
        let folder = try CaseFolder(
            ["run": "host beside\nown all\n", "edits": "1: address add 192.0.2.99/32 dev eth0\n2: address del 192.0.2.99/32 dev eth0\n"],
            frames: [ask, ask, ask], services: Self.services)
        var replay = try Replayer(CaseFiles(folder: folder.path))
        var verdicts: [Verdict] = []
        while let outcome = try replay.step({ _ in }) { verdicts.append(outcome.verdict) }
        #expect(verdicts == [.arpReply, .passARP, .arpReply])
    }

    @Test func anEditThatTheKernelRefusesIsAnErrorOfTheCase() throws {
        let folder = try CaseFolder(["edits": "0: address del 192.0.2.99/32 dev eth0\n"], frames: [Self.syn], services: Self.services)
        let error = #expect(throws: (any Error).self) { _ = try Replayer(CaseFiles(folder: folder.path)) }
        #expect(error.map { "\($0)" } == "\(folder.path)/edits:1: 192.0.2.99/32: Cannot assign requested address")
    }
}
