import Foundation
import Testing

/// What is true of the sources themselves. Each offence is named as file, line and word.
@Suite struct SourceRulesTests {
    /// What each module may import: those of lower floors, and the libraries it is there for. A new module gets a line.
    static let floors: [String: Set<String>] = [
        "Linux": ["CLinux", "Clibseccomp", "Glibc", "SystemPackage"],
        "Wire": ["CLinux", "Glibc"],
        "LVS": ["Wire"],
        "Decap": ["Wire"],
        "Links": ["Wire", "CLinux", "Clibpcap", "Glibc", "Linux", "SystemPackage"],
        "Admin": ["LVS", "Wire", "CLinux", "FoundationEssentials", "Glibc", "Linux", "SystemPackage"],
        "Host": ["LVS", "Wire", "CLinux", "Clibnl", "Clibnftables", "Glibc", "Linux", "SystemPackage"],
        "Carrying": ["LVS", "Links", "Host", "Wire", "CCarrying", "CLinux", "Glibc", "Linux", "SystemPackage"],
        "Replay": [
            "Admin", "LVS", "Links", "Linux", "Wire", "Glibc", "Dispatch", "FoundationEssentials", "Synchronization", "SystemPackage",
        ],
        "Runtime": [
            "Admin", "Carrying", "Decap", "Host", "LVS", "Links", "Linux", "Replay", "Wire", "CLinux", "Glibc", "Synchronization",
            "SystemPackage",
        ],
        "Keeper": [
            "Admin", "Carrying", "Host", "LVS", "Links", "Linux", "Runtime", "Wire", "CLinux", "Glibc", "Synchronization", "SystemPackage",
        ],
        "Web": [
            "Admin", "LVS", "Linux", "Wire", "CLinux", "FlyingSocks", "FoundationEssentials", "Glibc", "Synchronization", "SystemPackage",
        ],
        "svs": [
            "Admin", "Decap", "Host", "Keeper", "LVS", "Links", "Linux", "Replay", "Runtime", "Web", "Wire", "CLinux", "ArgumentParser",
            "Glibc",
            "Synchronization",
            "SystemPackage",
        ],
        "svs-bench": ["LVS", "Links", "Wire", "CBench", "CLinux", "ArgumentParser", "Glibc"],
    ]

    private static let swift = SourceFile.all.filter { $0.isSwift }

    private func pattern(_ text: String) throws -> NSRegularExpression {
        try NSRegularExpression(pattern: text, options: .anchorsMatchLines)
    }

    @Test func modulesImportOnlyLowerFloors() throws {
        #expect(Set(Self.swift.map(\.module)) == Set(Self.floors.keys), "a module without a line in this table, or a line without a module")
        let imports = try pattern(
            #"^\s*(?:@\w+(?:\(\w+\))?\s+)*(?:\w+\s+)?import\s+(?:(?:struct|class|enum|protocol|func|var|let|typealias)\s+)?(\w+)"#)
        for file in Self.swift {
            for found in file.matches(of: imports) where Self.floors[file.module]?.contains(found.word) != true {
                Issue.record("\(file.path):\(found.line): import \(found.word)")
            }
        }
    }

    @Test func noFileIsLong() throws {
        try #require(SourceFile.all.count > 200)
        for file in SourceFile.all where file.lineCount > 300 { Issue.record("\(file.path): \(file.lineCount) lines") }
    }

    /// Time and chance are arguments of the engine.
    @Test(arguments: [
        #"\b(clock_\w+|gettimeofday|timespec_get|time|times|ftime|svs_clock|_{0,2}rdtscp?|sleep|usleep|nanosleep)\s*\("#,
        #"\b(ContinuousClock|SuspendingClock|UTCClock|DispatchTime|DispatchWallTime|NSDate|Date|ProcessInfo|Timer)\b"#,
        #"\b(CLOCK_\w+)"#,
        #"\b(SystemRandomNumberGenerator|UUID|hashValue|Hasher)\b"#,
        #"\.(random|randomElement|shuffle|shuffled)\s*\("#,
        #"\b(arc4random\w*|getrandom|getentropy|rand|rand_r|random|drand48)\s*\("#,
        #"\b(Thread|Task|DispatchQueue|Mutex|Atomic|pthread_\w+)\b"#,
    ])
    func theEngineHasNeitherClockNorDice(words: String) throws {
        let engine = Self.swift.filter { ["LVS", "Wire"].contains($0.module) }
        try #require(engine.count > 100)
        for file in engine { file.refuse(try pattern(words)) }
    }

    @Test func nothingIsLeftUndoneOrFatal() throws {
        for file in SourceFile.all { file.refuse(try pattern(#"\b(TODO|FIXME|HACK)\b"#), inText: true) }
        for file in Self.swift { file.refuse(try pattern(#"\b(fatalError\s*\(|try!|as!)|(#warning)"#)) }
    }

    /// `package` costs 25 ns at each module wall, silently.
    @Test func nothingIsPackage() throws {
        let words = "var|let|func|init|struct|class|enum|protocol|extension|typealias|import|subscript|actor"
        for file in Self.swift { file.refuse(try pattern(#"\b(package\s+(?:\w+\s+)*(?:"# + words + #")\b|package\(set\))"#)) }
    }

    @Test func typesAndFilesHaveNamesOfTheField() throws {
        let banned = "Manager|Helpers?|Util(?:s|ities)?|Impl|Common|Misc"
        let types = try pattern(#"\b(?:class|struct|enum|protocol|actor|typealias|extension)\s+(\w*(?:"# + banned + #"))\b"#)
        for file in SourceFile.all {
            let name = SourceFile(path: "", text: file.name)
            if !name.matches(of: try pattern("(?:" + banned + ")$")).isEmpty { Issue.record("\(file.path): the file's name") }
            if file.isSwift { file.refuse(types) }
        }
    }

    /// The faults that `Tests/mutations/run` puts into the engine: the code of each stands once where it is looked for.
    @Test func faultsStillApply() throws {
        let list = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent().appending(path: "mutations/list")
        let faults = try String(contentsOf: list, encoding: .utf8).components(separatedBy: "\n= ").dropFirst()
        try #require(faults.count >= 10)
        for fault in faults {
            let lines = fault.split(separator: "\n", omittingEmptySubsequences: false).map(String.init)
            func text(_ sign: String) -> String {
                lines.dropFirst().filter { $0.hasPrefix(sign + " ") }.map { String($0.dropFirst(2)) }.joined(separator: "\n")
            }
            let file = SourceFile.all.first { $0.path == "Sources/" + text("@") }
            #expect(file?.text.components(separatedBy: text("-")).count == 2, "\(lines[0])")
            #expect(text("-") != text("+"), "\(lines[0])")
        }
    }

    /// What the tests look at: code, with comments and the contents of strings left out.
    @Test(arguments: [
        ("let a = 1 // try!\nlet b = 2", "let a = 1 \nlet b = 2"),
        ("/* Date()\n as! */ let b = \"fatalError() \\\" x\"\n", "\n let b = \"\"\n"),
        ("let c = \"\"\"\n    Date()\n    \"\"\" + d\n", "let c = \"\"\n\n + d\n"),
        ("f(\"\\(a ? \"x\" : \"y\")\") // no\ng()", "f(\"\"x\"\"y\"\") \ng()"),
    ])
    func whatIsLookedAt(text: String, code: String) {
        #expect(SourceFile(path: "", text: text).code == code)
    }

    /// Each rule finds what it is there for.
    @Test func offencesAreSeen() throws {
        let file = SourceFile(
            path: "Sources/LVS/X.swift", text: "@preconcurrency public import struct Links.Link\n// TODO\nlet x = try! f()\n")
        #expect(file.matches(of: try pattern(#"\b(TODO)\b"#), inText: true).map(\.line) == [2])
        #expect(file.matches(of: try pattern(#"\b(TODO)\b"#)).isEmpty)
        let undone = file.matches(of: try pattern(#"\b(fatalError\s*\(|try!|as!)"#))
        #expect(undone.map(\.line) == [3] && undone.map(\.word) == ["try!"])
        #expect(file.module == "LVS" && file.name == "X" && file.lineCount == 3)
    }
}
