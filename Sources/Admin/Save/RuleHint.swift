public import LVS

/// What is said of a rule of a services file that cannot be: what is wrong, by the word, and what may have been meant.
public enum RuleHint {
    /// - Parameter words: those of the rule's line.
    static func text(_ error: UsageError, of words: [String]) -> String {
        guard let word = words.first(where: { error.line == "\($0): unknown option" }), word.hasPrefix("--") else { return error.line }
        let name = String(word.dropFirst(2).prefix { $0 != "=" })
        guard let near = Resemblance.nearest(to: name, among: Grammar.names) else { return error.line }
        return "\(error.line); did you mean --\(near)?"
    }

    /// - Parameters:
    ///   - command: the rule that a director refuses.
    ///   - added: lines of the services that were added before.
    public static func text(_ error: CommandError, of command: Command, added: [ServiceKey: Int]) -> String {
        switch (error, command) {
        case (.notFound, .addService(_, let settings)), (.notFound, .editService(_, let settings)): unknownName(settings)
        case (.serviceExists, .addService(let key, _)):
            error.sentence + (added[key].map { ": \(key) stands in line \($0)" } ?? "")
        case (.serverExists, .addServer(let key, let server, _)): "\(error.sentence): \(server) of \(key)"
        case (.noSuchServer, .editServer(let key, let server, _)), (.noSuchServer, .deleteServer(let key, let server)):
            "\(error.sentence): \(server) of \(key)"
        case (.noSuchService, .editService(let key, _)), (.noSuchService, .deleteService(let key)),
            (.noSuchService, .addServer(let key, _, _)),
            (.noSuchService, .editServer(let key, _, _)), (.noSuchService, .deleteServer(let key, _)):
            "\(error.sentence): \(key)" + missingHint(key, added)
        default: error.sentence
        }
    }

    private static func unknownName(_ settings: ServiceSettings) -> String {
        let schedulers = Schedulers.roster.map { $0.name } + [Schedulers.none]
        guard !schedulers.contains(settings.scheduler) else { return "there is no persistence engine \(settings.persistenceEngine)" }
        let hint = Resemblance.nearest(to: settings.scheduler, among: schedulers).map { "did you mean \($0)?" }
        return "there is no scheduler \(settings.scheduler); \(hint ?? "there are \(schedulers.joined(separator: ", "))")"
    }

    /// The first service of the same address, if there is one; else how to make it.
    private static func missingHint(_ key: ServiceKey, _ added: [ServiceKey: Int]) -> String {
        let near = added.filter { key.mark == 0 && $0.key.mark == 0 && $0.key.address == key.address }.min { $0.value < $1.value }
        return near.map { "; line \($0.value) adds \($0.key)" } ?? "; a line -A has to stand before"
    }
}
