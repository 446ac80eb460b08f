internal import Admin
internal import Glibc
internal import LVS
internal import Links
internal import Linux
internal import SystemPackage
internal import Wire

/// Writes a case's expectations anew. What was expected and still counts as equal keeps its bytes, so that only what changed
/// shows in a version control's diff.
struct ExpectationsWriter {
    private let expectations: Expectations
    private let network: Network
    private let first: Int32
    private var writers: [Int32: (path: String, writer: PcapWriter)] = [:]
    private var verdicts: [Substring] = []

    /// Begins new files beside the old ones, for every interface that has a file already; others begin with their first frame.
    init(_ expectations: Expectations, _ scenario: Scenario) throws {
        self.expectations = expectations
        network = scenario.network
        first = scenario.firstInterface
        for output in expectations.outputs { try open(output.index(in: scenario), output.path) }
    }

    private mutating func open(_ interface: Int32, _ path: String) throws(LinkError) {
        writers[interface] = (path, try PcapWriter(path: path + ".new"))
    }

    /// Expectations that a case without any gets: all of them.
    private var isFirst: Bool { expectations.isEmpty }

    mutating func take(
        _ outcome: Replayer.Outcome, _ emissions: [Replayer.Emission], _ expected: [Int32: [[UInt8]]],
        _ judgement: FrameComparison
    ) throws {
        let before = expectations.verdicts.flatMap { outcome.index < $0.count ? $0[outcome.index] : nil }
        verdicts.append(before == "-" ? "-" : Substring(outcome.verdict.name))
        guard isFirst || !expectations.outputs.isEmpty else { return }
        // Frames that are not judged stay as they are: they are not the director's.
        let isRouted = expectations.routed.contains(outcome.index)
        for interface in (isRouted ? Set(expected.keys) : Set(emissions.map(\.interface))).sorted() {
            if writers[interface] == nil {
                let name = interface == first ? "out.pcap" : "out.\(network.interface(interface)?.name ?? "\(interface)").pcap"
                try open(interface, expectations.folder + "/" + name)
            }
            let frames = emissions.filter { $0.interface == interface }.map(\.frame)
            let old = expected[interface] ?? []
            let isSame = isRouted || old.count == frames.count && zip(old, frames).allSatisfy { judgement.differences($0, $1).isEmpty }
            for (number, frame) in (isSame ? old : frames).enumerated() {
                var bytes = frame
                var failure: LinkError?
                bytes.withBytes { window in
                    do throws(LinkError) {
                        try writers[interface]?.writer.write(window, seconds: UInt32(clamping: outcome.index), microseconds: UInt32(number))
                    } catch { failure = error }
                }
                if let failure { throw failure }
            }
        }
    }

    /// Completes the files and puts them in the place of the old ones.
    mutating func finish(_ replay: inout Replayer) throws {
        if isFirst, writers[first] == nil { try open(first, expectations.folder + "/out.pcap") }
        for (path, writer) in writers.values {
            try writer.close()
            try OutputFile.rename(path + ".new", to: path)
        }
        try OutputFile.write(verdicts.map { $0 + "\n" }.joined(), to: expectations.folder + "/verdicts")
        guard isFirst || !expectations.listings.isEmpty else { return }
        try OutputFile.makeFolder(expectations.folder + "/expected")
        for (name, text) in ListingsFolder.texts(&replay) where isFirst || expectations.listings[name] != nil {
            try OutputFile.write(text, to: expectations.folder + "/expected/" + name)
        }
    }
}
