import Glibc
import Runtime

/// What is said to people.
enum Terminal {
    /// One line on standard error, in the house's form.
    static func complain(_ text: String) { write("svs: \(text)\n", to: 2) }

    /// The same for what runs in the libraries.
    static let log = Log { complain($0) }

    static func write(_ text: String, to descriptor: Int32) {
        let bytes = Array(text.utf8)
        var done = 0
        while done < bytes.count {
            let written = bytes.withUnsafeBytes { Glibc.write(descriptor, $0.baseAddress! + done, bytes.count - done) }
            if written < 0 {
                if errno == EINTR { continue }
                return
            }
            done += written
        }
    }

    static func exit(_ status: Int32) -> Never { Glibc.exit(status) }
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
