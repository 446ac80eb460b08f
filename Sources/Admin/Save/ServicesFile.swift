public import LVS

/// A file of rules as `ipvsadm-save` writes them: lines for `-R`, with `#` comments and blank lines allowed.
public struct ServicesFile: Hashable, Sendable {
    public struct Rule: Hashable, Sendable {
        /// From 1.
        public var line: Int
        public var command: Command

        public init(line: Int, command: Command) {
            self.line = line
            self.command = command
        }
    }

    /// As it was given, for messages.
    public var name: String
    public var rules: [Rule]
    public var commands: [Command] { rules.map(\.command) }

    /// Reads all of `text`, or nothing.
    /// - Throws: `FileError` for every line that is no rule.
    public init(_ text: String, name: String, names: some NameResolver) throws(FileError) {
        var errors = FileErrors()
        self.init(text, name: name, names: names, errors: &errors)
        try errors.check()
    }

    /// Reads what of `text` is rules; every other line is one of the errors.
    public init(_ text: String, name: String, names: some NameResolver, errors: inout FileErrors) {
        self.name = name
        rules = []
        for (index, line) in TextFile.lines(of: text).enumerated() {
            let line = line.trimmed
            guard let first = line.utf8.first, first != UInt8(ascii: "#") else { continue }
            do throws(UsageError) {
                guard let command = try Self.command(line, names: names) else { continue }
                rules.append(Rule(line: index + 1, command: command))
            } catch {
                errors.add(FileError(file: name, line: index + 1, text: RuleHint.text(error, of: RuleLine.words(of: line))))
            }
        }
    }

    /// The commands of a file's text, names looked up as the host does.
    public static func commands(in text: String, file: String) throws(FileError) -> [Command] {
        try ServicesFile(text, name: file, names: SystemNames()).commands
    }

    /// One line's command; `nil` for a line without words.
    static func command(_ line: some StringProtocol, names: some NameResolver) throws(UsageError) -> Command? {
        let words = RuleLine.words(of: line)
        guard !words.isEmpty else { return nil }
        let request: Request
        do throws(UsageError) {
            request = try Grammar.parse(words, names: names)
        } catch {
            throw error == .tryHelp ? UsageError("a rule begins with a command of ipvsadm, such as -A or -a, not `\(words[0])'") : error
        }
        guard case .change(let command) = request else { throw UsageError("`\(words[0])' changes nothing: it is no rule") }
        return command
    }
}

/// What is changed between frames of a replay: `INDEX: ipvsadm arguments`, or `INDEX: address add|del ADDRESS/LENGTH dev NAME`
/// for an address of the host, with `#` comments and blank lines allowed.
public struct EditsFile: Hashable, Sendable {
    public struct Edit: Hashable, Sendable {
        /// The input frame, from 0, that the command comes just before.
        public var frame: Int
        /// From 1.
        public var line: Int
        public var change: Change

        public init(frame: Int, line: Int, change: Change) {
            self.frame = frame
            self.line = line
            self.change = change
        }
    }

    public enum Change: Hashable, Sendable {
        case command(Command)
        /// Words of a line that `NetworkFile` reads.
        case address([String])
    }

    public var name: String
    /// By frame; those before one frame in the order of their lines.
    public var edits: [Edit]

    /// Reads all of `text`, or nothing.
    /// - Throws: `FileError` for every line that is no edit.
    public init(_ text: String, name: String, names: some NameResolver) throws(FileError) {
        self.name = name
        edits = []
        var errors = FileErrors()
        for (index, line) in TextFile.lines(of: text).enumerated() {
            let line = line.trimmed
            guard !line.isEmpty, line.first != "#" else { continue }
            guard let colon = line.firstIndex(of: ":"), let frame = Number.within(0...Int64(Int32.max), String(line[..<colon])) else {
                errors.add(
                    FileError(
                        file: name, line: index + 1,
                        text: "an edit is `INDEX: ipvsadm arguments' or `INDEX: address add|del ADDRESS/LENGTH dev NAME'"))
                continue
            }
            do throws(UsageError) {
                edits.append(Edit(frame: Int(frame), line: index + 1, change: try Self.change(line[line.index(after: colon)...], names)))
            } catch {
                errors.add(FileError(file: name, line: index + 1, text: error.line))
            }
        }
        try errors.check()
        // Stable: the index breaks ties.
        edits = edits.enumerated().sorted { ($0.element.frame, $0.offset) < ($1.element.frame, $1.offset) }.map(\.element)
    }

    private static func change(_ text: Substring, _ names: some NameResolver) throws(UsageError) -> Change {
        let words = text.split(whereSeparator: \.isWhitespace).map(String.init)
        if let object = words.first, ["addr", "address"].contains(object) {
            guard words.count > 1, ["add", "del"].contains(words[1]) else { throw UsageError("\(object): expected add or del") }
            return .address(words)
        }
        guard let command = try ServicesFile.command(text, names: names) else { throw UsageError("no command behind the index") }
        return .command(command)
    }

    /// The edits of a file's text, names looked up as the host does.
    public static func edits(in text: String, file: String) throws(FileError) -> [Edit] {
        try EditsFile(text, name: file, names: SystemNames()).edits
    }
}

extension UsageError {
    /// The text on one line.
    var line: String { text.split(separator: "\n").joined(separator: " ") }
}
