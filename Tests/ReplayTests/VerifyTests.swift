import PacketKit
import Replay
import Testing
import Wire

@Suite struct VerifyTests {
    private static let frames = [Arriving.tcp(.syn), Arriving.tcp(.ack)]

    private static func sample(_ files: [String: String] = [:], out: [[UInt8]] = [Arriving.forwarded(.syn), Arriving.forwarded(.ack)])
        throws -> CaseFolder
    {
        let folder = try CaseFolder(files, frames: frames)
        try folder.write(out, to: "out.eth1.pcap", causes: [0, 1, 1])
        return folder
    }

    @Test func aCaseThatHoldsPasses() throws {
        let folder = try Self.sample(["verdicts": "direct-routing\ndirect-routing # the second\n", "about": "two frames\nmore\n"])
        let result = CaseVerifier().verify(folder.path)
        #expect(result.outcome == .passed)
        #expect(result.frames == 2)
        #expect(result.about == "two frames")
        #expect(result.findings == [])
    }

    @Test func theFirstDifferenceIsTwoLinesAndAHeaderDiff() throws {
        let folder = try Self.sample(out: [Arriving.forwarded(.syn), Arriving.forwarded(.ack, ttl: 64)])
        let result = CaseVerifier().verify(folder.path)
        #expect(result.outcome == .failed)
        #expect(result.differingFrames == 1)
        #expect(
            result.findings == [
                """
                input frame 1 on eth0: 02:00:00:00:00:fe > 02:00:00:00:00:01 198.51.100.7:5555 > 192.0.2.1:80 TCP [A] seq 1 ack 0 win 65535 len 40 ttl 64 id 7 DF
                  eth1, emitted frame 0:
                    expected 02:00:00:00:01:01 > 02:00:00:00:00:22 198.51.100.7:5555 > 192.0.2.1:80 TCP [A] seq 1 ack 0 win 65535 len 40 ttl 64 id 7 DF
                    actual   02:00:00:00:01:01 > 02:00:00:00:00:22 198.51.100.7:5555 > 192.0.2.1:80 TCP [A] seq 1 ack 0 win 65535 len 40 ttl 63 id 7 DF
                      IPv4 ttl: expected 64, actual 63
                  reason: direct-routing, service TCP 192.0.2.1:80, server 10.0.0.2:80
                """
            ])
    }

    @Test func aMissingAndASurplusFrame() throws {
        let folder = try Self.sample(out: [Arriving.forwarded(.syn), Arriving.forwarded(.ack), Arriving.forwarded(.ack)])
        let result = CaseVerifier().verify(folder.path)
        #expect(result.findings.first?.contains("eth1: 2 frames expected, 1 seen") == true)
        let other = try Self.sample(out: [Arriving.forwarded(.syn)])
        #expect(CaseVerifier().verify(other.path).findings.first?.contains("eth1: 0 frames expected, 1 seen") == true)
    }

    @Test(arguments: [
        ("ttl", true), ("ip.ttl # with a comment", true), ("outer.ipv4.ttl", true), ("inner.ip.ttl", false), ("ipv6.ttl", false),
        ("tcp.ttl", false),
    ])
    func ignoredFieldsDoNotCount(_ name: String, _ passes: Bool) throws {
        let folder = try Self.sample(["ignore": name + "\n"], out: [Arriving.forwarded(.syn, ttl: 9), Arriving.forwarded(.ack)])
        #expect((CaseVerifier().verify(folder.path).outcome == .passed) == passes)
    }

    @Test func randomIdsAreZeroInTheExpectation() throws {
        let folder = try Self.sample(out: [Arriving.forwarded(.syn, id: 0), Arriving.forwarded(.ack, id: 0)])
        #expect(CaseVerifier().verify(folder.path).outcome == .passed)
        let other = try Self.sample(out: [Arriving.forwarded(.syn, id: 8), Arriving.forwarded(.ack, id: 0)])
        #expect(CaseVerifier().verify(other.path).findings.first?.contains("IPv4 id: expected 8, actual 7") == true)
    }

    @Test func whatRoutedFramesEmitAndDashesAreNotJudged() throws {
        let folder = try Self.sample(["routed": "1\n"], out: [Arriving.forwarded(.syn), Arriving.forwarded(.rst)])
        #expect(CaseVerifier().verify(folder.path).outcome == .passed)
        try folder.write("direct-routing\nrouted\n", to: "verdicts")
        #expect(CaseVerifier().verify(folder.path).findings.first?.contains("verdict: expected routed, actual direct-routing") == true)
        let verdicts = try Self.sample(["verdicts": "-\ndirect-routing\n"])
        #expect(CaseVerifier().verify(verdicts.path).outcome == .passed)
        let wrong = try Self.sample(["verdicts": "-\nno-server\n"])
        #expect(CaseVerifier().verify(wrong.path).findings.first?.contains("verdict: expected no-server, actual direct-routing") == true)
    }

    @Test(arguments: [
        ("verdicts", "direct-routing\n", "/verdicts: 1 verdict for 2 input frames"),
        ("routed", "5\n", "/routed: names input frame 5, but there are 2"),
        ("routed", "five\n", "/routed: five: not the number of a frame"),
        ("ignore", "ttl\nip..id\n", "/ignore:2: ip..id: no header field; such as ttl, ip.id or inner.tcp.window"),
        ("ignore", "ttl\ninner.windw\n", "/ignore:2: inner.windw: no header field; did you mean window?"),
        ("ignore", "ip.colour\n", "/ignore:1: ip.colour: no header field; such as"),
        ("verdicts", "direct-routing\n\ndirect-ruoting\n", "/verdicts:3: direct-ruoting: no reason code; did you mean direct-routing?"),
        ("verdicts", "direct-routing\nsomehow\n", "/verdicts:2: somehow: no reason code"),
        ("edits", "2: -D -t 192.0.2.1:80\n", "/edits: an edit comes before input frame 2, but there are 2"),
        ("sysctrl", "", "/sysctrl: no file of a case has this name; did you mean sysctl?"),
        ("in.eth1.vnet", "", "/in.eth1.vnet: belongs to a file in.eth1.pcap, and there is none"),
        ("notes", "", "/notes: no file of a case has this name"),
        ("run", "seed -1\n", "/run:1: seed: -1: not a number of 64 bits"),
        ("run", "\nhost guest\n", "/run:2: host: guest: expected whole or beside"),
        ("run", "connections 3\n", "/run:1: connections: 3: 16 to 268435456 are possible"),
        ("services", "-A -t nowhere\n", "/services:1: "),
    ])
    func whatIsWrongInACaseIsNamed(_ name: String, _ text: String, _ complaint: String) throws {
        let folder = try Self.sample([name: text])
        guard case .unusable(let reason) = CaseVerifier().verify(folder.path).outcome else { Issue.record("usable"); return }
        #expect(reason.hasPrefix(folder.path + complaint))
    }

    /// Not the first alone: who mends a case wants to mend it once.
    @Test(arguments: [
        (
            ["verdicts": "somehow\n-\nfoo\n", "routed": "1 five 6x\n", "ignore": "tll\nid foo\n"],
            [
                "verdicts:1: somehow: no reason code", "verdicts:3: foo: no reason code", "routed: five: not the number of a frame",
                "routed: 6x: not the number of a frame", "ignore:1: tll: no header field; did you mean ttl?",
                "ignore:2: foo: no header field; such as ttl, ip.id or inner.tcp.window",
            ]
        ),
        (
            ["run": "seed x\n\nhost guest\nhost beside\nmarks\n"],
            [
                "run:1: seed: x: not a number of 64 bits", "run:3: host: guest: expected whole or beside",
                "run:5: expected a key and a value",
            ]
        ),
        (
            ["connections": "clock x\nservice bar of -t 192.0.2.1:80\nremembered 10.0.0.9 of -t 192.0.2.1:80\ndice\n"],
            [
                "connections:1: x: not a time in seconds",
                "connections:2: bar: not a word for services: there are position, times, local and of",
                "connections:4: the line ends too early",
            ]
        ),
        (
            ["edits": "3: -D -t 192.0.2.1:80\n2: -C\n"],
            ["edits: an edit comes before input frame 2, but there are 2", "edits: an edit comes before input frame 3, but there are 2"]
        ),
        (
            ["notes": "", "sysctrl": "", "in.eth1.vnet": ""],
            [
                "notes: no file of a case has this name", "sysctrl: no file of a case has this name; did you mean sysctl?",
                "in.eth1.vnet: belongs to a file in.eth1.pcap, and there is none",
            ]
        ),
    ])
    func allThatIsWrongIsNamedAtOnce(_ files: [String: String], _ complaints: [String]) throws {
        let folder = try Self.sample(files)
        guard case .unusable(let reason) = CaseVerifier().verify(folder.path).outcome else { Issue.record("usable"); return }
        #expect(reason.split(separator: "\n").map(String.init) == complaints.map { "\(folder.path)/\($0)" })
    }

    @Test func hiddenFilesAndEditorsCopiesDoNotMatter() throws {
        let folder = try Self.sample([".cache": "", "services~": "nonsense"])
        #expect(CaseVerifier().verify(folder.path).outcome == .passed)
    }

    /// Every field that frames are taken apart into may be ignored.
    @Test func everyFieldHasAName() throws {
        for frame in [Arriving.tcp(.syn), Arriving.forwarded([.fin, .ack])] {
            var bytes = frame
            for field in bytes.withBytes({ PacketDescription.fields(of: $0) }) {
                let name = field.name.lowercased().split(separator: " ").joined(separator: "-")
                #expect(try IgnoredFields(name, file: "ignore").contains(field), "\(field)")
            }
        }
    }

    @Test func expectedFramesMustNameTheirInputInOrder() throws {
        let folder = try CaseFolder(frames: Self.frames)
        try folder.write([Arriving.forwarded(.ack), Arriving.forwarded(.syn)], to: "out.eth1.pcap", causes: [1, 0])
        #expect(
            CaseVerifier().verify(folder.path).outcome
                == .unusable("\(folder.path)/out.eth1.pcap: frame 2: caused by input frame 0, but stands behind one of frame 1"))
        try folder.write([Arriving.forwarded(.ack)], to: "out.eth1.pcap", causes: [7])
        #expect(
            CaseVerifier().verify(folder.path).outcome
                == .unusable("\(folder.path)/out.eth1.pcap: a frame is caused by input frame 7, but there are 2"))
        #expect(CaseVerifier().verify("/nowhere").outcome == .unusable("/nowhere: No such file or directory"))
    }

    @Test func listingsAreComparedLineByLine() throws {
        let folder = try CaseFolder(frames: Self.frames)
        var verifier = CaseVerifier()
        #expect(
            verifier.verify(folder.path).outcome
                == .unusable("\(folder.path): the case expects nothing: no out.pcap, expected/ or verdicts (--regenerate makes them)"))
        verifier.regenerates = true
        #expect(verifier.verify(folder.path).outcome == .regenerated)
        verifier.regenerates = false
        #expect(verifier.verify(folder.path).outcome == .passed)
        #expect(folder.text("verdicts") == "direct-routing\ndirect-routing\n")
        #expect(folder.text("expected/connections.txt") == "TCP ESTABLISHED 198.51.100.7:5555 192.0.2.1:80 10.0.0.2:80\n")
        try folder.write("TCP CLOSE 198.51.100.7:5555 192.0.2.1:80 10.0.0.2:80\n", to: "expected/connections.txt")
        #expect(
            verifier.verify(folder.path).findings == [
                """
                expected/connections.txt, line 1 (1 line differs):
                  expected TCP CLOSE 198.51.100.7:5555 192.0.2.1:80 10.0.0.2:80
                  actual   TCP ESTABLISHED 198.51.100.7:5555 192.0.2.1:80 10.0.0.2:80
                """
            ])
    }

    @Test func regeneratingKeepsWhatStillCounts() throws {
        // The first frame counts as equal with its id of 0 and keeps it; the second is wrong and is written anew.
        let folder = try Self.sample(
            ["verdicts": "-\nno-server\n"], out: [Arriving.forwarded(.syn, id: 0), Arriving.forwarded(.ack, ttl: 1)])
        var verifier = CaseVerifier()
        verifier.regenerates = true
        #expect(verifier.verify(folder.path).outcome == .regenerated)
        let lines = try Captured.lines(folder.path + "/out.eth1.pcap")
        #expect(lines.map { $0.contains("id 0 ") } == [true, false])
        #expect(lines.last?.contains("ttl 63 id 7") == true)
        #expect(folder.text("verdicts") == "-\ndirect-routing\n")
        #expect(folder.text("expected/ln.txt") == "")
    }

    @Test func reportsForContinuousIntegration() throws {
        let good = try Self.sample(), bad = try Self.sample(out: [])
        let results = [good.path, bad.path, "/no<where>"].map { CaseVerifier().verify($0) }
        let text = JUnitReport.text(of: results)
        #expect(
            text.hasPrefix(
                "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuite name=\"svs verify\" tests=\"3\" failures=\"1\" errors=\"1\""))
        #expect(text.contains("<failure message=\"input frame 0 on eth0: 02:00:00:00:00:fe &gt; "))
        #expect(text.contains("<error message=\"/no&lt;where&gt;: No such file or directory\"/>"))
    }

    @Test func manyCasesKeepTheirOrder() throws {
        let folders = try (0..<12).map { try Self.sample(out: $0 % 3 == 0 ? [] : [Arriving.forwarded(.syn), Arriving.forwarded(.ack)]) }
        let verifier = CaseVerifier()
        let results = CaseRun.results(of: folders.map(\.path), jobs: 4) {
            verifier.verify($0)
        } each: { _ in
        }
        #expect(results.map(\.folder) == folders.map(\.path))
        #expect(results.map { $0.outcome == .failed } == (0..<12).map { $0 % 3 == 0 })
    }
}

/// What a capture file holds.
enum Captured {
    static func lines(_ path: String) throws -> [String] {
        try frames(path).map { frame in
            var bytes = frame; return bytes.withBytes { PacketDescription($0).description }
        }
    }
}
