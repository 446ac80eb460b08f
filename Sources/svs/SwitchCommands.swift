import Admin
import ArgumentParser
import LVS

/// `svs get`: the switches of a running director.
struct GetCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "get", abstract: "Show switches of the running director (net.ipv4.vs.* and the host's own).",
        discussion: "Without a key all of them, as sysctl.conf has them; with keys their values, a line each.")
    @Argument(
        help: ArgumentHelp("Names of switches: net.ipv4.vs.sloppy_tcp, or vs.sloppy_tcp.", valueName: "key"),
        completion: Completions.switches)
    var keys: [String] = []
    @OptionGroup var reach: ControlOptions

    func run() throws {
        try withClearErrors {
            let lines = try reach.client().text(.switches)
            guard !keys.isEmpty else { return print(lines, terminator: "") }
            var values: [Substring: Substring] = [:]
            for line in lines.split(separator: "\n") {
                guard let sign = line.firstRange(of: " = ") else { continue }
                values[line[..<sign.lowerBound]] = line[sign.upperBound...]
            }
            for key in keys {
                guard let value = values[Tunables.fullName(of: key)[...]] else {
                    throw CommandFailure(SysctlFile.sentence(.unknown(key)), status: 1)
                }
                print(value)
            }
        }
    }
}

/// `svs set`: another value for a switch, while the director runs.
struct SetCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "set", abstract: "Set a switch of the running director.",
        discussion: """
            Takes effect at once, as sysctl -w does with the kernel's IPVS: svs set net.ipv4.vs.sloppy_tcp 1, or vs.sloppy_tcp=1. \
            The value stays when the director is started anew below its keeper, and when the files are read again and say of \
            the switch what they said before; the next 'svs run' begins with the file of --sysctl.
            """)
    @Argument(help: ArgumentHelp("KEY VALUE, or KEY=VALUE.", valueName: "key value"), completion: Completions.switches)
    var words: [String]
    @OptionGroup var reach: ControlOptions

    func run() throws {
        try withClearErrors {
            let parts = words[0].split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
            let values = (parts.count > 1 ? [parts[1]] : []) + words.dropFirst()
            guard !values.isEmpty, !parts[0].isEmpty else { throw CommandFailure("\(words[0]): expected KEY VALUE (see svs set --help)") }
            _ = try reach.client().text(.setSwitch(name: parts[0], value: values.joined(separator: " ")))
        }
    }
}
