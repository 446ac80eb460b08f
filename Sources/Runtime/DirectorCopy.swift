import CLinux
import Glibc
import LVS

/// A fork of the process whose director is its own, to the last record: memory that the director shares with others is copied
/// before the parent goes on. That takes a parent as long as its packets wait: some 60 milliseconds for a million connections.
enum DirectorCopy {
    /// Milliseconds that a parent waits for its child's copy.
    private static let patience: Int32 = 2000

    /// Forks like `svs_fork`.
    static func fork(_ descriptor: inout Int32, seconds: UInt32, _ director: borrowing Director) -> Int32 {
        guard let memory = director.lentMemory, let start = memory.baseAddress else { return svs_fork(&descriptor, seconds) }
        var ends: [Int32] = [-1, -1]
        let failure = svs_pipe(&ends)
        guard failure == 0 else { return failure }
        let child = svs_fork(&descriptor, seconds)
        guard child != 0 else {
            let spans = director.spansInUse().flatMap { [$0.lowerBound, $0.count] }
            if svs_make_private(start, memory.count, spans, spans.count / 2) < 0 { svs_fork_end(descriptor, nil, 0) }
            close(ends[0])
            close(ends[1])
            return 0
        }
        close(ends[1])
        defer { close(ends[0]) }
        guard child > 0 else { return child }
        var polled = pollfd(fd: ends[0], events: Int16(POLLIN), revents: 0)
        if poll(&polled, 1, patience) > 0 { return child }
        kill(child, SIGKILL)
        waitpid(child, nil, 0)
        close(descriptor)
        return 0 &- ETIMEDOUT
    }
}
