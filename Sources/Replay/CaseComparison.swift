internal import Admin
internal import LVS
internal import Wire

/// Judges one run of a case, input frame by input frame.
struct CaseComparison {
    let frames: FrameComparison
    private(set) var differingFrames = 0
    private(set) var findings: [String] = []
    private let expectations: Expectations
    private let network: Network
    private var expected: [Int32: ExpectedFrames] = [:]
    private let shown: Int
    /// Frames that the director passes are forwarded by the host in the expectation, which replay does not play.
    var leavesRoutedFrames = false

    init(_ expectations: Expectations, _ scenario: Scenario, ignored: IgnoredFields, shown: Int) throws {
        self.expectations = expectations
        network = scenario.network
        self.shown = shown
        var all = expectations.ignored
        all.add(ignored)
        frames = FrameComparison(guePorts: scenario.guePorts, ignored: all)
        for output in expectations.outputs {
            let interface = try output.index(in: scenario)
            guard expected[interface] == nil else {
                throw FileError(file: output.path, text: "another file holds the frames of this interface already")
            }
            expected[interface] = try ExpectedFrames(path: output.path)
        }
    }

    /// What an input frame should lead to, by interface; to be asked for each frame in order.
    mutating func expectedFrames(of cause: Int) throws -> [Int32: [[UInt8]]] {
        var found: [Int32: [[UInt8]]] = [:]
        for interface in expected.keys {
            let frames = try expected[interface]?.frames(causedBy: cause) ?? []
            if !frames.isEmpty { found[interface] = frames }
        }
        return found
    }

    mutating func compare(_ outcome: Replayer.Outcome, _ emissions: [Replayer.Emission], with wanted: [Int32: [[UInt8]]]) {
        var lines: [String] = []
        // What the kernel emits for routed frames is not the director's doing; what the director thinks of them is.
        if !expected.isEmpty, !expectations.routed.contains(outcome.index) {
            let interfaces = Set(wanted.keys).union(emissions.map(\.interface)).sorted()
            for interface in interfaces {
                var frames = wanted[interface] ?? []
                if leavesRoutedFrames, outcome.verdict.fate == .passed, emissions.isEmpty {
                    frames.removeAll { Self.isRouted($0, outcome.frame) }
                }
                lines += differences(frames, emissions.filter { $0.interface == interface }.map(\.frame), name(interface))
            }
        }
        if let verdicts = expectations.verdicts, outcome.index < verdicts.count {
            let verdict = verdicts[outcome.index]
            if verdict != "-", verdict != outcome.verdict.name {
                lines.append("  verdict: expected \(verdict), actual \(outcome.verdict.name)")
            }
        }
        guard !lines.isEmpty else { return }
        differingFrames += 1
        guard differingFrames <= shown else { return }
        let place = [outcome.service.map { "service \($0)" }, outcome.server.map { "server \($0)" }].compactMap { $0 }
        lines.append("  reason: " + ([outcome.verdict.name] + place).joined(separator: ", "))
        findings.append(
            (["input frame \(outcome.index) on \(name(outcome.interface)): \(frames.line(outcome.frame))"] + lines).joined(separator: "\n"))
    }

    private func differences(_ wanted: [[UInt8]], _ actual: [[UInt8]], _ interface: String) -> [String] {
        guard wanted.count == actual.count else {
            let head = "  \(interface): \(counted(wanted.count, "frame")) expected, \(actual.count) seen"
            return [head] + wanted.prefix(4).map { "    expected \(frames.line($0))" }
                + actual.prefix(4).map { "    actual   \(frames.line($0))" }
        }
        var lines: [String] = []
        for (number, (frame, seen)) in zip(wanted, actual).enumerated() {
            let differences = frames.differences(frame, seen)
            guard !differences.isEmpty else { continue }
            lines += [
                "  \(interface), emitted frame \(number):", "    expected \(frames.line(frame))", "    actual   \(frames.line(seen))",
            ]
            lines += differences.prefix(8).map { "      \($0)" }
        }
        return lines
    }

    /// Whether a frame is what plain IP routing makes of the one that came in: the same, TTL or hop limit one less.
    private static func isRouted(_ frame: [UInt8], _ came: [UInt8]) -> Bool {
        guard frame.count <= came.count, frame.count >= 34 else { return false }
        let isV4 = came[12] == 0x08
        let hops = isV4 ? 22 : 21
        // Behind IPv4's TTL stand protocol and header checksum.
        let rest = isV4 ? 26 : 22
        return frame[hops] &+ 1 == came[hops] && frame[rest...] == came[rest..<frame.count]
    }

    private func name(_ interface: Int32) -> String { network.interface(interface)?.name ?? "interface \(interface)" }

    /// Looks whether every expectation was about a frame that there is.
    mutating func finish(frames count: Int) throws(FileError) {
        for file in expected.values { try file.finish(after: count) }
        if let verdicts = expectations.verdicts, verdicts.count != count {
            throw FileError(
                file: expectations.folder + "/verdicts", text: "\(counted(verdicts.count, "verdict")) for \(counted(count, "input frame"))")
        }
        for frame in expectations.routed where frame >= count {
            throw FileError(file: expectations.folder + "/routed", text: "names input frame \(frame), but there are \(count)")
        }
    }

    /// Compares the listings after the run, line by line.
    mutating func compareListings(_ replay: inout Replayer) {
        guard !expectations.listings.isEmpty else { return }
        for (name, text) in ListingsFolder.texts(&replay) {
            guard let wanted = expectations.listings[name], wanted != text else { continue }
            findings.append(Self.difference(wanted, text, "expected/\(name)"))
        }
    }

    /// Compares which edits were refused, by the frames that they come before.
    mutating func compareRefusals(_ wanted: [Int], _ actual: [Int]) {
        guard wanted != actual else { return }
        func show(_ frames: [Int]) -> String { frames.isEmpty ? "none" : frames.map(String.init).joined(separator: " ") }
        findings.append(
            "edits that are refused, by the input frames that they come before:\n  expected \(show(wanted))\n  actual   \(show(actual))")
    }

    private static func difference(_ wanted: String, _ actual: String, _ name: String) -> String {
        let expected = wanted.split(separator: "\n", omittingEmptySubsequences: false),
            seen = actual.split(separator: "\n", omittingEmptySubsequences: false)
        // Up to the first line that differs, the sorted listings of connections say the same.
        let same = zip(expected, seen).prefix { $0.0 == $0.1 }.count
        func show(_ lines: [Substring]) -> String {
            same < lines.count && !lines[same].isEmpty ? String(lines[same]) : "(end of the listing)"
        }
        var differing = 0
        for place in 0..<max(expected.count, seen.count)
        where place >= expected.count || place >= seen.count || expected[place] != seen[place] {
            differing += 1
        }
        return
            "\(name), line \(same + 1) (\(counted(differing, "line")) \(differing == 1 ? "differs" : "differ")):\n  expected \(show(expected))\n  actual   \(show(seen))"
    }
}

extension CaseFiles.Capture {
    /// The interface in a scenario's network; the first Ethernet link without a name.
    func index(in scenario: Scenario) throws(FileError) -> Int32 {
        guard let name = interface else { return scenario.firstInterface }
        guard let found = scenario.network.interface(named: name) else {
            throw FileError(file: path, text: "the network file has no interface '\(name)'")
        }
        return found.index
    }
}
