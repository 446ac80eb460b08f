import Admin
import CLinux
import Glibc
import LVS
import Replay
import SystemPackage

/// Explains a packet as the running director would direct it now, without touching it: a fork of the process directs the
/// packet in its copy of everything, tells what it saw through a pipe and is gone. Explanation and behaviour are the same code
/// and the same state.
enum LiveExplanation {
    /// Milliseconds that the copy may take.
    private static let patience: Int32 = 2000
    private static let longestAnswer = 8 << 20

    /// - Parameters:
    ///   - packet: the packet in words.
    ///   - interfaces: names of those that the director takes frames from.
    static func answer(
        _ packet: String, _ form: ControlQuestion.ExplanationForm, _ director: inout Director, interfaces: [String]
    ) throws(AskError) -> String {
        let words: PacketWords
        do throws(PacketWords.WordsProblem) {
            words = try PacketWords(packet)
            try words.checkIngress(of: director.network, interfaces: interfaces)
        } catch { throw AskError(error.description) }

        var pipe: Int32 = -1
        let child = DirectorCopy.fork(&pipe, seconds: 2, director)
        guard child >= 0 else { throw .copying(child) }
        if child == 0 {
            director.leaveCarrying()
            let told = try? director.explain(words, at: director.now)
            let bytes = told.map { Array((form == .json ? $0.json + "\n" : $0.text).utf8) } ?? []
            svs_fork_end(pipe, bytes, bytes.count)
        }
        defer {
            close(pipe)
            waitpid(child, nil, 0)
        }
        return String(decoding: try collect(pipe), as: UTF8.self)
    }

    private static func collect(_ pipe: Int32) throws(AskError) -> [UInt8] {
        var answer: [UInt8] = []
        var piece = [UInt8](repeating: 0, count: 65536)
        var polled = pollfd(fd: pipe, events: Int16(POLLIN), revents: 0)
        while answer.count < longestAnswer {
            guard poll(&polled, 1, patience) > 0 else { throw AskError(.timedOut, "the director's copy did not answer") }
            let count = read(pipe, &piece, piece.count)
            if count <= 0 { break }
            answer += piece.prefix(count)
        }
        guard !answer.isEmpty else { throw AskError(.ioError, "the director's copy ended without an answer") }
        return answer
    }
}

extension AskError {
    /// The director could not fork; `result` is the negative errno.
    static func copying(_ result: Int32) -> AskError {
        let errno = Errno(rawValue: 0 &- result)
        return AskError(errno, "no copy of the director could be made: \(errno)")
    }
}
