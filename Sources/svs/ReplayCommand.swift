public import ArgumentParser
public import LVS
public import Replay

/// Which virtual addresses the director of a case owns.
struct OwnOption: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            "Virtual addresses to answer for where the host has none: all, none or addresses (default: what the case says).",
            valueName: "all|addr,..."))
    var own: Ownership?
}

extension Ownership: ExpressibleByArgument {
    public init?(argument: String) { self.init(argument) }
}

/// The files that describe a director host, named one by one.
struct FileOptions: ParsableArguments {
    @Option(help: ArgumentHelp("Services, as ipvsadm-save writes them.", valueName: "file"), completion: .file())
    var services: String?
    @Option(help: ArgumentHelp("The host's network, as ip -batch reads it.", valueName: "file"), completion: .file())
    var network: String?
    @Option(help: ArgumentHelp("Marks for IPv4, as iptables-save writes them.", valueName: "file"), completion: .file())
    var marks: String?
    @Option(help: ArgumentHelp("Marks for IPv6, as ip6tables-save writes them.", valueName: "file"), completion: .file())
    var marks6: String?
    @Option(
        help: ArgumentHelp("The host's netfilter rules, as nft -j list ruleset or iptables-save print them.", valueName: "file"),
        completion: .file())
    var firewall: String?
    @Option(help: ArgumentHelp("Switches, as sysctl.conf has them.", valueName: "file"), completion: .file())
    var sysctl: String?
    @Option(
        help: ArgumentHelp("Commands between frames: INDEX: ipvsadm arguments, or address add|del.", valueName: "file"), completion: .file()
    )
    var edits: String?
    @Option(
        name: .customLong("in"), help: ArgumentHelp("Frames that arrive; repeat for more interfaces.", valueName: "[IF=]file"),
        completion: .file())
    var inputs: [String] = []
    @OptionGroup var owning: OwnOption

    /// The files of a case folder, some of them replaced by options; or those that the options name.
    func files(_ folder: String?, needsInput: Bool = true) throws -> CaseFiles {
        if let folder {
            guard services == nil, network == nil, inputs.isEmpty else {
                throw CommandFailure("\(folder): a case folder holds --services, --network and --in already")
            }
            var files = try CaseFiles(folder: folder)
            files.marks = marks ?? files.marks
            files.marks6 = marks6 ?? files.marks6
            files.firewall = firewall ?? files.firewall
            files.sysctl = sysctl ?? files.sysctl
            files.edits = edits ?? files.edits
            return files
        }
        guard let services, let network, !inputs.isEmpty || !needsInput else {
            throw CommandFailure("name a case folder, or --services, --network\(needsInput ? " and --in" : "")")
        }
        var files = CaseFiles(
            services: services, network: network, inputs: inputs.map(Self.capture), marks: marks, marks6: marks6,
            sysctl: sysctl, edits: edits)
        files.firewall = firewall
        return files
    }

    /// `IF=FILE` or `FILE`.
    static func capture(_ text: String) -> CaseFiles.Capture {
        let parts = text.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
        guard parts.count == 2, !parts[0].contains("/") else { return CaseFiles.Capture(interface: nil, path: text) }
        return CaseFiles.Capture(interface: String(parts[0]), path: String(parts[1]))
    }
}

extension TimestampMode: ExpressibleByArgument {}

/// `svs replay`: frames of pcap files through the director, deterministic to the byte.
struct ReplayCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "replay", abstract: "Run the frames of pcap files through the director.",
        discussion: """
            Needs no privilege and opens no socket; the files' times are the clock. The result is the same to the byte \
            every time. With --out NAME.pcapng each emitted frame has a comment that says why it left.
            """)
    @Argument(help: ArgumentHelp("A case folder with services, network, in.pcap and so on.", valueName: "case"))
    var folder: String?
    @OptionGroup var options: FileOptions
    @Option(name: .customLong("out"), help: ArgumentHelp("Where emitted frames go; repeat for more interfaces.", valueName: "[IF=]file"))
    var outputs: [String] = []
    @Option(
        help: ArgumentHelp(
            "Time of an emitted frame: index (seconds = number of the causing frame) or input (its time).", valueName: "index|input"))
    var stamp: TimestampMode = .input
    @Flag(help: "Print one JSON object for each input frame.") var json = false
    @Option(help: ArgumentHelp("Write the listings after the run to this folder.", valueName: "dir")) var listings: String?
    @Option(help: ArgumentHelp("Feeds hash keys, dice and ids (default: the case's own, or 0).", valueName: "n")) var seed: UInt64?

    func run() throws {
        try withClearErrors {
            let files = try options.files(folder)
            for output in outputs { try OutputFile.refuse(FileOptions.capture(output).path, among: files.paths) }
            var replay = try Replayer(files, seed: seed, ownership: options.owning.own)
            let writer = EmissionWriter(stamp: stamp)
            for output in outputs {
                let capture = FileOptions.capture(output)
                var interface = replay.scenario.firstInterface
                if let name = capture.interface {
                    guard let found = replay.scenario.network.interface(named: name) else {
                        throw CommandFailure("--out \(output): the network file has no interface '\(name)'")
                    }
                    interface = found.index
                }
                try writer.open(capture.path, offloads: nil, for: interface, name: replay.scenario.network.interface(interface)?.name ?? "")
            }
            var emissions: [Replayer.Emission] = []
            while let outcome = try replay.step({ emissions.append($0) }) {
                for emission in emissions { try writer.write(emission, comment: outcome.comment(on: emission, replay.scenario.network)) }
                if json { print(outcome.json(emissions, replay.scenario.network)) }
                emissions.removeAll(keepingCapacity: true)
            }
            try replay.finish { try writer.write($0, comment: "a deadline passed after input frame \($0.cause)") }
            try writer.close()
            for refusal in replay.refusals { Terminal.complain("edit before frame \(refusal.frame) was refused: \(refusal.error)") }
            if let listings { try ListingsFolder.write(&replay, to: listings) }
        }
    }
}
