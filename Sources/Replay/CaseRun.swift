public import Admin
internal import Dispatch
internal import Glibc
internal import Synchronization

/// Many cases, several at a time.
public enum CaseRun {
    /// Runs `body` for each folder on `jobs` threads and hands over the results in the order of the folders, each as soon as
    /// it and those before it are there.
    public static func results(
        of folders: [String], jobs: Int, _ body: @Sendable (String) -> CaseResult,
        each: @Sendable (CaseResult) -> Void
    ) -> [CaseResult] {
        struct Progress {
            var next = 0
            var told = 0
            var results: [CaseResult?]
        }
        let progress = Mutex(Progress(results: Array(repeating: nil, count: folders.count)))
        DispatchQueue.concurrentPerform(iterations: max(min(jobs, folders.count), 1)) { _ in
            while true {
                let mine = progress.withLock { state in
                    defer { state.next += 1 }
                    return state.next
                }
                guard mine < folders.count else { return }
                let result = body(folders[mine])
                progress.withLock { state in
                    state.results[mine] = result
                    while state.told < folders.count, let ready = state.results[state.told] {
                        each(ready)
                        state.told += 1
                    }
                }
            }
        }
        return progress.withLock { $0.results.compactMap { $0 } }
    }

    /// The case folders that a path names: itself, or those below it.
    /// - Throws: `FileError` when there are none.
    public static func folders(in path: String) throws(FileError) -> [String] {
        var trimmed = path
        while trimmed.count > 1, trimmed.hasSuffix("/") { trimmed.removeLast() }
        var found: [String] = []
        try collect(trimmed, depth: 0, &found)
        guard !found.isEmpty else {
            throw FileError(file: path, text: "no case: neither here nor below is a folder with 'services' and 'network'")
        }
        return found
    }

    private static func collect(_ path: String, depth: Int, _ found: inout [String]) throws(FileError) {
        let names = try CaseFiles.names(in: path)
        if names.contains("services") || names.contains("in.pcap") {
            found.append(path)
            return
        }
        guard depth < 8 else { return }
        for name in names.sorted() where !name.hasPrefix(".") {
            var status = stat()
            guard lstat(path + "/" + name, &status) == 0, status.st_mode & S_IFMT == S_IFDIR else { continue }
            try collect(path + "/" + name, depth: depth + 1, &found)
        }
    }
}
