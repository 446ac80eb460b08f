import CLinux
import Glibc
import Testing

/// Copies of the process (`svs_fork`), which answer a question and are gone.
@Suite struct CopyTests {
    @Test func aCopyAnswersAndEnds() throws {
        var pipe: Int32 = -1
        let child = svs_fork(&pipe, 10)
        if child == 0 { svs_fork_end(pipe, [1, 2, 3], 3) }
        try #require(child > 0)
        var bytes = [UInt8](repeating: 0, count: 8)
        #expect(read(pipe, &bytes, 8) == 3 && bytes[..<3] == [1, 2, 3])
        #expect(read(pipe, &bytes, 8) == 0)
        close(pipe)
        #expect(end(of: child) == 0)
    }

    /// Without anybody's right to kill it, and though it never looks at the pipe itself.
    @Test func aCopyEndsWhenNobodyReadsItsAnswer() throws {
        var pipe: Int32 = -1
        let child = svs_fork(&pipe, 60)
        if child == 0 { while true { getppid() } }
        try #require(child > 0)
        usleep(20_000)
        #expect(waitpid(child, nil, WNOHANG) == 0)
        close(pipe)
        #expect(end(of: child) == 1 << 8)
    }

    @Test func aCopyHasOnlySoMuchTime() throws {
        var pipe: Int32 = -1
        let child = svs_fork(&pipe, 1)
        if child == 0 { while true { getppid() } }
        try #require(child > 0)
        #expect(end(of: child) & 0x7f == SIGKILL)
        close(pipe)
    }

    /// The status that waitpid(2) gives.
    private func end(of child: Int32) -> Int32 {
        var status: Int32 = -1
        waitpid(child, &status, 0)
        return status
    }
}
