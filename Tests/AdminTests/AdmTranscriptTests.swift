import Admin
import Glibc
import LVS
import Testing

/// Every recorded command line of the real ipvsadm, answered by `Adm` with a mock director and with the engine.
@Suite struct AdmTranscripts {
    static let folder = #filePath.split(separator: "/").dropLast().reduce("") { $0 + "/" + $1 } + "/Transcripts"

    static var files: [String] {
        guard let directory = opendir(folder) else { return [] }
        defer { closedir(directory) }
        var names: [String] = []
        while let entry = readdir(directory) {
            let name = withUnsafePointer(to: &entry.pointee.d_name) {
                $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
            }
            if name.hasSuffix(".txt") { names.append(name) }
        }
        return names.sorted()
    }

    @Test func theRecordsAreThere() throws {
        let steps = try Self.files.reduce(0) { try $0 + Transcript(TextFile.read(Self.folder + "/" + $1)).steps.count }
        #expect(steps == 855)
    }

    @Test(arguments: files)
    func answersAsRecorded(_ file: String) throws { try replay(file, on: MockDirector()) }

    @Test(arguments: files)
    func theEngineAnswersAsRecorded(_ file: String) throws { try replay(file, on: EngineDirector()) }

    private func replay(_ file: String, on director: some ControlChannel) throws {
        let transcript = Transcript(try TextFile.read(Self.folder + "/" + file))
        #expect(!transcript.steps.isEmpty)
        let names = HostFiles()
        for step in transcript.steps {
            let answer = Answer(step.words, input: step.input, director: director, names: names)
            #expect(answer.status == step.status, "\(file): \(step.line)\n\(answer.errors)")
            switch step.comparison {
            case .status:
                break
            case .all:
                #expect(answer.output == step.output, "\(file): \(step.line)")
                #expect(answer.errors == step.errors, "\(file): \(step.line)")
            case .entriesInAnyOrder:
                #expect(Entries(answer.output) == Entries(step.output), "\(file): \(step.line)")
                #expect(answer.errors == step.errors, "\(file): \(step.line)")
            }
        }
    }
}

/// What one invocation says.
struct Answer {
    var status: Int32
    var output: String
    var errors: String

    init<Channel: ControlChannel>(_ words: [String], input: String = "", director: Channel, names: some NameResolver = HostFiles()) {
        var lines = input.split(separator: "\n", omittingEmptySubsequences: false)[...]
        if lines.last?.isEmpty == true { lines.removeLast() }
        var output = "", errors = ""
        status = Adm(
            connect: { () throws(Channel.Failure) in director }, names: names,
            input: { lines.popFirst().map(String.init) }, hasInput: { !lines.isEmpty }, output: { output += $0 }, errors: { errors += $0 }
        ).run(words)
        self.output = output
        self.errors = errors
    }

    init(_ line: String, input: String = "", director: some ControlChannel, names: some NameResolver = HostFiles()) {
        self.init(Transcript.shellWords(line[...]), input: input, director: director, names: names)
    }
}
