import ArgumentParser

/// `svs complete`: what may stand behind words of `svs adm`, for a shell. Not shown in help.
struct CompleteCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "complete", abstract: "What may stand behind these words of svs adm, a line each.", shouldDisplay: false)
    @Argument(parsing: .captureForPassthrough) var words: [String] = []

    func run() {
        for offer in Completions.administration(behind: words) { print(offer) }
    }
}
