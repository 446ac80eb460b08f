internal import FoundationEssentials
public import LVS
internal import Wire

/// One frame with the decisions about it, for people and for programs.
public struct ExplainedFrame: Sendable {
    public var outcome: Replayer.Outcome
    public var emissions: [Replayer.Emission]
    let network: Network
    let guePorts: [UInt16]
    /// The packet that was described in words.
    let words: PacketWords?

    /// - Parameters:
    ///   - outcome: with its explanation.
    ///   - words: of a packet that stands in no capture.
    public init(
        _ outcome: Replayer.Outcome, _ emissions: [Replayer.Emission], _ network: Network, guePorts: [UInt16], words: PacketWords? = nil
    ) {
        self.words = words
        self.outcome = outcome
        self.emissions = emissions
        self.network = network
        self.guePorts = guePorts
    }

    var verdict: Verdict { outcome.verdict }

    func line(_ frame: [UInt8]) -> String {
        var bytes = frame
        return bytes.withBytes { PacketDescription($0, guePorts: guePorts).description }
    }

    func name(_ interface: Int32) -> String {
        interface == Director.localInterface ? "the host itself" : network.interface(interface)?.name ?? "interface \(interface)"
    }

    /// Whether what was emitted is the packet that came in, changed: not a message of the director's own.
    func isForwarded(_ emission: Replayer.Emission) -> Bool { verdict.fate == .sent && verdict != .tunnelErrorToClient }

    func changes(_ emission: Replayer.Emission) -> HeaderChanges {
        HeaderChanges(from: outcome.frame, to: emission.frame, guePorts: guePorts)
    }

    /// How it is known where a packet in words comes in.
    var ingress: PacketWords.Ingress? { try? words?.ingress(of: network) }

    /// Several lines: the frame, the decisions in order, what left, the verdict.
    public var text: String {
        var lines = [
            "frame \(outcome.index) on \(name(outcome.interface)) at \(Self.seconds(outcome.time)) s, \(outcome.frame.count) bytes",
            "  \(line(outcome.frame))",
        ]
        if let words, let ingress { lines += Self.labelled("comes in", [ingress.text(words)]) }
        for step in outcome.explanation?.steps ?? [] { lines += Self.labelled(ExplanationText.label(step), ExplanationText.lines(step)) }
        for (number, emission) in emissions.enumerated() {
            var words = ["on \(name(emission.interface)), \(emission.frame.count) bytes", line(emission.frame)]
            if isForwarded(emission), number == 0 { words += Self.words(changes(emission)) }
            lines += Self.labelled("emitted", words)
        }
        lines += Self.labelled("verdict", ["\(verdict.fate.rawValue), \(verdict.name): \(verdict.sentence)"])
        return lines.map { $0 + "\n" }.joined()
    }

    /// What a running director says of the packet that it was asked about alone, with the packet's place among several.
    public static func numbered(_ answer: String, _ number: Int) -> String {
        let (zero, own) = answer.hasPrefix("{") ? ("\"frame\":0,", "\"frame\":\(number),") : ("frame 0 ", "frame \(number) ")
        guard let place = answer.firstRange(of: zero) else { return answer }
        return answer[..<place.lowerBound] + own + answer[place.upperBound...]
    }

    private static func labelled(_ label: String, _ lines: [String]) -> [String] {
        lines.enumerated().map { number, line in
            "  " + (number == 0 ? label + String(repeating: " ", count: max(12 - label.count, 1)) : String(repeating: " ", count: 14))
                + line
        }
    }

    private static func words(_ changes: HeaderChanges) -> [String] {
        var lines: [String] = []
        for (place, change) in changes.added.enumerated() {
            let field = "\(change.field) \(change.after ?? "")"
            if place > 0, changes.added[place - 1].header == change.header {
                lines[lines.count - 1] += ", \(field)"
            } else {
                lines.append("  outer \(change.header): \(field)")
            }
        }
        for change in changes.changed {
            lines.append("  \(change.header) \(change.field): \(change.before ?? "none") -> \(change.after ?? "none")")
        }
        return lines
    }

    /// Nanoseconds as seconds with six digits.
    static func seconds(_ time: Instant) -> String {
        let micro = String(max(time, 0) / 1000 % 1_000_000)
        return "\(max(time, 0) / second)." + String(repeating: "0", count: 6 - micro.count) + micro
    }
}

extension Director {
    /// Directs a packet that is described in words, as the next one that arrives, and says why it goes where it goes. What
    /// it changes stays changed: a caller that wants to know without touching anything asks a copy.
    /// - Throws: `PacketWords.WordsProblem`.
    public mutating func explain(_ words: PacketWords, at now: Instant) throws -> ExplainedFrame {
        let (frame, interface) = try words.frame(arrivingAt: network)
        var singleFrame = SingleFrame()
        var emissions: [Replayer.Emission] = []
        let explanation = singleFrame.direct(frame, Offload(), on: interface, at: now, through: &self, explaining: true) {
            emissions.append(Replayer.Emission($0, cause: 0, at: now))
        }
        let outcome = Replayer.Outcome(
            index: 0, time: now, interface: interface, verdict: verdict(of: 0), service: service(of: 0),
            server: server(of: 0), frame: frame, explanation: explanation)
        var ports = Set(PacketDescription.defaultGUEPorts)
        for service in inventory().services {
            for server in service.servers where server.settings.tunnelPort != 0 { ports.insert(server.settings.tunnelPort) }
        }
        return ExplainedFrame(outcome, emissions, network, guePorts: ports.sorted(), words: words)
    }
}
