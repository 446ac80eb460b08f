import ArgumentParser
import Keeper

/// `svs sweep`: waits beside a keeper, which starts it, and cleans up behind one that was killed. Not shown in help.
struct SweepCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: Sweeper.command, abstract: "Cleans up behind an 'svs run' that was killed; started by it.", shouldDisplay: false)
    @Argument(help: "The control sockets' paths.") var sockets: [String]

    func run() throws { try withClearErrors { try Sweeper.run(sockets: sockets) } }
}
