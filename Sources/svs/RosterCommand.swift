import Admin
import ArgumentParser

/// `svs roster`: what there is to choose from, for scripts that compare with the kernel. Not shown in help.
struct RosterCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "roster", abstract: "Schedulers and options, a line each, and whether the kernel's IPVS has them.",
        shouldDisplay: false)

    func run() { print(Options.table, terminator: "") }
}
