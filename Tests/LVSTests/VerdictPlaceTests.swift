import Foundation
import LVS
import Testing

/// A verdict is a case and its sentence: nobody lists verdicts but the two files that define them.
@Suite struct VerdictPlaceTests {
    @Test func codesStandBesideTheirSentencesAlone() throws {
        // Rules, and packets in words, have words of their own for kinds of ICMP messages.
        let others = ["Sources/LVS/Verdict+Text.swift", "Sources/Admin/Files/", "Sources/Admin/Netfilter/", "Sources/Replay/PacketWords"]
        let files = SourceFile.all.filter { file in file.isSwift && !others.contains { file.path.hasPrefix($0) } }
        for verdict in Verdict.allCases where verdict.name.contains("-") {
            let literal = try NSRegularExpression(pattern: "(\"\(verdict.name)\")")
            for file in files {
                for match in file.matches(of: literal, inText: true) { Issue.record("\(file.path):\(match.line): \(match.word)") }
            }
        }
    }

    /// Apart from the two files a verdict's case is named by what ends frames with it: no file names half of them.
    @Test func nobodyElseListsThem() throws {
        for file in SourceFile.all where file.isSwift && !file.path.hasPrefix("Sources/LVS/Verdict") {
            let named = try Verdict.allCases.count { !file.matches(of: try NSRegularExpression(pattern: "\\.(\($0))\\b")).isEmpty }
            #expect(named * 2 < Verdict.allCases.count, "\(file.path) names \(named) verdicts")
        }
    }
}
