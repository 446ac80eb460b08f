import Admin
import ArgumentParser
import CLinux
import Keeper
import Linux
import Runtime

/// `svs director`: the director below a keeper, which starts it with the words of its own command line. Not shown in help.
struct DirectorCommand: ParsableCommand {
    static let name = "director"
    static let configuration = CommandConfiguration(
        commandName: name, abstract: "The director of 'svs run', which starts it.", shouldDisplay: false)
    @OptionGroup var options: RunOptions

    func validate() throws { try options.needInterface() }

    func run() throws {
        try withClearErrors {
            guard let channel = Channel(adopting: DirectorDescriptor.channel), let fileChannel = Channel(adopting: DirectorDescriptor.files)
            else {
                throw CommandFailure("svs director is started by svs run only")
            }
            // Nothing else has happened yet, so nothing that was read could have been used to do more.
            var parent: Int32 = 0, owner: UInt32 = 0, group: UInt32 = 0
            guard svs_peer(channel.descriptor, &parent, &owner, &group) == 0 else {
                throw CommandFailure("svs director: who is the keeper?")
            }
            try Rights.giveUp(becoming: options.director, parent: parent)
            let memory = try KeptMemory(adopting: DirectorDescriptor.memory)
            let keeper = KeptHost(channel)
            let kept = KeptFiles(fileChannel)
            var files = options.files
            files.open = { path throws(FileError) in try kept.open(path) }
            files.output = { command throws(FileError) in try kept.output(command) }
            var launch = DirectorLaunch(
                interfaces: options.interfaces, link: options.link.scheme, files: files, control: options.control,
                connections: options.connections, ownership: options.own, log: options.log)
            launch.busyPoll = Int64(options.busyPoll) * 1000
            (launch.ioThreads, launch.processors) = (options.ioThreads, options.threads.cpus.numbers)
            launch.logsCommands = options.logCommands
            launch.carries = options.carry != .off
            let setup = DirectorLaunch.Setup(
                requests: keeper, clients: keeper, memory: memory, rulesChanges: files.readsHostRules ? try keeper.rulesChanges() : nil,
                owner: owner)
            let loop = try launch.start(setup)
            try SystemCallFilter.install()
            keeper.isWorking()
            try loop.run()
        }
    }
}
