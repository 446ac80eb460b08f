public import LVS
public import Wire

/// The firewall marks that the host itself is configured to give, for `svs run --marks-from-host`.
public struct HostMarks: Hashable, Sendable {
    public var rules4: MarkRules
    public var rules6: MarkRules

    /// Asks iptables-save, ip6tables-save and nft, as far as they are installed.
    /// - Throws: `FileError` named after the command that failed or whose rules are not understood.
    public init() throws(FileError) {
        var ruleset: NftRuleset?
        let nft = "nft -j list ruleset"
        do throws(Complaint) {
            if let text = try Self.run(nft) { ruleset = try NftRuleset(try JSONValue(text), besideIptables: true) }
        } catch {
            throw FileError(file: nft, text: error.text)
        }
        rules4 = try Self.rules(.v4, ruleset, nft)
        rules6 = try Self.rules(.v6, ruleset, nft)
    }

    /// The rules as `iptables-save` shows them; `nil` when some come from elsewhere (nft, legacy tables).
    public func text(_ family: IPFamily) -> String? {
        let rules = family == .v4 ? rules4 : rules6
        if rules.isEmpty { return "" }
        let tool = family == .v4 ? "iptables-save" : "ip6tables-save"
        guard let text = try? HostCommand.output(of: [tool, "-t", "mangle"])?.text,
            let read = try? MarksFile(text, file: tool, family: family).rules, read == rules
        else { return nil }
        return text
    }

    private static func rules(_ family: IPFamily, _ ruleset: NftRuleset?, _ nft: String) throws(FileError) -> MarkRules {
        var parts: [(priority: Int64, rules: MarkRules)] = []
        do throws(Complaint) {
            parts = try ruleset?.parts(family) ?? []
        } catch {
            throw FileError(file: nft, text: error.text)
        }
        let tables = try iptables(family)
        // The table mangle stands at priority -150 of the hook.
        let place = parts.firstIndex { $0.priority >= -150 } ?? parts.count
        return MarkRules(joining: parts[..<place].map { $0.rules } + tables + parts[place...].map { $0.rules }, family: family)
    }

    /// What the two kinds of iptables hold: the installed default, and the legacy tables where it says they are in use.
    private static func iptables(_ family: IPFamily) throws(FileError) -> [MarkRules] {
        let tool = family == .v4 ? "iptables" : "ip6tables"
        guard let saved = try output("\(tool)-save -t mangle") else { return [] }
        var tables = [try MarksFile(saved.text, file: "\(tool)-save -t mangle", family: family).rules]
        if (saved.text + saved.errors).contains("\(tool)-legacy tables present"), let legacy = try output("\(tool)-legacy-save -t mangle") {
            tables.append(try MarksFile(legacy.text, file: "\(tool)-legacy-save -t mangle", family: family).rules)
        }
        return tables
    }

    private static func output(_ command: String) throws(FileError) -> (text: String, errors: String)? {
        try HostCommand.output(of: command.split(separator: " ").map(String.init))
    }

    private static func run(_ command: String) throws(Complaint) -> String? {
        do throws(FileError) {
            return try output(command)?.text
        } catch {
            throw Complaint(error.text)
        }
    }
}
