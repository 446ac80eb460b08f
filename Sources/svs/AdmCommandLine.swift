import Admin
import Glibc

/// `svs adm`: finds the director's socket and hands the rest to ipvsadm's grammar.
enum AdmCommandLine {
    static let socket = "/run/svs.sock"

    /// The socket that an option names, else `$SVS_CONTROL`, else the usual one.
    static func path(_ named: String?) -> String { named ?? getenv("SVS_CONTROL").map { String(cString: $0) } ?? socket }

    /// Runs one invocation; `arguments` are the words behind `svs adm`, with `--control PATH` before ipvsadm's own.
    static func run(_ arguments: [String]) -> Int32 {
        var path = path(nil)
        var rest = arguments[...]
        if let first = rest.first, first == "--control" {
            guard rest.count >= 2 else {
                Terminal.complain("--control needs a path")
                return 2
            }
            path = rest[rest.startIndex + 1]
            rest = rest.dropFirst(2)
        } else if let first = rest.first, first.hasPrefix("--control=") {
            path = String(first.dropFirst("--control=".count))
            rest = rest.dropFirst()
        }
        let control = path
        let adm = Adm<ControlClient, SystemNames>(
            connect: { () throws(ControlFailure) in
                do throws(ControlError) { return try ControlClient(path: control) } catch { throw .broken(error) }
            },
            names: SystemNames(), input: { readLine(strippingNewline: true) },
            output: { Terminal.write($0, to: 1) }, errors: { Terminal.write($0, to: 2) })
        return adm.run(Array(rest))
    }
}
