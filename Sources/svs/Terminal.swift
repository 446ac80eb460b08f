import Admin
import CLinux
import Glibc
import Runtime
import SystemPackage

/// What is said to people.
enum Terminal {
    /// On standard error, in the house's form: each line of the text as one of its own.
    static func complain(_ text: String) {
        let lines = text.split(separator: "\n", omittingEmptySubsequences: false)
        write(lines.map { $0.isEmpty ? "\n" : "svs: \(Quote.escaped(String($0)))\n" }.joined(), to: 2)
    }

    /// The same for what runs in the libraries.
    static let log = Log { complain($0) }

    /// - Returns: 0, or the errno (positive) that kept some of it from being written.
    @discardableResult
    static func write(_ text: String, to descriptor: Int32) -> Int32 {
        let bytes = Array(text.utf8)
        var done = 0
        while done < bytes.count {
            let written = bytes.withUnsafeBytes { Glibc.write(descriptor, $0.baseAddress! + done, bytes.count - done) }
            if written < 0 {
                if errno == EINTR { continue }
                return errno
            }
            done += written
        }
        return 0
    }

    /// On standard output at once; where that fails, nothing further is done.
    static func put(_ text: String) {
        let failure = write(text, to: 1)
        if failure != 0 { lost(failure) }
    }

    /// Ends the process, with status 2 when not all that was printed could be written.
    static func exit(_ status: Int32) -> Never {
        let failure = svs_flush_output()
        if failure != 0 { lost(failure) }
        Glibc.exit(status)
    }

    private static func lost(_ failure: Int32) -> Never {
        complain("standard output: \(Errno(rawValue: failure))")
        _exit(2)
    }
}

/// Why a subcommand ends, and with which status.
struct CommandFailure: Error {
    var text: String
    var status: Int32

    /// Bad usage or input.
    init(_ text: String, status: Int32 = 2) {
        self.text = text
        self.status = status
    }
}

/// Runs `body`; whatever it throws ends the subcommand as bad input, said in the thrower's own words.
func withClearErrors<Result>(_ body: () throws -> Result) throws -> Result {
    do { return try body() } catch let failure as CommandFailure { throw failure } catch { throw CommandFailure("\(error)") }
}
