import ArgumentParser
import CLinux

/// The one binary and its subcommands.
struct SVS: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "svs",
        abstract: "Swift Virtual Server: LVS in user space.",
        discussion: """
            A director forwards packets for virtual services to real servers, as Linux IPVS does, without its kernel module. \
            'svs run' is the director, 'svs adm' its ipvsadm; the others work on files and need no privilege.

            Exit status: 0 fine, 1 the answer is no, 2 bad usage or input; 'svs adm' has ipvsadm's own.
            """,
        version: "svs 0.1.0",
        subcommands: [
            RunCommand.self, AdmCommand.self, ReplayCommand.self, ExplainCommand.self, VerifyCommand.self, RecordCommand.self,
            PcapCommand.self, DecapCommand.self, RosterCommand.self,
        ])
}

/// Shown in the list of subcommands; `svs adm` itself never reaches the argument parser.
struct AdmCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "adm", abstract: "ipvsadm for a running director: the same grammar, texts and exit codes.")
    @Argument(parsing: .captureForPassthrough) var arguments: [String] = []
}

@main
enum Main {
    static func main() {
        let arguments = CommandLine.arguments
        let program = arguments.first.map { String($0.split(separator: "/").last ?? "") } ?? "svs"
        if program == "ipvsadm" { Terminal.exit(AdmCommandLine.run(Array(arguments.dropFirst()))) }
        if arguments.count > 1, arguments[1] == "adm" { Terminal.exit(AdmCommandLine.run(Array(arguments.dropFirst(2)))) }
        do {
            var command = try SVS.parseAsRoot()
            try command.run()
        } catch let failure as CommandFailure {
            Terminal.complain(failure.text)
            Terminal.exit(failure.status)
        } catch {
            Terminal.exit(explain(error))
        }
    }

    /// The argument parser's help goes to standard output with status 0, its complaints to standard error with status 2.
    private static func explain(_ error: any Error) -> Int32 {
        let code = SVS.exitCode(for: error)
        let text = SVS.fullMessage(for: error)
        if code == .success {
            print(text)
            return 0
        }
        Terminal.complain(text.hasPrefix("Error: ") ? String(text.dropFirst(7)) : text)
        return code == .validationFailure || code == .failure ? 2 : code.rawValue
    }
}
