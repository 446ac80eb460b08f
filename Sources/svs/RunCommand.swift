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
            let words = CommandLine.arguments
            let configuration = Keeper.Configuration(
                interfaces: options.interfaces, link: options.link.scheme, files: options.files, control: options.control,
                arguments: [words.first ?? "svs", DirectorCommand.name] + words.dropFirst(2),
                connections: options.connections, state: options.statePlace, log: options.log)
            return try Keeper(configuration).run()
        }
        Terminal.exit(status)
    }
}
