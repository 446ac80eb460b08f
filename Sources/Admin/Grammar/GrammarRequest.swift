public import LVS

/// What one line of ipvsadm's language asks for.
public enum Request: Hashable, Sendable {
    case change(Command)
    case list(ListRequest)
    /// The rules as `-A` and `-a` lines.
    case save(numeric: Bool)
    /// Runs the lines of standard input.
    case restore
    case help
    case version
}

/// What `-L` shows, and how.
public struct ListRequest: Hashable, Sendable {
    public enum Subject: Hashable, Sendable {
        case services
        case service(ServiceKey)
        case connections
        case timeouts
        case daemons
    }

    /// The columns of a server's line.
    public enum Columns: Hashable, Sendable {
        /// Forwarding method, weight, active and inactive connections.
        case usual
        case statistics
        case rates
        case thresholds
        case persistence
        case tunnels
    }

    public var subject: Subject
    public var columns: Columns
    /// Addresses and ports as numbers (`-n`).
    public var numeric: Bool
    /// Big numbers in full (`-X`).
    public var exact: Bool
    /// `false` keeps the kernel's order (`--nosort`).
    public var sorted: Bool
    /// For programs: all of it as one JSON value, connections as one a line.
    public var json: Bool

    public init(
        _ subject: Subject = .services, columns: Columns = .usual, numeric: Bool = false, exact: Bool = false,
        sorted: Bool = true, json: Bool = false
    ) {
        self.json = json
        self.subject = subject
        self.columns = columns
        self.numeric = numeric
        self.exact = exact
        self.sorted = sorted
    }
}

/// A line that is not ipvsadm's language.
public struct UsageError: Error, Hashable, Sendable {
    /// For standard error; its last newline is left to the printer.
    public var text: String
    /// Exit status: 2 for what ipvsadm finds, 255 for what its option parser finds.
    public var status: Int32
    /// Whether such a line ends a restore (`-R`), or costs only itself.
    public var endsRestore: Bool

    public init(_ text: String, status: Int32 = 2, endsRestore: Bool = true) {
        self.text = text
        self.status = status
        self.endsRestore = endsRestore
    }

    /// A word that is no period of seconds.
    static func timeout(_ word: String) -> UsageError { UsageError("invalid timeout value `\(word)' specified") }

    /// The line has no command.
    public static var tryHelp: UsageError {
        UsageError("Try `ipvsadm -h' or 'ipvsadm --help' for more information.", status: 255)
    }
}
