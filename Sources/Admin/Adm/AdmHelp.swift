extension AdmTexts {
    /// What `-h` prints.
    static let help = """
        \(version)
        svs adm - asks and changes a running director, in the language of ipvsadm

        Usage:
          svs adm [--control PATH] [--timeout SECONDS] COMMAND [OPTION...]
          ipvsadm COMMAND [OPTION...]

        The director is the `svs run` that listens at PATH, at $SVS_CONTROL, or at /run/svs.sock.
        It is waited for five seconds, or as long as --timeout says.
        Without a command the services are listed. Long options may be written --option=VALUE,
        short ones together: -Ln.

        Commands for services:
          -A, --add-service SERVICE [service options]       a new virtual service
          -E, --edit-service SERVICE [service options]      its settings anew; what is left out becomes the default
          -D, --delete-service SERVICE                      the service goes, its connections stay
          -C, --clear                                       all services go
          -Z, --zero [SERVICE]                              counters from 0, of one service or of all

        Commands for real servers:
          -a, --add-server SERVICE -r SERVER [server options]
          -e, --edit-server SERVICE -r SERVER [server options]
          -d, --delete-server SERVICE -r SERVER

        Commands that show, save and restore:
          -L, -l, --list [SERVICE] [list options]
          -S, --save [-n]                                   rules on standard output
          -R, --restore                                     rules from standard input, one a line

        Other commands:
          --set TCP FIN UDP                                 timeouts in seconds, 0 leaves one as it is
          --start-daemon master|backup [daemon options]     connection synchronisation
          --stop-daemon master|backup
          -h, --help
          -v, --version

        SERVICE is one of:
        \(forms(of: .address))
        HOST is an address or a name; IPv6 with a port is [ADDRESS]:PORT. PORT is a number, a name,
        or 0 for every port of a persistent service. Several ports make one service of svs:
        -t 10.9.0.1:80,443 or -t 10.9.0.1:8000-8099.

        Service options:
        \(forms(of: .service))

        Server options:
        \(forms(of: .server))

        List options:
        \(forms(of: .list))

        Daemon options:
        \(forms(of: .daemon))

        Exit status: 0 done; 2 a mistake in the arguments, or no director; 255 refused by the director, or an
        option that does not exist; 1 a listing failed.

        """

    /// The options of a group, a line for each spelling: first what every ipvsadm knows.
    private static func forms(of group: GrammarOption.Group) -> String {
        let forms = Options.roster.filter { $0.group == group }.flatMap(\.forms)
        let own = forms.filter(\.isOwn).map(line)
        return (forms.filter { !$0.isOwn }.map(line) + (own.isEmpty ? [] : ["of svs only:"] + own)).joined(separator: "\n")
    }

    private static func line(_ form: GrammarOption.Form) -> String {
        let name = (form.letter.map { "  -\($0), " } ?? "      ") + "--" + form.name + (form.placeholder.map { " " + $0 } ?? "")
        guard !form.help.isEmpty else { return name }
        var lines = [name.left(column - 1)]
        for word in form.help.split(separator: " ") {
            if lines[lines.count - 1].utf8.count + 1 + word.utf8.count > width { lines.append("".left(column - 1)) }
            lines[lines.count - 1] += " " + word
        }
        return lines.joined(separator: "\n")
    }

    /// Where the explanation of an option begins, and the longest line.
    private static var column: Int { 36 }
    private static var width: Int { 110 }
}
