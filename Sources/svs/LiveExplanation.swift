import Admin
import CLinux
import Glibc
import LVS
import Replay

/// Explains a packet as the running director would direct it now, without touching it: a fork of the process directs the
/// packet in its copy of everything, tells what it saw through a pipe and is gone. Explanation and behaviour are the same code
/// and the same state.
enum LiveExplanation {
    /// Milliseconds that the copy may take.
    private static let patience: Int32 = 2000
    private static let longestAnswer = 8 << 20

    /// - Parameters:
    ///   - question: `text` or `json` on the first line, then the packet in words.
    ///   - interfaces: names of those that the director takes frames from.
    static func answer(_ question: [UInt8], _ director: inout Director, interfaces: [String]) throws(AskError) -> [UInt8] {
        let text = String(decoding: question, as: UTF8.self)
        let lines = text.split(separator: "\n", maxSplits: 1, omittingEmptySubsequences: false)
        guard lines.count == 2, lines[0] == "text" || lines[0] == "json" else {
            throw AskError("expected text or json, and a packet in words")
        }
        let words: PacketWords
        do throws(PacketWords.WordsProblem) {
            words = try PacketWords(String(lines[1]))
            try words.checkIngress(of: director.network, interfaces: interfaces)
        } catch { throw AskError(error.description) }

        var pipe: Int32 = -1
        let child = svs_fork(&pipe, 2)
        guard child >= 0 else {
            throw AskError(errno: 0 - child, "no copy of the director could be made: \(String(cString: strerror(0 - child)))")
        }
        if child == 0 {
            let told = try? director.explain(words, at: director.now)
            let bytes = told.map { Array((lines[0] == "json" ? $0.json + "\n" : $0.text).utf8) } ?? []
            svs_fork_end(pipe, bytes, bytes.count)
        }
        defer {
            close(pipe)
            kill(child, SIGKILL)
            waitpid(child, nil, 0)
        }
        return try collect(pipe)
    }

    private static func collect(_ pipe: Int32) throws(AskError) -> [UInt8] {
        var answer: [UInt8] = []
        var piece = [UInt8](repeating: 0, count: 65536)
        var polled = pollfd(fd: pipe, events: Int16(POLLIN), revents: 0)
        while answer.count < longestAnswer {
            guard poll(&polled, 1, patience) > 0 else { throw AskError(errno: ETIMEDOUT, "the director's copy did not answer") }
            let count = read(pipe, &piece, piece.count)
            if count <= 0 { break }
            answer += piece.prefix(count)
        }
        guard !answer.isEmpty else { throw AskError(errno: EIO, "the director's copy ended without an answer") }
        return answer
    }
}
