import Foundation
import LVS
import Replay
import Testing

/// Reason codes are what operators and programs see: each is described, and each is made by a case that shows it.
@Suite struct ReasonTests {
    private static let project = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent()

    /// Codes that no capture alone brings about, and why.
    private static let unshown: [Verdict: String] = [
        .noBuffer: "more than 8192 packets or 16 MiB arise from one batch",
        .localAddressesExhausted: "64511 connections of one local address to one server",
        .bypass: "a marked packet to a foreign address that policy routing delivers to the director",
    ]

    private static let meanings: [(fate: Verdict.Fate, title: String, text: String)] = [
        (.sent, "Sent", "The frame leaves, changed or wrapped."),
        (.held, "Held", "The frame waits inside the director."),
        (.answered, "Answered", "The director answers as the host would."),
        (.passed, "Passed", "The host beside the director deals with the frame."),
        (.dropped, "Dropped", "The frame ends here; where its sender is told, the sentence says so."),
    ]

    /// The text of docs/reasons.md.
    private static var document: String {
        var lines = [
            "# Reason codes", "",
            "Each frame that reaches the director ends with exactly one reason code. `svs explain` and `svs replay --json` name it, a case's",
            "`verdicts` file expects it, and the running director counts frames by it. Codes are stable. This file is made from the code; a",
            "test keeps it so (`SVS_WRITE_DOCS=1 swift test --filter ReasonTests` writes it anew).",
        ]
        for (fate, title, text) in meanings {
            lines += ["", "## \(title)", "", text, "", "| code | meaning |", "|---|---|"]
            for verdict in Verdict.allCases where verdict.fate == fate {
                let note = unshown[verdict].map { ". No capture alone shows it: \($0)" } ?? ""
                lines.append("| `\(verdict.name)` | \(verdict.sentence)\(note) |")
            }
        }
        return lines.map { $0 + "\n" }.joined()
    }

    @Test func theDocumentSaysWhatTheCodeSays() throws {
        let file = Self.project.appendingPathComponent("docs/reasons.md")
        if ProcessInfo.processInfo.environment["SVS_WRITE_DOCS"] == "1" { try Data(Self.document.utf8).write(to: file) }
        #expect(
            try String(contentsOf: file, encoding: .utf8) == Self.document,
            "docs/reasons.md is not what the code says; SVS_WRITE_DOCS=1 writes it anew")
    }

    @Test func namesAreDistinctAndReadBack() {
        #expect(Set(Verdict.allCases.map(\.name)).count == Verdict.allCases.count)
        for verdict in Verdict.allCases { #expect(Verdict(name: verdict.name) == verdict) }
    }

    @Test func everyCodeIsShownByACase() throws {
        var frames: [Verdict: UInt64] = [:]
        let folders = try CaseRun.folders(in: Self.project.appendingPathComponent("Tests/ReplayTests/Cases").path)
        for folder in folders {
            var replay = try Replayer(CaseFiles(folder: folder))
            while try replay.step({ _ in }) != nil {}
            try replay.finish { _ in }
            // The tally, since some verdicts fall only when time has run out.
            for (verdict, count) in replay.director.verdicts.all { frames[verdict, default: 0] += count }
        }
        let missing = Verdict.allCases.filter { frames[$0] == nil && Self.unshown[$0] == nil }.map(\.name)
        #expect(missing == [], "no case shows these; add one to Tests/ReplayTests/Cases/reasons")
        let shown = Self.unshown.keys.filter { frames[$0] != nil }.map(\.name)
        #expect(shown == [], "a case shows these: no need to except them")
        #expect(frames.count >= 40)
    }
}
