public import LVS
import Wire

/// The netfilter rules of the host itself, for `svs run --marks-from-host` and `--firewall honour`.
public struct HostRules: Hashable, Sendable {
    public var rules4: MarkRules
    public var rules6: MarkRules
    /// The rules as the host's commands print them, in the form of `RulesText`.
    public var text: String
    /// Commands that gave no answer; their rules are missing.
    public var failures: [FileError] = []

    /// Asks nft, iptables-save and ip6tables-save, as far as they are installed, and the legacy ones where these say that they
    /// are in use.
    /// - Parameter output: runs a command, or has it run, for what it prints.
    /// - Throws: `FileError` when what a command prints cannot be read.
    public init(
        output: (String) throws(FileError) -> (text: String, errors: String)? = { command throws(FileError) in
            try RulesText.output(of: command)
        }
    ) throws(FileError) {
        var outputs: [(command: String, text: String)] = [], failures: [FileError] = []
        func ask(_ command: String) -> (text: String, errors: String)? {
            do throws(FileError) {
                guard let answer = try output(command) else { return nil }
                outputs.append((command, answer.text))
                return answer
            } catch {
                failures.append(error)
                return nil
            }
        }
        _ = ask(RulesText.nft)
        for tool in ["iptables", "ip6tables"] {
            guard let saved = ask("\(tool)-save") else { continue }
            if (saved.text + saved.errors).contains("\(tool)-legacy tables present") { _ = ask("\(tool)-legacy-save") }
        }
        try self.init(RulesText.text(outputs), file: "the host's netfilter rules")
        self.failures = failures
    }

    /// Every command that may be asked.
    public static var commands: [String] {
        [RulesText.nft] + ["iptables", "ip6tables"].flatMap { ["\($0)-save", "\($0)-legacy-save"] }
    }

    /// Reads a text that was saved.
    public init(_ text: String, file: String) throws(FileError) {
        let rules = try RulesText(text, file: file)
        rules4 = try rules.rules(.v4, isLenient: true)
        rules6 = try rules.rules(.v6, isLenient: true)
        self.text = text
    }

    /// Rules that are passed over because nobody here understands them, of those that could concern services: one line each.
    public func unclear(for services: [ServiceKey]) -> [String] {
        [rules4, rules6].flatMap { rules in rules.unclear(for: rules.taken(by: services)).map { "\($0.place.text): \($0.words)" } }
    }

    /// Has a director carry the rules out.
    /// - Parameters:
    ///   - marks: they give packets their marks, instead of the rules that the director has for it.
    ///   - honours: what they drop is dropped.
    public func apply(to director: inout Director, marks: Bool, honours: Bool) {
        if marks {
            director.marks4 = honours ? rules4 : rules4.withoutDrops
            director.marks6 = honours ? rules6 : rules6.withoutDrops
        }
        let drops = honours && !marks
        director.firewall4 = drops ? rules4 : MarkRules(family: .v4)
        director.firewall6 = drops ? rules6 : MarkRules(family: .v6)
    }
}
