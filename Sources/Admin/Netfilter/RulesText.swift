public import LVS
public import Wire

/// Netfilter rules as text: what iptables-save, ip6tables-save or `nft -j list ruleset` print, or several of these one after
/// the other, each behind a line that names its command:
///
///     == nft -j list ruleset
///     {"nftables": [ … ]}
///     == iptables-save
///     *filter
///     …
public struct RulesText: Hashable, Sendable {
    /// The output of one command, and the line in front of it.
    struct Part: Hashable {
        var command: String
        var lines: [Substring]
        var line: Int

        var isNft: Bool { command.hasPrefix("nft") }
        var family: IPFamily { command.hasPrefix("ip6") ? .v6 : .v4 }
    }

    private static let mark = "== "
    static let nft = "nft -j list ruleset"
    private let parts: [Part]
    private let file: String

    /// - Parameters:
    ///   - file: what errors name as their place.
    ///   - family: of the addresses in a text of iptables-save without such lines.
    /// - Throws: `FileError` for a command that there is none of.
    public init(_ text: String, file: String, family: IPFamily = .v4) throws(FileError) {
        var parts: [Part] = []
        var part = Part(command: "", lines: [], line: 0)
        for (index, line) in TextFile.lines(of: text).enumerated() {
            guard line.hasPrefix(Self.mark) else {
                part.lines.append(line)
                continue
            }
            parts.append(part)
            part = Part(command: String(line.dropFirst(Self.mark.count).trimmed), lines: [], line: index + 1)
            guard part.command == Self.nft || Self.commands.contains(part.command) else {
                throw FileError(
                    file: file, line: index + 1, text: "\(part.command): expected \((Self.commands + [Self.nft]).joined(separator: ", "))")
            }
        }
        parts.append(part)
        if parts[0].lines.contains(where: { !$0.trimmed.isEmpty }) {
            let isJSON = parts[0].lines.first { !$0.trimmed.isEmpty }?.trimmed.first == "{"
            parts[0].command = isJSON ? Self.nft : family == .v4 ? "iptables-save" : "ip6tables-save"
        }
        self.parts = parts.filter { !$0.command.isEmpty }
        self.file = file
    }

    static let commands = ["iptables-save", "ip6tables-save", "iptables-legacy-save", "ip6tables-legacy-save"]

    /// The text of several commands.
    static func text(_ outputs: [(command: String, text: String)]) -> String {
        outputs.map { mark + $0.command + "\n" + $0.text + ($0.text.hasSuffix("\n") ? "" : "\n") }.joined()
    }

    /// The rules that packets of a family meet.
    /// - Parameter isLenient: wrong words of iptables make a rule that is not understood instead of an error.
    /// - Throws: `FileError` for all that cannot be read.
    public func rules(_ family: IPFamily, isLenient: Bool = false) throws(FileError) -> MarkRules {
        var errors = FileErrors()
        let rules = rules(family, isLenient: isLenient, &errors)
        errors.sortByLine()
        try errors.check()
        return rules
    }

    /// As much of the rules as can be read; what is wrong with the rest is noted.
    func rules(_ family: IPFamily, isLenient: Bool = false, _ errors: inout FileErrors) -> MarkRules {
        var rules: [MarkRules] = []
        for part in parts {
            if part.isNft {
                let told = Set(parts.filter { !$0.isNft }.map(\.family))
                var complaints: [Complaint] = []
                do throws(Complaint) {
                    let ruleset = try NftRuleset(try JSONValue(part.lines.joined(separator: "\n")), besideIptables: told)
                    rules.append(ruleset.rules(family, &complaints))
                } catch {
                    complaints.append(error)
                }
                for complaint in complaints { errors.add(complaint, in: file, line: part.line) }
            } else if part.family == family {
                var text = IptablesText(part.lines, family, file: file, behind: part.line)
                rules.append(text.rules(isLenient: isLenient))
                errors.add(text.errors)
            }
        }
        return MarkRules(joining: rules, family: family)
    }
}

/// A file of rules that give packets their marks, for `--marks`. A rule that could concern a service's packet and has words in
/// it that SVS does not understand is an error; all others are passed over.
public struct MarksFile: Hashable, Sendable {
    public var rules: MarkRules

    /// - Parameters:
    ///   - family: of the packets, and of the addresses in a text of iptables-save.
    ///   - services: the services; `nil` for whatever a service could take.
    /// - Throws: `FileError` naming each such rule and the first word in it that is not understood.
    public init(_ text: String, file: String, family: IPFamily, services: [ServiceKey]? = nil) throws(FileError) {
        var errors = FileErrors()
        rules = try RulesText(text, file: file, family: family).rules(family, &errors)
        for unclear in rules.unclear(for: services.map({ rules.taken(by: $0) }) ?? [.anything(family)]) {
            let line = unclear.place.rule?.line ?? 0
            let words = line > 0 ? unclear.words : "\(unclear.place.text): \(unclear.words)"
            errors.add(FileError(file: file, line: line, text: words))
        }
        errors.sortByLine()
        try errors.check()
    }
}
