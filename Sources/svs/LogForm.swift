import Admin
import ArgumentParser
import CLinux
import Glibc

/// How the log is written.
enum LogForm: String, ExpressibleByArgument, CaseIterable {
    case plain, json

    /// How much a line matters, as syslog counts; told by the word that it begins with.
    private enum Level: Int {
        case warning = 4
        case notice = 5
        case info = 6

        init(_ line: String) { self = line.hasPrefix("warning: ") ? .warning : line.hasPrefix("note: ") ? .notice : .info }

        var name: String {
            switch self {
            case .warning: "warning"
            case .notice: "notice"
            case .info: "info"
            }
        }
    }

    /// A line as it is written to standard error.
    func line(_ text: String) -> String {
        let level = Level(text)
        switch self {
        case .json:
            let now = svs_calendar()
            return JSONValue.object([
                "time": .number(Int64(now / 1_000_000)), "level": .text(level.name), "process": .number(Int64(getpid())),
                "text": .text(text),
            ]).written + "\n"
        // The journal takes the priority off (sd-daemon(3)), and knows the program's name.
        case .plain: return Self.isJournal ? "<\(level.rawValue)>\(text)\n" : "svs: \(text)\n"
        }
    }

    /// Whether standard error is the journal's, which $JOURNAL_STREAM names by device and inode.
    private static let isJournal: Bool = {
        guard let stream = getenv("JOURNAL_STREAM").map({ String(cString: $0) }) else { return false }
        var status = stat()
        return fstat(2, &status) == 0 && stream == "\(status.st_dev):\(status.st_ino)"
    }()
}
