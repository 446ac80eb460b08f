import Wire

extension RulesText {
    /// What a command prints that shows the host's netfilter rules, one of `HostRules.commands`.
    ///
    /// nft 1.0.6 (Debian 12) prints broken JSON, cut short now and then, of a table that has a flag: the flag's name is freed before it is
    /// printed. The table in which a director keeps the host's stack silent has one. So the whole ruleset is asked for table by table,
    /// in its order, without those; bridges and ARP have no rules that matter. Tables are named by their chains, for `nft list tables`
    /// reads the elements of all sets.
    /// - Parameter run: runs a command; `nil` when there is no such program.
    /// - Throws: `FileError` named after the command that failed, or that printed no JSON.
    public static func output(
        of command: String,
        running run: (String) throws(FileError) -> (text: String, errors: String)? = { command throws(FileError) in
            try HostCommand.output(command)
        }
    ) throws(FileError) -> (text: String, errors: String)? {
        guard command == nft else { return try run(command) }
        guard let tables = try run("nft list chains") else { return nil }
        var items: [Substring] = [], errors = tables.errors
        for line in tables.text.split(separator: "\n") {
            let words = line.split(separator: " ")
            guard words.count > 3, words[0] == "table", words[3] == "{", ["ip", "ip6", "inet", "netdev"].contains(words[1]) else {
                continue
            }
            guard words[1] != "netdev" || !NftRuleset.isOwn(String(words[2])) else { continue }
            let command = "nft -j list table \(words[1]) \(words[2])"
            guard let output = try run(command) else { return nil }
            let text = output.text
            guard text.hasPrefix("{\"nftables\":"), text.hasSuffix("]}\n"), let begin = text.firstIndex(of: "[") else {
                throw FileError(file: command, text: "no JSON")
            }
            items.append(text[text.index(after: begin)...].dropLast(3))
            errors += output.errors
        }
        return ("{\"nftables\": [\(items.joined(separator: ", "))]}\n", errors)
    }
}
