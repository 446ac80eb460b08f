import Admin
import ArgumentParser
import CLinux
import Glibc
import LVS
import Replay
import Runtime
import SystemPackage
import Wire

/// `svs record`: a case of what happens on this host now.
struct RecordCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "record", abstract: "Record a case on this host: what a director is, what arrives, what it sends.",
        discussion: """
            Has the running director take down what it does, and makes a new folder of it, which svs replay, explain and \
            verify read: services, marks, switches, seed, network, the connections that there are at the beginning, the \
            frames that arrive with their offloads and times, commands in between, and the frames that leave as those that \
            are expected. Ends by SIGINT, SIGTERM or a limit, then replays the case and says whether the director sent the \
            same; exit status 1 when it did not.

            Not recorded: incomplete fragments and packets that wait for a neighbour at the beginning, what lblc and lblcr \
            remember, and counters. Where those decide, the replay differs.

            --client and --service keep only the packets and connections of some clients and services; NAT's replies come \
            with the service. What depends on all others (a scheduler's next pick) may then differ from what was sent.

            --anonymise maps all addresses to others, networks to networks, and clears payloads. Schedulers that hash \
            addresses (sh, dh, mh, lblc, lblcr) and GUE's source ports then come to other results, so that what is \
            expected is not what was sent but what replay makes of the mapped case. Of SIP, no Call-ID is left; of \
            fragments, no transport checksum is right.

            With --services no director is asked: the frames that arrive on the interfaces are captured, for a case of the \
            kernel's IPVS or of a director elsewhere; connections and frames that leave are not. Needs CAP_NET_RAW.
            """)
    @Option(name: .shortAndLong, help: ArgumentHelp("The folder to make.", valueName: "case")) var output: String
    @Option(
        name: .customLong("interface"),
        help: ArgumentHelp(
            "Interface whose arriving frames are recorded; repeat for more (default: all of the director's).", valueName: "interface"),
        completion: Completions.interfaces)
    var interfaces: [String] = []
    @Option(help: ArgumentHelp("Stop after this many frames.", valueName: "n")) var frames = 100_000
    @Option(help: ArgumentHelp("Stop after this many seconds.", valueName: "n")) var seconds: Int?
    @Option(help: ArgumentHelp("Stop after this many megabytes of frames.", valueName: "n")) var megabytes = 1024
    @Option(
        name: .customLong("client"),
        help: ArgumentHelp("Only packets from and to this client; repeat for more.", valueName: "address[/length]"))
    var clients: [String] = []
    @Option(name: .customLong("service"), help: ArgumentHelp("Only packets of this service; repeat for more.", valueName: "address[:port]"))
    var onlyServices: [String] = []
    @Option(
        help: ArgumentHelp("Services, as ipvsadm-save writes them, instead of the running director's.", valueName: "file"),
        completion: .file())
    var services: String?
    @Option(help: ArgumentHelp("Marks for IPv4 instead of the running director's.", valueName: "file"), completion: .file())
    var marks: String?
    @Option(help: ArgumentHelp("Marks for IPv6 instead of the running director's.", valueName: "file"), completion: .file())
    var marks6: String?
    @Option(help: ArgumentHelp("Switches instead of the running director's.", valueName: "file"), completion: .file())
    var sysctl: String?
    @Option(
        help: ArgumentHelp(
            "With --services: virtual addresses that the case's director owns where the host does not have them.",
            valueName: "all|addr,..."))
    var own: Ownership?
    @Flag(help: "Map addresses to others and clear payloads.") var anonymise = false
    @Option(help: ArgumentHelp("The running director's socket.", valueName: "path")) var control: String?
    @Option(help: ArgumentHelp("Wait for its answers as long as this (default: 5).", valueName: "seconds")) var timeout: UInt32?

    func validate() throws {
        guard services == nil || !interfaces.isEmpty else { throw ValidationError("--interface is missing: name at least one interface") }
        guard Set(interfaces).count == interfaces.count else { throw ValidationError("--interface: an interface is named twice") }
        guard frames > 0, (1...1_000_000_000).contains(seconds ?? 1), (1...1_000_000).contains(megabytes) else {
            throw ValidationError("--frames, --seconds and --megabytes: at least 1")
        }
        guard !anonymise || services == nil else { throw ValidationError("--anonymise is for cases of a running director") }
        guard own == nil || services != nil else { throw ValidationError("--own: a running director owns what it was started with") }
        guard control == nil && timeout == nil || services == nil else {
            throw ValidationError("--control and --timeout: the services come from --services, no director is asked")
        }
        guard (1...86_400).contains(timeout ?? 1) else { throw ValidationError("--timeout: 1 to 86400 seconds are possible") }
    }

    func run() throws {
        guard services == nil else { return try withClearErrors(capture) }
        let result = try withClearErrors(recordDirector)
        guard result.outcome == .passed || result.outcome == .regenerated else {
            print("\(result.line)")
            for finding in result.findings { print(finding.split(separator: "\n").map { "      \($0)" }.joined(separator: "\n")) }
            Terminal.exit(1)
        }
    }

    /// Has the running director record.
    private func recordDirector() throws -> CaseResult {
        try OutputFile.checkNewFolder(output)
        let recorder = try DirectorRecorder(
            ControlClient(path: AdmCommandLine.path(control), patience: timeout ?? ControlClient.usualPatience),
            .init(clients: clients, services: onlyServices, interfaces: interfaces), log: Terminal.log)
        var texts = recorder.texts
        try read(into: &texts)
        var anonymiser: Anonymiser?
        if anonymise {
            var random = SystemRandomNumberGenerator()
            anonymiser = Anonymiser(seed: random.next())
            try anonymiser?.read(ServicesFile(texts["services"] ?? "", name: "services", names: SystemNames()).rules)
        }
        let made = try RecordedCase(
            folder: output, texts: texts, interfaces: recorder.interfaces,
            taken: interfaces.isEmpty ? recorder.taken : interfaces, limit: frames, anonymiser: anonymiser)
        var line = ProgressLine()
        try recorder.record(into: made, until: end, frames: frames, bytes: megabytes << 20) {
            line.show("recording: \(counted($0.frames, "frame")) arrived, \($0.emissions) left")
        }
        line.hide()
        try checkFrames(made.frames)
        let result = try made.settle()
        let what = "recorded \(counted(made.frames, "frame")) that arrived and \(made.emissions) that left to \(output)"
        let words =
            switch result.outcome {
            case .passed: "; the replay sends the same"
            case .regenerated: "; what is expected is what replay makes of the mapped case"
            default: "; the replay differs"
            }
        Terminal.complain(what + words)
        return result
    }

    /// Captures what arrives, for a director that cannot be asked.
    private func capture() throws {
        try OutputFile.checkNewFolder(output)
        for name in interfaces where if_nametoindex(name) == 0 { throw CommandFailure("interface \(name) does not exist") }
        var texts = ["services": try TextFile.read(services ?? "")]
        try read(into: &texts)
        let rules = try ServicesFile(texts["services"] ?? "", name: services ?? "services", names: SystemNames()).rules
        let filter = try RecordFilter(clients: clients, services: onlyServices, rules: rules)
        let capture = CaseCapture(
            folder: output, interfaces: interfaces, texts: texts, ownership: own ?? .none, filter: filter, frames: frames,
            bytes: megabytes << 20, end: end, log: Terminal.log)
        var line = ProgressLine()
        let captured = try capture.run { line.show("recording: \(counted($0, "frame"))") }
        line.hide()
        try checkFrames(captured)
        Terminal.complain("recorded \(counted(captured, "frame")) to \(output)")
    }

    /// A case without frames shows nothing, so that making one is no success; what there is of it stays.
    private func checkFrames(_ count: Int) throws(CommandFailure) {
        guard count == 0 else { return }
        let only = clients.isEmpty && onlyServices.isEmpty ? "" : " of the clients and services named"
        throw CommandFailure("no frame\(only) arrived: \(output) holds the configuration only", status: 1)
    }

    /// The files that options name instead of the director's own.
    private func read(into texts: inout [String: String]) throws(FileError) {
        for (name, path) in [("marks", marks), ("marks6", marks6), ("sysctl", sysctl)] {
            if let path { texts[name] = try TextFile.read(path) }
        }
    }

    /// When `--seconds` are over, nanoseconds of CLOCK_MONOTONIC.
    private var end: UInt64 { seconds.map { svs_clock() &+ UInt64($0) &* UInt64(second) } ?? .max }
}
