internal import Admin

/// How a case came out.
public struct CaseResult: Sendable {
    public enum Outcome: Sendable, Equatable {
        case passed
        /// Something differs.
        case failed
        /// The case cannot be run: a file is missing or wrong.
        case unusable(String)
        /// The expectations were written anew.
        case regenerated
        /// The kernel cannot be asked, and why.
        case noKernelCase(String)
    }

    /// The folder as it was named.
    public var folder: String
    /// The line that the case's `about` file gives.
    public var about = ""
    public var outcome = Outcome.passed
    public var frames = 0
    /// Input frames whose output or verdict differs.
    public var differingFrames = 0
    /// What differs first in frames, verdicts and listings: blocks of lines for people.
    public var findings: [String] = []
    public var seconds = 0.0

    init(folder: String) { self.folder = folder }

    /// The last part of the folder's path.
    public var name: String { folder.split(separator: "/").last.map(String.init) ?? folder }

    /// One line: `ok`, `FAIL`, `ERROR`, `new` or `-`, the name and how many frames.
    public var line: String {
        switch outcome {
        case .passed: "ok    \(name): \(counted(frames, "frame"))"
        case .failed:
            "FAIL  \(name): "
                + (differingFrames > 0
                    ? "\(differingFrames) of \(counted(frames, "frame")) differ" : "\(counted(frames, "frame")) as expected, the rest not")
        case .unusable(let reason): "ERROR \(name): \(reason)"
        case .regenerated: "new   \(name): \(counted(frames, "frame"))"
        case .noKernelCase(let reason): "-     \(name): not a kernel case: \(reason)"
        }
    }
}
