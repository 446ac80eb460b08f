import Admin
import Foundation
import LVS
import Testing

/// Adding an option takes its descriptor, the field that it sets and what heeds it, because nobody else knows options one by one.
@Suite struct OptionPlaces {
    private static let project = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent()
    /// Where options are described.
    private static let home = "Sources/Admin/Options/"

    /// Swift files of a folder, by their paths from the project's folder on.
    private static func files(in folder: String) throws -> [(path: String, text: String)] {
        let paths = FileManager.default.enumerator(atPath: project.appending(path: folder).path)?.compactMap { $0 as? String } ?? []
        let files = try paths.filter { $0.hasSuffix(".swift") }.map { path in
            (folder + "/" + path, try String(contentsOf: project.appending(path: folder + "/" + path), encoding: .utf8))
        }
        try #require(!files.isEmpty)
        return files
    }

    /// The code of a line: what stands before a comment.
    private static func code(_ text: String) -> String {
        text.split(separator: "\n", omittingEmptySubsequences: false).map { line in
            line.firstRange(of: "//").map { line[..<$0.lowerBound] } ?? line
        }.joined(separator: "\n")
    }

    private static func offences(_ pattern: String, in folder: String, but exempt: [String] = []) throws -> [String] {
        let expression = try Regex(pattern)
        return try files(in: folder).filter { file in !file.path.hasPrefix(home) && !exempt.contains { file.path.hasPrefix($0) } }.flatMap {
            file in
            let code = code(file.text)
            return code.matches(of: expression).map { "\(file.path): \(code[$0.range])" }
        }
    }

    @Test func namesStandInTheirDescriptorsAlone() throws {
        for form in Options.roster.flatMap(\.forms) where form.isOwn {
            #expect(try Self.offences("--\(form.name)\\b", in: "Sources").isEmpty, "\(form.name)")
            if form.name.contains("-") { #expect(try Self.offences("\"\(form.name)\"", in: "Sources").isEmpty, "\(form.name)") }
        }
        // What ipvsadm knows too is known by name only where the language is written down.
        for form in Options.roster.flatMap(\.forms) where form.name.contains("-") && !form.isOwn {
            #expect(try Self.offences("\\b\(form.name)\\b", in: "Sources/Admin", but: ["Sources/Admin/Files/"]).isEmpty, "\(form.name)")
        }
    }

    /// Numbers of our own attributes of services and servers are no one's business but the descriptors'.
    @Test func attributeNumbersStandInTheirDescriptorsAlone() throws {
        let found = try Self.offences(
            "0x1[0-9a-fA-F]{2}\\b", in: "Sources/Admin",
            but: ["Sources/Admin/Control/ControlConstants.swift", "Sources/Admin/Control/NetlinkMessage.swift"])
        #expect(found.isEmpty)
        let numbers = try Self.files(in: "Sources/Admin/Control").first { $0.path.hasSuffix("/ControlConstants.swift") }?.text ?? ""
        for (start, end) in [("public enum Service {", "public enum Server {"), ("public enum Server {", "public enum Daemon {")] {
            let part = numbers.components(separatedBy: start).last?.components(separatedBy: end).first ?? ""
            let own = part.matches(of: #/\{ (0x1[0-9a-f]{2}) \}/#).map { String($0.1) }
            #expect(own == (start.contains("Service") ? ["0x100"] : []), "portRanges is part of a service's identity, no setting")
        }
    }

    /// The fields that SVS's own options set are read by the engine and the host's side, not by codec, grammar, listing or save.
    @Test func fieldsAreNotListedAnywhereElse() throws {
        let described = try Self.files(in: "Sources/Admin/Options").map(\.text).joined()
        let fields = Set(described.matches(of: #/\.own\(\s*(?:"[\w-]+",\s*)?\\\.(\w+)/#).map { String($0.1) })
        #expect(fields.isSuperset(of: ["localAddresses", "clientAddress", "mssClamp", "timeoutTCP"]))
        for field in fields { #expect(try Self.offences("(?i)settings\\.\(field)\\b", in: "Sources/Admin").isEmpty, "\(field)") }
    }

    @Test func offencesAreSeen() throws {
        #expect(try !Self.offences("--control\\b", in: "Sources").isEmpty)
        #expect(Self.code("a // --x\n/// b\nc") == "a \n\nc")
    }

    // The documents

    /// The text of docs/options.md.
    private static var document: String {
        var lines = [
            "# Schedulers and options", "",
            "What the names in `svs adm` mean where ipvsadm(8) does not say it; `svs adm -h` has all options. This file is made from the",
            "code; a test keeps it so (`SVS_WRITE_DOCS=1 swift test --filter OptionPlaces` writes it anew).", "",
            "## Schedulers", "", "| `-s` | whom a new connection goes to | `-b` | as the kernel |", "|---|---|---|---|",
        ]
        for type in Schedulers.roster {
            let flags = type.flagNames.map { "`\($0.name)`" }.joined(separator: ", ")
            lines.append("| `\(type.name)` | \(type.summary) | \(flags) | \(type.isInKernel ? "yes" : "not compared") |")
        }
        lines += [
            "| `\(Schedulers.none)` | nobody: only connections that are known go on | | yes |", "",
            "Without `-s` a service has `\(Schedulers.usual)`.", "", "## Options that ipvsadm does not have", "",
            "They are saved by `-S`, restored by `-R` and listed behind the service's flags. Other clients do not see them, and an edit by one of",
            "those leaves them as they are.", "", "| option | on | meaning |", "|---|---|---|",
        ]
        for option in Options.roster {
            let commands = option.group == .service ? "`-A` `-E`" : "`-a` `-e`"
            for form in option.forms where form.isOwn {
                let words = ["--" + form.name, form.placeholder].compactMap { $0 }.joined(separator: " ").replacing("|", with: "\\|")
                lines.append("| `\(words)` | \(commands) | \(form.help) |")
            }
        }
        return lines.map { $0 + "\n" }.joined()
    }

    @Test func theDocumentSaysWhatTheCodeSays() throws {
        let file = Self.project.appending(path: "docs/options.md")
        if ProcessInfo.processInfo.environment["SVS_WRITE_DOCS"] == "1" { try Data(Self.document.utf8).write(to: file) }
        #expect(
            try String(contentsOf: file, encoding: .utf8) == Self.document,
            "docs/options.md is not what the code says; SVS_WRITE_DOCS=1 writes it anew")
    }
}
