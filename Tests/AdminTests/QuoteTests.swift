import Foundation
import Linux
import SystemPackage
import Testing
import Wire

@testable import Admin

/// What strangers wrote, in the text of an error.
@Suite struct QuoteTests {
    @Test(arguments: [
        ("plain words", "plain words"),
        ("a\u{1b}[31mred\u{7f}", "a\\x1b[31mred\\x7f"),
        ("tab\tand\rreturn\u{0}", "tab\\tand\\rreturn\\x00"),
        ("\u{202e}turned\u{85}", "\\u{202e}turned\\x85"),
        ("two\nlines, müßig", "two\nlines, müßig"),
    ])
    func controlCharactersAreShown(text: String, shown: String) { #expect(Quote.escaped(text) == shown) }

    @Test func quotationsAreShort() {
        let long = String(repeating: "x", count: 3_000_000)
        #expect(Quote.cut(long) == String(repeating: "x", count: 80) + "…")
        #expect(Quote.cut(long.prefix(80)) == long.prefix(80))
        #expect(Quote.shortened("\(long): not a \(long)") == "\(Quote.cut(long)) not a \(Quote.cut(long))")
    }

    /// Wherever a file is wrong, and whatever stands in it.
    @Test(arguments: ["", "-A -t ", "-A -t 10.0.0.1:80 -s ", "-A -t 10.0.0.1:80 --option-"])
    func errorsInFilesQuoteLittle(before: String) {
        let text = before + "\u{1b}" + String(repeating: "x", count: 100_000) + "\n"
        let errors = [
            #expect(throws: FileError.self) { try ServicesFile(text, name: "f", names: HostFiles()) },
            #expect(throws: FileError.self) { try SysctlFile("vs." + text, file: "f") },
            #expect(throws: FileError.self) { try NetworkFile(text, file: "f") },
            #expect(throws: FileError.self) { try MarksFile(text, file: "f", family: .v4, services: nil) },
        ]
        for error in errors {
            let description = error?.description ?? ""
            #expect(description.count < 400, "\(description.prefix(1000))")
            #expect(!description.contains("\u{1b}"))
        }
    }

    @Test func aByteOrderMarkIsOverlooked() throws {
        let path = "/tmp/svs-mark-\(UInt64.random(in: 0..<(.max)))"
        try FileWriter.write(TextFile.mark + Array("-A -t 10.0.0.1:80 -s rr\n".utf8), to: FilePath(path))
        defer { unlink(path) }
        #expect(try TextFile.read(path) == "-A -t 10.0.0.1:80 -s rr\n")
    }
}
