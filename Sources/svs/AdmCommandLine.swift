import Admin
import CLinux
import Glibc
import Linux
import SystemPackage

/// `svs adm`: finds the director's socket and hands the rest to ipvsadm's grammar.
enum AdmCommandLine {
    static let socket = "/run/svs.sock"

    /// The socket that an option names, else `$SVS_CONTROL`, else the usual one.
    static func path(_ named: String?) -> String { named ?? svs_secure_variable("SVS_CONTROL").map { String(cString: $0) } ?? socket }

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
        let input = RestoreInput()
        let adm = Adm<ControlClient, SystemNames>(
            connect: { () throws(ControlFailure) in
                do throws(ControlError) { return try ControlClient(path: control, patience: timeout) } catch { throw .broken(error) }
            },
            names: SystemNames(), program: program, input: { input.next() },
            hasInput: { input.hasLine }, output: { Terminal.put($0) }, errors: { Terminal.write(Quote.shortened($0), to: 2) })
        let status = adm.run(Array(rest))
        guard let fault = input.fault else { return status }
        Terminal.complain("standard input: \(fault)")
        return 2
    }
}

/// The lines of standard input, as `-R` asks for them.
private final class RestoreInput {
    private var reader: LineReader?
    private var bytes = 0
    /// Why no more lines are taken, though the input has not ended.
    private(set) var fault: String?

    private static let longestLine = 64 << 10

    /// Whether the next line need not be waited for.
    var hasLine: Bool { reader?.hasLine == true }

    func next() -> String? {
        guard fault == nil else { return nil }
        do throws(Errno) {
            let isFirst = reader == nil
            if isFirst { reader = try LineReader.standardInput(longest: Self.longestLine) }
            switch try reader?.next() ?? .end {
            case .end: return nil
            case .tooLong: fault = "a line is longer than \(Self.longestLine >> 10) KB"
            case .line(let line):
                bytes += line.utf8.count + 1
                guard bytes <= RegularFile.longestText else {
                    fault = "more than \(RegularFile.longestText >> 20) MB"
                    return nil
                }
                return isFirst && line.unicodeScalars.first == "\u{feff}" ? String(line.unicodeScalars.dropFirst()) : line
            }
        } catch { fault = "\(error)" }
        return nil
    }
}
