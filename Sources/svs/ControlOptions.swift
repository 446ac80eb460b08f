import Admin
import ArgumentParser

/// How a command reaches the running director.
struct ControlOptions: ParsableArguments {
    @Option(help: ArgumentHelp("The running director's socket.", valueName: "path"), completion: .file()) var control: String?
    @Option(help: ArgumentHelp("Wait for its answer as long as this (default: 5).", valueName: "seconds")) var timeout: UInt32?

    func validate() throws {
        guard (1...86_400).contains(timeout ?? 1) else { throw ValidationError("--timeout: 1 to 86400 seconds are possible") }
    }

    func client() throws(ControlError) -> ControlClient {
        try ControlClient(path: AdmCommandLine.path(control), patience: timeout ?? ControlClient.usualPatience)
    }
}
