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

    /// Throws all that was gathered as one.
    public func check() throws(FileError) {
        guard var first = all.first else { return }
        first.others = Array(all.dropFirst())
        throw first
    }
}
