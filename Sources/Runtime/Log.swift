/// Where the director tells its operator something: one line at a time.
public struct Log: Sendable {
    private let write: @Sendable (String) -> Void

    public init(_ write: @escaping @Sendable (String) -> Void) { self.write = write }

    public func say(_ line: String) { write(line) }
}

/// Remembers what was said last about each thing, so that what keeps failing does not flood the log.
struct RepeatFilter<Subject: Hashable> {
    private var said: [Subject: String] = [:]

    /// Whether `line` is something else than what was said last about `subject`, which is then noted.
    mutating func isNew(_ line: String, about subject: Subject) -> Bool {
        guard said[subject] != line else { return false }
        said[subject] = line
        return true
    }

    /// The next time anything about it is new.
    mutating func forget(_ subject: Subject) { said[subject] = nil }
}
