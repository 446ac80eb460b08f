import Admin
import LVS
import Wire

extension RunFiles.State {
    private enum Name { static let services = "services", marks = "marks", marks6 = "marks6", rules = "rules", switches = "switches" }

    /// What the files say, as texts by name: what a later process needs to find out what has changed in them.
    var texts: [(name: String, text: String)] {
        var texts = [(Name.services, servicesText), (Name.switches, tunables.text)]
        for name in [Name.marks, Name.marks6] { if let text = markTexts[name] { texts.append((name, text)) } }
        if let host = rules.host { texts.append((Name.rules, host.text)) }
        return texts
    }

    /// What an earlier process read in these files.
    /// - Parameter now: what they say now; a services file with the same text is not read twice.
    /// - Throws: `FileError` for a text that is not understood any more.
    init(recalled texts: [String: String], of files: RunFiles, beside now: RunFiles.State) throws(FileError) {
        if let text = texts[Name.services], text == now.servicesText {
            (servicesText, plan, timeouts) = (text, now.plan, now.timeouts)
        } else if let text = texts[Name.services] {
            servicesText = text
            try take(ServicesFile(text, name: files.services ?? Name.services, names: SystemNames()))
        }
        if let text = texts[Name.switches] { tunables = Tunables(lines: text) }
        if let text = texts[Name.marks] {
            marks4 = try MarksFile(text, file: files.marks ?? Name.marks, family: .v4, services: nil).rules
            markTexts[Name.marks] = text
        }
        if let text = texts[Name.marks6] {
            marks6 = try MarksFile(text, file: files.marks6 ?? Name.marks6, family: .v6, services: nil).rules
            markTexts[Name.marks6] = text
        }
        rules = HostRulesInForce(givesMarks: files.marksFromHost, honours: files.honoursFirewall)
        rules.host = try Self.hostRules(recalled: texts)
    }

    /// The host's rules as an earlier process read them; `nil` when it did not.
    static func hostRules(recalled texts: [String: String]) throws(FileError) -> HostRules? {
        guard let text = texts[Name.rules] else { return nil }
        return try HostRules(text, file: "the host's netfilter rules")
    }

    /// Services and timeouts of a file.
    mutating func take(_ file: ServicesFile) throws(FileError) {
        plan = try ServicePlan(file)
        timeouts = file.commands.filter { if case .setTimeouts = $0 { true } else { false } }
    }
}

extension Tunables {
    /// Takes them from such lines as `text` has. Some values are allowed beside others only: what is refused is tried again
    /// behind the rest.
    fileprivate init(lines: String) {
        self.init()
        var left = lines.split(separator: "\n").map { $0.split(separator: "=", maxSplits: 1) }
        while true {
            let refused = left.filter { words in
                words.count == 2 && (try? set(words[0].filter { $0 != " " }, to: String(words[1]))) == nil
            }
            guard refused.count < left.count else { return }
            left = refused
        }
    }
}
