import ArgumentParser
import Glibc
import Host
import Keeper
import Linux
import Runtime

/// `svs run`: the keeper, and below it the director.
struct RunCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "run", abstract: "Run the director in the foreground.",
        discussion: """
            Takes frames from the interfaces given, forwards those of virtual services, and leaves everything else to the \
            host. Logs to standard error. SIGTERM or SIGINT ends it cleanly; SIGHUP reads the files again and applies what \
            changed in them. Needs root, or CAP_NET_ADMIN, CAP_NET_RAW and the right to become another user (--user).
            """)
    @OptionGroup var options: RunOptions

    func validate() throws { try options.needInterface() }

    func run() throws {
        let status = try withClearErrors {
            let configuration = try options.keeper()
            for name in options.interfaces where if_nametoindex(name) == 0 { throw CommandFailure("interface \(name) does not exist") }
            let missing = Capabilities.effective.missing()
            guard missing.isEmpty else {
                throw CommandFailure("missing capability: \(missing.joined(separator: " and ")) (run as root, or grant it)")
            }
            let user = try options.director
            if let user, user.isSubstitute {
                options.log.say("note: there is no user \(Rights.usualUser); the director runs as \(user.name)")
            }
            if user == nil {
                options.log.say(
                    "note: to become another user takes CAP_SETUID, CAP_SETGID and CAP_SETPCAP; the director stays this one, without capabilities"
                )
            }
            return try Keeper(configuration).run()
        }
        Terminal.exit(status)
    }
}

/// `svs probe`: answers the version of svs that runs whether this one could go on in its place. Not shown in help.
struct ProbeCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "probe", abstract: "Says to 'svs run' whether this program could take over.", shouldDisplay: false)
    @OptionGroup var options: RunOptions

    func run() throws {
        try withClearErrors { try Probe.reply(version: SVS.configuration.version, connections: options.connections) }
    }
}

/// `svs guardian`: waits in case that a new version of svs does not work. Not shown in help.
struct GuardianCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "guardian", abstract: "Goes on where a new 'svs run' does not.", shouldDisplay: false)
    @OptionGroup var options: RunOptions

    func run() throws {
        let status = try withClearErrors {
            guard let configuration = try Guardian.wait(options.keeper()) else { return Int32(0) }
            return try Keeper(configuration).run()
        }
        Terminal.exit(status)
    }
}

extension RunOptions {
    /// What a keeper is to do. Takes what a supervisor has said out of the environment.
    func keeper() throws -> Keeper.Configuration {
        let words = CommandLine.arguments, environment = ServiceEnvironment.take()
        var configuration = Keeper.Configuration(
            interfaces: interfaces, link: link.scheme, files: files, control: control,
            arguments: [words.first ?? "svs", DirectorCommand.name] + words.dropFirst(2), connections: connections,
            state: statePlace, log: log)
        configuration.monitor = monitorPlace
        configuration.carries = carry != .off
        configuration.version = SVS.configuration.version
        configuration.program = environment.values[ServiceEnvironment.program] ?? ProgramPath.own(words.first ?? "svs")
        configuration.environment = environment
        configuration.inherited = InheritedDescriptors(environment.values)
        return configuration
    }
}
