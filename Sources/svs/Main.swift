import Admin
import ArgumentParser
import CLinux

/// The one binary and its subcommands.
struct SVS: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "svs",
        abstract: "Swift Virtual Server: LVS in user space.",
        discussion: """
            A director forwards packets for virtual services to real servers, as Linux IPVS does, without its kernel module. \
            'svs run' is the director, 'svs adm' its ipvsadm. 'svs replay', 'svs explain', 'svs verify' and 'svs pcap' work on files \
            and need no privilege.

            Exit status: 0 fine, 1 the answer is no, 2 bad usage or input; 'svs adm' has ipvsadm's own.
            """,
        version: "svs \(Release.version)",
        subcommands: [
            RunCommand.self, CheckCommand.self, StatusCommand.self, TopCommand.self, WebCommand.self, AdmCommand.self, GetCommand.self,
            SetCommand.self,
            DrainCommand.self,
            UndrainCommand.self, DoctorCommand.self, ReplayCommand.self,
            ExplainCommand.self, VerifyCommand.self, RecordCommand.self,
            PcapCommand.self, DecapCommand.self, RosterCommand.self, UpgradeCommand.self, CompleteCommand.self, DirectorCommand.self,
            SweepCommand.self, ProbeCommand.self, GuardianCommand.self,
        ])
}

/// Shown in the list of subcommands; `svs adm` itself never reaches the argument parser.
struct AdmCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "adm", abstract: "ipvsadm for a running director: the same grammar, texts and exit codes.")
    @Argument(parsing: .captureForPassthrough, completion: Completions.administration) var arguments: [String] = []
}

@main
enum Main {
    static func main() {
        let arguments = CommandLine.arguments
        let program = arguments.first.map { String($0.split(separator: "/").last ?? "") } ?? "svs"
        if program == "ipvsadm" { Terminal.exit(AdmCommandLine.run(Array(arguments.dropFirst()), as: program)) }
        if arguments.count > 1, arguments[1] == "adm" { Terminal.exit(AdmCommandLine.run(Array(arguments.dropFirst(2)))) }
        if arguments.count > 1, arguments[1] == "run", arguments.contains("--version") { RunningVersions.put(arguments) }
        do {
            try checkCommand(arguments.dropFirst())
            var command = try SVS.parseAsRoot()
            try command.run()
            Terminal.exit(0)
        } catch let failure as CommandFailure {
            Terminal.complain(failure.text)
            Terminal.exit(failure.status)
        } catch {
            Terminal.exit(explain(error))
        }
    }

    /// Refuses a command that there is not, alone or behind `help`, and names the one that was meant.
    private static func checkCommand(_ words: ArraySlice<String>) throws(CommandFailure) {
        guard let word = words.first == "help" ? words.dropFirst().first : words.first, !word.hasPrefix("-") else { return }
        let known = SVS.configuration.subcommands.map {
            (name: $0.configuration.commandName ?? "", isShown: $0.configuration.shouldDisplay)
        }
        guard word != "help", !known.contains(where: { $0.name == word }) else { return }
        let shown = known.filter(\.isShown).map(\.name)
        let hint =
            Resemblance.nearest(to: word, among: shown).map { "did you mean svs \($0)?" } ?? "there are \(shown.joined(separator: ", "))"
        throw CommandFailure("\(word): no such command; \(hint)")
    }

    /// The argument parser's help goes to standard output with status 0, its complaints to standard error with status 2.
    private static func explain(_ error: any Error) -> Int32 {
        let code = SVS.exitCode(for: error)
        let text = SVS.fullMessage(for: error)
        if code == .success {
            print(text)
            return 0
        }
        Terminal.complain(short(text.hasPrefix("Error: ") ? String(text.dropFirst(7)) : text))
        return code == .validationFailure || code == .failure ? 2 : code.rawValue
    }

    /// Instead of all of a command's usage, where its help is.
    private static func short(_ text: String) -> String {
        let lines = text.split(separator: "\n")
        guard let usage = lines.firstIndex(where: { $0.hasPrefix("Usage: ") }) else { return text }
        let command = lines[usage].dropFirst("Usage: ".count).split(separator: " ").prefix { $0.allSatisfy(\.isLetter) }
        return lines[..<usage].joined(separator: "\n") + " (see \(command.joined(separator: " ")) --help)"
    }
}
