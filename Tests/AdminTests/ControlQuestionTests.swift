import Admin
import Glibc
import LVS
import Testing
import Wire

@Suite struct ControlQuestions {
    static let questions: [ControlQuestion] = [
        .verdictCounters, .start, .switches, .explain(packet: "tcp 198.51.100.7:5555 > 192.0.2.1:80 SYN", .text),
        .explain(packet: "", .json),
        .startRecording(.init()),
        .startRecording(.init(clients: ["198.51.100.0/24", "2001:db8::7"], services: ["192.0.2.1:80"], interfaces: ["eth0"])),
        .recorded, .recordedConnections, .endRecording, .virtualAddresses, .status,
        .setSwitch(name: "vs.sloppy_tcp", value: "1"), .loads(from: 0), .loads(from: 0x1_0400),
    ]

    static let replies: [ControlReply] = [
        .text(""), .text("one\ntwo é\n"),
        .recordingStart(
            .init(
                files: [.init(name: "services", text: "-A -t 192.0.2.1:80\n"), .init(name: "run", text: "")],
                interfaces: [.init(index: 1, name: "lo"), .init(index: 7, name: "eth0")], taken: ["eth0"])),
        .recordingStart(.init(files: [], interfaces: [], taken: [])),
        .chunk(.init(hasMore: true, bytes: [])), .chunk(.init(hasMore: false, bytes: [0, 1, 255])),
        .recordingEnd(.init(network: "link set eth0 up\n", reason: "", ownFrames: 3)),
        .status(DirectorStatus()), .status(StatusTextTests.status), .loads(LoadPage()), .loads(LoadExamples.page),
    ]

    @Test(arguments: questions) func aQuestionComesBackWhole(_ question: ControlQuestion) throws {
        #expect(try ControlQuestion(question.bytes) == question)
    }

    @Test(arguments: replies) func aReplyComesBackWhole(_ reply: ControlReply) {
        #expect(ControlReply(reply.bytes) == reply)
    }

    /// The virtual addresses of a status are written a few at a time, when they are wanted.
    @Test func aStatusOfManyAddressesHasManyPieces() throws {
        var status = StatusTextTests.status
        status.addresses = []
        for number in 0..<3000 {
            let address = IPAddress(v4: 0x0a00_0000 + UInt32(number))
            if number % 3 == 2 { status.holders.waiting.insert(address) } else { status.holders.handled.insert(address) }
            if number % 3 == 1 { status.holders.owned.insert(address) }
        }
        let reply = ControlReply.status(status), pieces = Array(reply.pieces)
        #expect(pieces.count > 10 && pieces.allSatisfy { $0.count < 20_000 } && Array(pieces.joined()) == reply.bytes)
        var told = DirectorStatus()
        if case .status(let status)? = ControlReply(reply.bytes) { told = status }
        let holders = Dictionary(uniqueKeysWithValues: told.addresses.map { ($0.address, $0.holder) })
        #expect(holders.count == 3000 && told.addresses.count == 3000)
        for (number, holder) in ["host", "director", "nobody"].enumerated() { #expect(holders["10.0.0.\(number)"] == holder) }
    }

    /// Whatever is missing or too much is noticed.
    @Test(arguments: questions) func aQuestionOfAnotherLengthIsRefused(_ question: ControlQuestion) {
        for count in 0..<question.bytes.count {
            #expect(throws: AskError.self) { try ControlQuestion(Array(question.bytes.prefix(count))) }
        }
        #expect(throws: AskError.self) { try ControlQuestion(question.bytes + [0]) }
    }

    @Test(arguments: replies) func aReplyOfAnotherLengthIsNone(_ reply: ControlReply) {
        for count in 0..<reply.bytes.count { #expect(ControlReply(Array(reply.bytes.prefix(count))) == nil) }
        #expect(ControlReply(reply.bytes + [0]) == nil)
    }

    struct Unknown: Sendable, CustomTestStringConvertible {
        let testDescription: String
        let bytes: [UInt8]
        let errno: Int32
        let words: String
        init(_ name: String, _ bytes: [UInt8], _ errno: Int32, _ words: String) {
            (testDescription, self.bytes, self.errno, self.words) = (name, bytes, errno, words)
        }
    }

    /// The refusal travels to whoever asked.
    @Test(arguments: [
        Unknown(
            "another version", [2, 0, 1, 0], EPROTONOSUPPORT,
            "svs run answers questions of version 1, not 2: ask with an svs of the same release"),
        Unknown("another question", [1, 0, 99, 0], EOPNOTSUPP, "svs run knows no question '99'"),
        Unknown("another form", [1, 0, 4, 0, 9, 0, 0, 0, 0], EINVAL, "question 4: its fields are not those of version 1"),
        Unknown("a list that never ends", [1, 0, 5, 0, 255, 255, 255, 255], EINVAL, "question 5: its fields are not those of version 1"),
        Unknown("nothing", [], EINVAL, "a question without a kind"),
    ])
    func whatIsNotUnderstoodIsRefused(_ row: Unknown) throws {
        let bench = try ControlBench()
        defer { _ = bench.stop() }
        let raw = try RawClient(bench.path)
        let refusal = try #require(
            raw.ask(command: ControlConstants.Verb.ask, flags: 0x301) { $0.put(ControlConstants.Top.payload, bytes: row.bytes) }.first?
                .refusal)
        #expect(refusal.errno == row.errno && refusal.text == row.words)
        let without = try #require(raw.ask(command: ControlConstants.Verb.ask, flags: 0x301).first?.refusal)
        #expect(without.errno == EINVAL)
        let file = try #require(
            raw.ask(command: ControlConstants.Verb.readFile, flags: 0x301) { $0.put(ControlConstants.Top.file, string: "proc/colour") }
                .first?.refusal)
        #expect(file.errno == EOPNOTSUPP && file.text == "svs run knows no question 'proc/colour'")
    }
}
