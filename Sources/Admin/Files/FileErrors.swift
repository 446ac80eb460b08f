/// What is wrong in one file or several, gathered so that all of it can be mended at once.
public struct FileErrors {
    private var all: [FileError] = []

    public init() {}

    public var isEmpty: Bool { all.isEmpty }

    public mutating func add(_ error: FileError) {
        var first = error
        first.others = []
        all += [first] + error.others
    }

    /// Does a part of the work; what is wrong there is noted, and nothing is thrown.
    public mutating func note(_ body: () throws(FileError) -> Void) {
        do throws(FileError) { try body() } catch { add(error) }
    }

    /// Notes what is wrong in a line, unless it only follows from what was.
    mutating func add(_ complaint: Complaint, in file: String, line: Int) {
        if !complaint.isSequel { add(FileError(file: file, line: line, text: complaint.text)) }
    }

    mutating func add(_ others: FileErrors) { all += others.all }

    /// In the order of the lines, for errors of one file that were found in several passes.
    public mutating func sortByLine() {
        // Stable: the index breaks ties.
        all = all.enumerated().sorted { ($0.element.line, $0.offset) < ($1.element.line, $1.offset) }.map(\.element)
    }

    /// Throws all that was gathered as one.
    public func check() throws(FileError) {
        guard var first = all.first else { return }
        first.others = Array(all.dropFirst())
        throw first
    }
}
