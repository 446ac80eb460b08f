import Admin
import ArgumentParser
import Runtime

/// `svs check`: what `svs run` would say of its files and its host.
struct CheckCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "check", abstract: "Read and rehearse the files of svs run, and say all that is wrong.",
        discussion: """
            Takes the options of 'svs run'. Each error stands in a line of its own with file and line; warnings are about what \
            is understood and yet cannot have the effect that it seems to have, on this host as it is now. Nothing is \
            changed, and a director that runs is not asked.

            Exit status: 0 'svs run' takes the files, 1 it does not, 2 bad usage.
            """)
    @OptionGroup var options: RunOptions

    func run() throws {
        let check = RunCheck(options.files, interfaces: options.interfaces, ownership: options.own)
        for line in check.errors + check.warnings { Terminal.complain(line) }
        let warnings = check.warnings.isEmpty ? "" : ", \(counted(check.warnings.count, "warning"))"
        guard check.errors.isEmpty else {
            Terminal.complain("\(counted(check.errors.count, "error"))\(warnings)")
            Terminal.exit(1)
        }
        print("\(check.summary): fine\(warnings)")
    }
}
