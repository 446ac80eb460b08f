import Admin
import Glibc

/// `svs adm`: finds the director's socket and hands the rest to ipvsadm's grammar.
enum AdmCommandLine {
    static let socket = "/run/svs.sock"

    /// The socket that an option names, else `$SVS_CONTROL`, else the usual one.
    static func path(_ named: String?) -> String { named ?? getenv("SVS_CONTROL").map { String(cString: $0) } ?? socket }

    /// What stands before ipvsadm's own words.
    private struct Reach {
        var control: String?
        /// Seconds.
        var timeout = ControlClient.usualPatience

        /// Takes `--control PATH` and `--timeout SECONDS` from the front; ipvsadm's `--timeout` has no number behind it.
        /// - Throws: `CommandFailure` for one without its value.
        init(_ rest: inout ArraySlice<String>) throws(CommandFailure) {
            while let first = rest.first {
                let parts = first.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
                let value = parts.count == 2 ? parts[1] : rest.dropFirst().first
                switch parts[0] {
                case "--control":
                    guard let value, !value.isEmpty else { throw CommandFailure("--control needs a path") }
                    control = value
                case "--timeout" where parts.count == 2 || value.flatMap({ UInt32($0) }) != nil:
                    guard let seconds = value.flatMap({ UInt32($0) }), (1...86_400).contains(seconds) else {
                        throw CommandFailure("--timeout: 1 to 86400 seconds are possible")
                    }
                    timeout = seconds
                default: return
                }
                rest = rest.dropFirst(parts.count == 2 ? 1 : 2)
            }
        }
    }

    /// Runs one invocation; `arguments` are the words behind the program's name, `program`.
    static func run(_ arguments: [String], as program: String = "svs adm") -> Int32 {
        var rest = arguments[...]
        let reach: Reach
        do throws(CommandFailure) { reach = try Reach(&rest) } catch {
            Terminal.complain(error.text)
            return error.status
        }
        let control = path(reach.control), timeout = reach.timeout
        let adm = Adm<ControlClient, SystemNames>(
            connect: { () throws(ControlFailure) in
                do throws(ControlError) { return try ControlClient(path: control, patience: timeout) } catch { throw .broken(error) }
            },
            names: SystemNames(), program: program, input: { readLine(strippingNewline: true) },
            output: { Terminal.put($0) }, errors: { Terminal.write($0, to: 2) })
        return adm.run(Array(rest))
    }
}
