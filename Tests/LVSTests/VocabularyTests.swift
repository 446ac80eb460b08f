import Foundation
import Testing

/// The words that types and files are named with: those of the field, or those of docs/internals/glossary.md.
@Suite struct VocabularyTests {
    /// The words of the glossary: the first columns of its tables, and its list of standard terms.
    struct Glossary {
        let words: Set<String>

        init(_ text: String) {
            let parts = text.components(separatedBy: "## Standard terms")
            let rows = parts[0].split(separator: "\n").filter { $0.hasPrefix("| ") }
            let cells = rows.map { $0.split(separator: "|")[0] } + parts.dropFirst().map { $0[...] }
            words = Set(cells.flatMap { $0.lowercased().split { !$0.isLetter && !$0.isNumber }.map(String.init) })
        }

        static func read() throws -> Glossary {
            let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
            return Glossary(try String(contentsOf: root.appending(path: "docs/internals/glossary.md"), encoding: .utf8))
        }

        /// Whether a type's last word is known, singular or plural, or its name as a whole.
        func knows(_ type: String) -> Bool {
            let head = VocabularyTests.words(of: type).last?.lowercased() ?? ""
            let forms = [type.lowercased(), head, head + "s"] + ["s", "es"].filter(head.hasSuffix).map { String(head.dropLast($0.count)) }
            return forms.contains { words.contains($0) }
        }
    }

    /// `ICMPErrors` → ICMP, Errors.
    static func words(of name: String) -> [String] {
        var words: [String] = []
        let letters = Array(name)
        for (place, letter) in letters.enumerated() {
            let next = place + 1 < letters.count ? letters[place + 1] : " "
            let begins = letter.isUppercase && (place == 0 || !letters[place - 1].isUppercase || next.isLowercase)
            if begins || words.isEmpty { words.append(String(letter)) } else { words[words.count - 1].append(letter) }
        }
        return words
    }

    /// Names that no type and no file has any more, where they stand alone.
    private static let oldNames: Set<String> = [
        "Adoption", "AdoptionError", "Admission", "Bench", "Binding", "CaseJudge", "ControlNumbers", "Defence", "DirectedFarm", "Engine",
        "FragmentStore", "FrameJudgement", "HostRole", "LocalPorts", "LocalReplies", "MutingRules", "MutingTable", "Observation", "Pieces",
        "Ports",
    ]
    /// Words that stand in no name any more.
    private static let oldWords: Set<String> = [
        "Breath", "Cable", "Dice", "Door", "Gathering", "Harvest", "House", "Interest", "Lending", "Look", "Mute", "Muting",
        "Printout", "Reviewing", "Stamp", "Standing", "Tally", "Totals",
    ]

    static func isOld(_ name: String) -> Bool { oldNames.contains(name) || !oldWords.isDisjoint(with: words(of: name)) }

    private static let types = #"\b(?:class|struct|enum|protocol|actor|typealias)\s+([A-Z]\w*)"#

    @Test func everyTypeHasAWordOfTheGlossary() throws {
        let glossary = try Glossary.read(), types = try NSRegularExpression(pattern: Self.types)
        try #require(glossary.words.count > 200)
        var count = 0
        for file in SourceFile.all where file.isSwift {
            for type in file.matches(of: types) {
                count += 1
                if Self.isOld(type.word) { Issue.record("\(file.path):\(type.line): \(type.word): an old name") }
                if !glossary.knows(type.word) {
                    Issue.record(
                        "\(file.path):\(type.line): \(type.word): its last word stands neither in docs/internals/glossary.md nor among the standard terms there"
                    )
                }
            }
        }
        #expect(count > 400)
    }

    @Test func noFileHasAnOldName() {
        for file in SourceFile.all
        where Self.isOld(file.name) || file.name.split(separator: "+").contains(where: { Self.isOld(String($0)) }) {
            Issue.record("\(file.path): an old name")
        }
    }

    @Test func everyModuleIsInThePicture() throws {
        let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
        let picture = try String(contentsOf: root.appending(path: "docs/internals/modules.md"), encoding: .utf8)
        for module in Set(SourceFile.all.filter(\.isSwift).map(\.module)) where !picture.contains(module) {
            Issue.record("\(module) is not in docs/internals/modules.md")
        }
    }

    @Test(arguments: [
        ("ICMPErrors", ["ICMP", "Errors"]), ("GUE", ["GUE"]), ("MarkMatch", ["Mark", "Match"]),
        ("CRC32c", ["CRC32c"]),
    ])
    func namesAreTakenApart(_ name: String, _ words: [String]) { #expect(Self.words(of: name) == words) }

    @Test func offencesAreSeen() {
        let glossary = Glossary("| reassembly table | x |\n| way | y |\n## Standard terms\n* CRC32c, address\n")
        #expect(["ReassemblyTable", "Way", "Ways", "IPAddresses", "CRC32c"].allSatisfy(glossary.knows))
        #expect(!["Gatherer", "X", "CRC32"].contains(where: glossary.knows))
        #expect(["MutingState", "Ports", "Engine", "LookTable"].allSatisfy(Self.isOld))
        #expect(!["SIPEngine", "PortPool", "EngineBenchmark", "Outlook"].contains(where: Self.isOld))
    }
}
