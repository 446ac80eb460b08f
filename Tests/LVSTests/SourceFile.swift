import Foundation
import Testing

/// One file below Sources, as the house tests read it.
struct SourceFile: Sendable {
    /// From the project's folder on.
    let path: String
    let text: String
    /// The text with comments and the contents of strings left out; its lines are the file's.
    let code: String

    init(path: String, text: String) {
        self.path = path
        self.text = text
        code = Self.code(in: text)
    }

    var isSwift: Bool { path.hasSuffix(".swift") }
    /// The folder below Sources.
    var module: String { String(path.split(separator: "/").dropFirst().first ?? "") }
    var name: String { String(path.split(separator: "/").last?.prefix { $0 != "." } ?? "") }
    var lineCount: Int { text.utf8.count { $0 == 10 } + (text.isEmpty || text.hasSuffix("\n") ? 0 : 1) }

    /// Every file under Sources.
    static let all: [SourceFile] = {
        let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
        let sources = root.appending(path: "Sources").path
        var files: [SourceFile] = []
        for path in FileManager.default.enumerator(atPath: sources)?.compactMap({ $0 as? String }) ?? [] {
            guard let text = try? String(contentsOfFile: sources + "/" + path, encoding: .utf8) else { continue }
            files.append(SourceFile(path: "Sources/" + path, text: text))
        }
        return files.sorted { $0.path < $1.path }
    }()

    private static func code(in text: String) -> String {
        let bytes = Array(text.utf8)
        var kept: [UInt8] = []
        kept.reserveCapacity(bytes.count)
        var i = 0, end: [UInt8] = [], isSkipping = false
        func stands(_ word: [UInt8]) -> Bool { i + word.count <= bytes.count && (0..<word.count).allSatisfy { bytes[i + $0] == word[$0] } }
        let newline: [UInt8] = [10], quote: [UInt8] = [34], quotes: [UInt8] = [34, 34, 34]
        let line: [UInt8] = [47, 47], open: [UInt8] = [47, 42], close: [UInt8] = [42, 47]
        while i < bytes.count {
            let byte = bytes[i]
            if isSkipping {
                if byte == 10 { kept.append(10) }
                // A string or comment of one line ends with it.
                if byte == 10 && (end == newline || end == quote) {
                    isSkipping = false
                } else if byte == 92 && end == quote {
                    i += 1
                } else if byte == end[0] && stands(end) {
                    isSkipping = false
                    i += end.count - 1
                }
            } else if byte == 34 {
                end = stands(quotes) ? quotes : quote
                isSkipping = true
                i += end.count - 1
                kept += [34, 34]
            } else if byte == 47 && (stands(line) || stands(open)) {
                end = stands(line) ? newline : close
                isSkipping = true
                i += 1
            } else {
                kept.append(byte)
            }
            i += 1
        }
        return String(decoding: kept, as: UTF8.self)
    }

    /// Where a pattern matches in the code, or in the whole text: the line's number and the pattern's first group.
    func matches(of pattern: NSRegularExpression, inText: Bool = false) -> [(line: Int, word: String)] {
        let subject = (inText ? text : code) as NSString
        return pattern.matches(in: subject as String, range: NSRange(location: 0, length: subject.length)).map { match in
            let range = match.numberOfRanges > 1 ? match.range(at: 1) : match.range
            let before = subject.substring(to: range.location)
            return (before.utf8.count { $0 == 10 } + 1, subject.substring(with: range))
        }
    }

    /// Fails the test for every match, naming file, line and word.
    func refuse(_ pattern: NSRegularExpression, inText: Bool = false) {
        for match in matches(of: pattern, inText: inText) { Issue.record("\(path):\(match.line): \(match.word)") }
    }
}
