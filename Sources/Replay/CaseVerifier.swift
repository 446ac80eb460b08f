internal import Admin
internal import Glibc
public import LVS
internal import Links
internal import Wire

/// Runs a case and compares what the director did with what the case expects: frames, verdicts, listings.
public struct CaseVerifier: Sendable {
    /// Fields that no case's frames are compared by.
    public var ignored = IgnoredFields()
    /// Writes the expectations anew instead of judging by them.
    public var regenerates = false
    /// Differing frames that are described; all are counted.
    public var shown = 1

    /// Instead of what the cases say that their directors own.
    public var ownership: Ownership?

    /// Judges by what the kernel does with the case instead of what the case expects.
    public var kernel: KernelRunner?

    public init() {}

    /// Runs the case in `folder`. Whatever is wrong with its files is the result's outcome.
    public func verify(_ folder: String) -> CaseResult {
        var result = CaseResult(folder: folder)
        let start = seconds()
        do { try run(folder, &result) } catch { result.outcome = .unusable("\(error)") }
        result.seconds = seconds() - start
        return result
    }

    private func seconds() -> Double {
        var time = timespec()
        clock_gettime(CLOCK_MONOTONIC, &time)
        return Double(time.tv_sec) + Double(time.tv_nsec) / 1e9
    }

    private func run(_ folder: String, _ result: inout CaseResult) throws {
        if let about = try? TextFile.read(folder + "/about") {
            result.about = about.split(whereSeparator: \.isNewline).first.map(String.init) ?? ""
        }
        try CaseFolderNames.check(folder)
        let files = try CaseFiles(folder: folder)
        guard let kernel else { return try judge(files, by: Expectations(folder: folder), folder, &result) }
        var scenario = try Scenario(files)
        if let ownership { scenario.run.hostEmulation.ownership = ownership }
        if let reason = try KernelCase.exclusion(scenario, files, folder: folder, release: kernel.release) {
            result.outcome = .noKernelCase(reason)
            return
        }
        let place = try TemporaryFolder()
        let (expectations, refusals) = try kernel.expectations(of: files, in: folder, place.path)
        try judge(files, by: expectations, refusals: refusals, folder, &result)
    }

    /// - Parameter refusals: frames before which an edit is refused, where that is known.
    private func judge(
        _ files: CaseFiles, by expectations: Expectations, refusals: [Int]? = nil, _ folder: String,
        _ result: inout CaseResult
    ) throws {
        guard regenerates || !expectations.isEmpty else {
            throw FileError(file: folder, text: "the case expects nothing: no out.pcap, expected/ or verdicts (--regenerate makes them)")
        }
        var replay = try Replayer(files, ownership: ownership)
        var judge = try CaseComparison(expectations, replay.scenario, ignored: ignored, shown: shown)
        judge.leavesRoutedFrames = kernel != nil
        var writer: ExpectationsWriter?
        if regenerates { writer = try ExpectationsWriter(expectations, replay.scenario) }

        var emissions: [Replayer.Emission] = [], late: [Replayer.Emission] = []
        var previous: Replayer.Outcome?
        while let outcome = try replay.step({ emission in
            // What timers made between two input frames belongs to the earlier one.
            if emission.cause < outcomeIndex(previous) + 1 { emissions.append(emission) } else { late.append(emission) }
        }) {
            if let previous { try settle(previous, emissions, &judge, &writer) }
            previous = outcome
            (emissions, late) = (late, [])
        }
        try replay.finish { emissions.append($0) }
        if let previous { try settle(previous, emissions, &judge, &writer) }
        result.frames = replay.frames
        if writer != nil {
            try writer?.finish(&replay)
            result.outcome = .regenerated
            return
        }
        var errors = FileErrors()
        for edit in replay.scenario.edits.keys.sorted() where edit >= replay.frames {
            let text = "an edit comes before input frame \(edit), but there are \(replay.frames)"
            errors.add(FileError(file: files.edits ?? folder, text: text))
        }
        try errors.check()
        try judge.finish(frames: replay.frames)
        judge.compareListings(&replay)
        if let refusals { judge.compareRefusals(refusals, replay.refusals.map(\.frame)) }
        result.differingFrames = judge.differingFrames
        result.findings = judge.findings
        if !judge.findings.isEmpty { result.outcome = .failed }
    }

    private func outcomeIndex(_ outcome: Replayer.Outcome?) -> Int { outcome?.index ?? -1 }

    private func settle(
        _ outcome: Replayer.Outcome, _ emissions: [Replayer.Emission], _ judge: inout CaseComparison,
        _ writer: inout ExpectationsWriter?
    ) throws {
        let expected = try judge.expectedFrames(of: outcome.index)
        if writer != nil {
            try writer?.take(outcome, emissions, expected, judge.frames)
        } else {
            judge.compare(outcome, emissions, with: expected)
        }
    }
}
