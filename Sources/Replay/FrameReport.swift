internal import FoundationEssentials
public import LVS
internal import Wire

/// One input frame's fate as an object for programs: `svs replay --json` prints one a line.
struct FrameReport: Codable {
    struct Emitted: Codable {
        var interface: String
        var frame: String
        var length: Int
    }
    var frame: Int
    /// Seconds on the capture's clock.
    var time: Double
    var interface: String
    var packet: String
    /// `sent`, `held`, `answered`, `passed` or `dropped`.
    var verdict: String
    /// The stable reason code.
    var reason: String
    var service: String?
    var server: String?
    var emitted: [Emitted]

    init(_ outcome: Replayer.Outcome, _ emissions: [Replayer.Emission], _ network: Network) {
        frame = outcome.index
        time = Double(outcome.time) / 1e9
        interface = network.interface(outcome.interface)?.name ?? ""
        packet = Self.line(outcome.frame)
        verdict = outcome.verdict.fate.rawValue
        reason = outcome.verdict.name
        service = outcome.service?.description
        server = outcome.server?.description
        emitted = emissions.map {
            Emitted(interface: network.interface($0.interface)?.name ?? "", frame: Self.line($0.frame), length: $0.frame.count)
        }
    }

    private static func line(_ frame: [UInt8]) -> String {
        var bytes = frame
        return bytes.withBytes { PacketDescription($0).description }
    }

    /// One line of JSON, keys sorted.
    var json: String {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        guard let data = try? encoder.encode(self) else { return "{}" }
        return String(decoding: data, as: UTF8.self)
    }
}

extension Replayer.Outcome {
    /// One line of JSON: verdict, reason, service, server and emitted frames.
    public func json(_ emissions: [Replayer.Emission], _ network: Network) -> String { FrameReport(self, emissions, network).json }

    /// One line for the comment of an emitted frame: the reason code, for which service and server, and the frame that came in.
    /// - Parameter emission: one that this frame caused, or one that left in the meantime, when time had run out for it.
    public func comment(on emission: Replayer.Emission, _ network: Network) -> String {
        guard emission.cause == index, emission.causeTime == time else { return "a deadline passed after input frame \(emission.cause)" }
        let report = FrameReport(self, [], network)
        let parties = [report.service.map { "service \($0)" }, report.server.map { "server \($0)" }].compactMap { $0 }
        return ([verdict.name] + parties).joined(separator: ", ")
            + "\ninput frame \(index) on \(report.interface): \(report.packet)\n\(verdict.sentence)"
    }
}
