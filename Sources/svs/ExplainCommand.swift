import Admin
import ArgumentParser
import CLinux
import Glibc
import LVS
import Replay

/// `svs explain`: why a frame goes where it goes.
struct ExplainCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "explain", abstract: "Say why frames go where they go.",
        discussion: """
            Replays a case, or the files named by options, and tells for each frame what was decided in order: mark, service \
            or what it missed, connection or template, the scheduler's candidates, length against MTU, header fields \
            before and after, next hop, verdict with its reason code.

            An existing folder is a case; anything else is a packet in words, which arrives behind the frames:

              svs explain CASE --frame 12
              svs explain --services F --network F "tcp 198.51.100.7:5555 > 192.0.2.1:80 SYN"
              svs explain --live "udp [2001:db8::7]:5555 > [2001:db8::1]:53 len 1280"

            Words behind the addresses: TCP flags (SYN,ACK), an SCTP chunk, an ICMP message by name or as TYPE/CODE, \
            with the packet it quotes in [ ]; len N, ttl N, tos N, id N, df, nodf, mtu N, in INTERFACE. Without the last it comes in by the interface that \
            the host's route to its source leads to.

            --live asks the running director, which answers from a copy of itself: nothing in it changes.
            """)
    @Argument(help: ArgumentHelp("A case folder, and packets in words.", valueName: "case or packet")) var arguments: [String] = []
    @OptionGroup var options: FileOptions
    @Option(help: ArgumentHelp("Explain this input frame only, counted from 0.", valueName: "n")) var frame: Int?
    @Flag(help: "One JSON object a line.") var json = false
    @Flag(help: "Ask the running director.") var live = false
    @Option(help: ArgumentHelp("The running director's socket.", valueName: "path")) var control: String?
    @Option(help: ArgumentHelp("Wait for its answer as long as this (default: 5).", valueName: "seconds")) var timeout: UInt32?

    func validate() throws {
        guard (frame ?? 0) >= 0 else { throw ValidationError("--frame: frames are counted from 0") }
        guard control == nil && timeout == nil || live else { throw ValidationError("--control and --timeout are for --live") }
        guard (1...86_400).contains(timeout ?? 1) else { throw ValidationError("--timeout: 1 to 86400 seconds are possible") }
    }

    private var folder: String? {
        guard let first = arguments.first else { return nil }
        var status = stat()
        return stat(first, &status) == 0 && status.st_mode & S_IFMT == S_IFDIR ? first : nil
    }

    func run() throws {
        try withClearErrors {
            let folder = folder
            // One word alone is no packet.
            if folder == nil, let first = arguments.first, !first.contains(where: \.isWhitespace) {
                throw CommandFailure(
                    "\(first): there is no such folder (a packet in words stands in quotes: \"tcp ADDRESS:PORT > ADDRESS:PORT\")")
            }
            let packets = arguments.dropFirst(folder == nil ? 0 : 1).map { PacketNames.numeric($0, names: SystemNames()) }
            let words = try packets.map { try PacketWords($0) }
            if live { return try askDirector(packets) }
            var replay = try Replayer(options.files(folder, needsInput: words.isEmpty), ownership: options.owning.own)
            let network = replay.scenario.network, guePorts = replay.scenario.guePorts
            var emissions: [Replayer.Emission] = [], late: [Replayer.Emission] = []
            func say(_ outcome: Replayer.Outcome, _ emissions: [Replayer.Emission], _ words: PacketWords? = nil, isFirst: Bool) {
                let explained = ExplainedFrame(outcome, emissions, network, guePorts: guePorts, words: words)
                print(json ? explained.json : (isFirst ? "" : "\n") + explained.text, terminator: json ? "\n" : "")
            }
            let explainsFrames = words.isEmpty
            replay.explains = explainsFrames && frame == nil
            var isFirst = true
            while !explainsFrames || frame.map({ replay.frames <= $0 }) ?? true {
                if explainsFrames, replay.frames == frame { replay.explains = true }
                let number = replay.frames
                guard let outcome = try replay.step({ if $0.cause == number { emissions.append($0) } else { late.append($0) } }) else {
                    break
                }
                if replay.explains {
                    say(outcome, emissions, isFirst: isFirst)
                    isFirst = false
                }
                emissions.removeAll(keepingCapacity: true)
                late.removeAll(keepingCapacity: true)
            }
            if explainsFrames, let frame, isFirst {
                throw CommandFailure("there is no frame \(frame): the input has \(replay.frames)", status: 1)
            }
            replay.explains = true
            for packet in words {
                let (bytes, interface) = try packet.frame(arrivingAt: replay.director.network)
                var left: [Replayer.Emission] = []
                let number = replay.frames
                let outcome = replay.step(with: bytes, on: interface) { if $0.cause == number { left.append($0) } }
                say(outcome, left, packet, isFirst: isFirst)
                isFirst = false
            }
        }
    }

    private func askDirector(_ packets: [String]) throws {
        guard folder == nil, frame == nil, options.services == nil, options.network == nil, options.inputs.isEmpty else {
            throw CommandFailure("--live explains packets in words, as the running director sees them now")
        }
        guard !arguments.isEmpty else { throw CommandFailure("--live: describe a packet in words") }
        let client = try ControlClient(path: AdmCommandLine.path(control), patience: timeout ?? ControlClient.usualPatience)
        for (number, words) in packets.enumerated() {
            if number > 0, !json { print("") }
            let answer = try client.text(.explain(packet: words, json ? .json : .text))
            print(ExplainedFrame.numbered(answer, number), terminator: "")
        }
    }
}
