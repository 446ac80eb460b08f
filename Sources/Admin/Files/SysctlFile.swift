public import LVS

/// A file in the form of sysctl.conf(5): `key = value` lines, comments with `#` or `;`, a leading `-` for a line whose
/// failure does not matter.
public struct SysctlFile: Hashable, Sendable {
    /// The switches with every line of the file applied.
    public var tunables: Tunables
    /// Keys in the order of the file that had no effect: those SVS has no use for, and failed ones with a leading `-`.
    public var ignored: [String]

    /// Applies all lines, or none.
    /// - Throws: `FileError` for every line that is no assignment, an unknown key below `net.ipv4.vs`, or an illegal value.
    public init(_ text: String, file: String, over tunables: Tunables = Tunables()) throws(FileError) {
        self.tunables = tunables
        ignored = []
        var errors = FileErrors()
        for (index, line) in TextFile.lines(of: text).enumerated() {
            do throws(Complaint) {
                try apply(line.trimmed)
            } catch {
                errors.add(error, in: file, line: index + 1)
            }
        }
        try errors.check()
    }

    private mutating func apply(_ line: Substring) throws(Complaint) {
        guard let first = line.first, first != "#", first != ";" else { return }
        let mayFail = first == "-"
        let assignment = mayFail ? line.dropFirst() : line
        guard let equals = assignment.firstIndex(of: "=") else {
            // `-pattern` alone takes keys out of other files' globs (sysctl.d(5)): nothing to do here.
            if mayFail { return }
            throw Complaint("\(Quote.cut(line)): expected key = value")
        }
        let key = String(assignment[..<equals].trimmed)
        let value = Self.withoutComment(assignment[assignment.index(after: equals)...]).trimmed
        if key.isEmpty { throw Complaint("\(Quote.cut(line)): expected key = value") }
        if !Tunables.knows(key) && (mayFail || !Tunables.fullName(of: key).hasPrefix("net.ipv4.vs.")) {
            ignored.append(key)
            return
        }
        do {
            try tunables.set(key, to: String(value))
        } catch {
            if !mayFail { throw Complaint(error.description) }
            ignored.append(key)
        }
    }

    /// The kernel reads a number and overlooks what follows it after a blank, so a comment there has always worked.
    private static func withoutComment(_ value: Substring) -> Substring {
        var previous: Character = " "
        for index in value.indices {
            let character = value[index]
            if (character == "#" || character == ";") && (previous == " " || previous == "\t") { return value[..<index] }
            previous = character
        }
        return value
    }
}
