import Admin
import LVS
import Replay
import Testing
import Wire

@testable import Runtime

/// The files as they were last read, and what a director that begins anew makes of what differs.
@Suite struct JournalFilesTests {
    private func state(_ services: [String], switches: [(String, String)] = []) throws -> RunFiles.State {
        var state = RunFiles.State()
        state.servicesText = services.map { $0 + "\n" }.joined()
        try state.take(ServicesFile(state.servicesText, name: "services", names: SystemNames()))
        for (name, value) in switches { try state.tunables.set(name, to: value) }
        return state
    }

    private func bench() -> JournalRecorderTests.Bench { JournalRecorderTests.Bench(65_536) }

    /// A director that has begun over the memory of another one, and what it had to say.
    private final class Life {
        var engine = ControlledDirector(JournalRecorderTests.Bench.director())
        var said: [String] = []

        init(_ memory: UnsafeMutableRawBufferPointer, _ state: RunFiles.State) throws {
            let journal = Journal(memory), recalled = RecalledState(journal)
            let recorder = JournalRecorder(journal, recalled, clients: ClientTable())
            var said: [String] = []
            try engine.begin(state, of: RunFiles(), (recalled, recorder)) { said.append($0) }
            self.said = said
        }
    }

    @Test func textsLeadToTheSameState() throws {
        // Each of the two thresholds is refused as long as the other one has its usual value.
        var before = try state(
            ["-A -t 192.0.2.1:80 -s rr", "-a -t 192.0.2.1:80 -r 10.0.0.11:80 -m", "--set 60 30 20"],
            switches: [
                ("net.ipv4.ipfrag_low_thresh", "1000"), ("net.ipv4.ipfrag_high_thresh", "2000"),
                ("net.ipv4.vs.sync_threshold", "80\t90"),
            ])
        before.markTexts["marks"] = "*mangle\n:PREROUTING ACCEPT [0:0]\n-A PREROUTING -p tcp --dport 443 -j MARK --set-mark 7\nCOMMIT\n"
        before.marks4 = try MarksFile(before.markTexts["marks"] ?? "", file: "marks", family: .v4).rules
        let after = try RunFiles.State(
            recalled: Dictionary(uniqueKeysWithValues: before.texts.map { ($0.name, $0.text) }), of: RunFiles(marks: "marks"),
            beside: RunFiles.State())
        #expect(after.plan == before.plan && after.timeouts == before.timeouts && after.tunables == before.tunables)
        #expect(after.marks4 == before.marks4 && after.markTexts == before.markTexts && after.marks6 == before.marks6)
    }

    /// What the file says now is applied over what stands: what others added stays, what left the file goes.
    @Test func theDifferenceIsApplied() throws {
        let bench = bench()
        defer { withExtendedLifetime(bench) {} }
        let switches = [("net.ipv4.vs.sloppy_tcp", "1")]
        let lines = ["-A -t 192.0.2.1:80 -s rr", "-a -t 192.0.2.1:80 -r 10.0.0.11:80 -m", "-A -t 192.0.2.2:80 -s rr"]
        let first = try Life(bench.memory, state(lines, switches: switches))
        let key = ServiceKey(proto: 6, address: IPAddress(v4: 0xc000_0201), port: 80)
        func server(_ last: UInt32) -> ServerKey { ServerKey(address: IPAddress(v4: 0x0a00_0000 + last), port: 80) }
        try first.engine.apply(.addServer(key, server(12), ServerSettings(method: .masquerading, weight: 9)))
        try first.engine.apply(.editServer(key, server(11), ServerSettings(method: .masquerading, weight: 0)))
        // Nothing has changed in the files: what stands, stands.
        let second = try Life(bench.memory, state(lines, switches: switches))
        let (before, after) = (first.engine.inventory(), second.engine.inventory())
        #expect(before == after)
        #expect(second.engine.director.tunables.sloppyTCP == 1)
        // One service has left the file, another one has come.
        let third = try Life(
            bench.memory, state(["-A -t 192.0.2.1:80 -s wlc", "-a -t 192.0.2.1:80 -r 10.0.0.11:80 -m", "-A -t 192.0.2.3:80 -s rr"]))
        let text = DirectorText.services(third.engine.inventory())
        #expect(
            Set(text.split(separator: "\n")) == [
                "-A -t 192.0.2.1:80 -s wlc", "-a -t 192.0.2.1:80 -r 10.0.0.11:80 -m -w 0", "-a -t 192.0.2.1:80 -r 10.0.0.12:80 -m -w 9",
                "-A -t 192.0.2.3:80 -s rr", "--set 900 120 300",
            ])
        #expect(third.engine.director.tunables.sloppyTCP == 0)
        #expect(first.said + second.said + third.said == [])
    }

    /// Pieces of a reading that was not finished are passed over.
    @Test func halfAReadingDoesNotCount() throws {
        let bench = bench()
        defer { withExtendedLifetime(bench) {} }
        var journal = Journal(bench.memory)
        func append(_ record: JournalRecord) { if let entry = record.entry { journal.append(entry) } }
        append(.files(count: 2))
        append(.piece(name: "services", bytes: Array("one ".utf8)))
        append(.piece(name: "services", bytes: Array("two".utf8)))
        append(.files(count: 2))
        append(.piece(name: "services", bytes: Array("three".utf8)))
        #expect(RecalledState(journal).texts == ["services": "one two"])
        append(.piece(name: "marks", bytes: []))
        #expect(RecalledState(journal).texts == ["services": "three", "marks": ""])
        journal.append(Journal.Entry(kind: 99, bytes: [1]))
        #expect(RecalledState(journal).strange == 1)
    }

    /// A large file is written down a piece at a time: until it is there as a whole, the earlier reading counts; a fresh text has it as a whole.
    @Test func aLargeFileIsWrittenInSlices() throws {
        let bench = JournalRecorderTests.Bench(1 << 22)
        defer { withExtendedLifetime(bench) {} }
        guard let recorder = bench.engine.journal else { Issue.record("no journal"); return }
        let key = ServiceKey(proto: IPProtocol.tcp, address: IPAddress(v4: 0xc000_0201), port: 80)
        func write(_ text: String) -> Bool {
            recorder.write(JournalRecorder.pieces(of: [("services", text)]), in: bench.engine.director)
        }
        #expect(write("first") && !recorder.isWriting && bench.recalled.texts == ["services": "first"])
        let large = String(repeating: "0123456789abcde\n", count: 32_768)
        #expect(write(large))
        var slices = 1
        while recorder.isWriting {
            #expect(bench.recalled.texts == ["services": "first"])
            recorder.goOnWriting()
            slices += 1
        }
        #expect(slices == 8 && bench.recalled.texts == ["services": large])
        // A text that is begun before the last one has ended, and a move.
        #expect(write("third " + large) && recorder.isWriting && write("last") && bench.recalled.texts == ["services": "last"])
        #expect(write("fourth " + large) && recorder.isWriting)
        // A command that begins a fresh text: nothing stays half written beside that.
        try bench.engine.apply(.addService(key, ServiceSettings(scheduler: "rr")))
        #expect(!recorder.isWriting && bench.recalled.texts == ["services": "fourth " + large])
        #expect(bench.next().services.map(\.key) == [key])
        let other = UnsafeMutableRawBufferPointer.allocate(byteCount: 1 << 22, alignment: 64)
        defer { other.deallocate() }
        other.initializeMemory(as: UInt8.self, repeating: 0)
        #expect(recorder.move(to: other, over: bench.engine.director) && !recorder.isWriting)
        #expect(RecalledState(Journal(other)).texts == ["services": "fourth " + large])
    }
}
