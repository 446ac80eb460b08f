import Admin
import CLinux
import Glibc
import LVS
import Replay

/// The asking end of a recording: fetches what the running director takes down.
final class DirectorRecorder {
    /// Files of the case by name.
    let texts: [String: String]
    /// Names of the director's interfaces by number, and those that it takes frames from.
    let interfaces: [Int32: String]
    let taken: [String]
    /// The file whose marks are in no form that has a file.
    let unknownMarks: String?
    private let client: ControlClient
    private var connectionBytes: [UInt8] = []
    private var hasConnections = false

    /// Begins the recording.
    init(_ client: ControlClient, clients: [String], services: [String], interfaces: [String]) throws {
        self.client = client
        let question = clients.map { "client \($0)\n" } + services.map { "service \($0)\n" } + interfaces.map { "interface \($0)\n" }
        var texts = DirectorText.split(try client.ask("record", Array(question.joined().utf8)))
        var names: [Int32: String] = [:]
        for line in (texts.removeValue(forKey: "interfaces") ?? "").split(separator: "\n") {
            let words = line.split(separator: " ")
            if words.count == 2, let index = Int32(words[0]) { names[index] = String(words[1]) }
        }
        self.interfaces = names
        taken = (texts.removeValue(forKey: "taken") ?? "").split(separator: "\n").map(String.init)
        unknownMarks = texts.removeValue(forKey: "unknown")
        self.texts = texts
    }

    /// Fetches until a limit, a signal or the recording's own end.
    func record(into made: RecordedCase, until end: UInt64, frames: Int, bytes: Int) throws {
        let signals = [SIGTERM, SIGINT].withUnsafeBufferPointer { svs_signal_descriptor($0.baseAddress, Int32($0.count)) }
        var isOver = false
        while !isOver {
            isOver = try fetch(into: made) || made.frames >= frames || made.bytes >= bytes || svs_clock() >= end
            if !hasConnections { try fetchConnections() }
            var polled = [pollfd(fd: signals, events: Int16(POLLIN), revents: 0)]
            let pause = min((end - min(svs_clock(), end)) / 1_000_000, 20)
            if !isOver, poll(&polled, 1, Int32(pause)) > 0, svs_signal_next(signals) != 0 { isOver = true }
        }
        while !hasConnections {
            try fetchConnections()
            _ = poll(nil, 0, 20)
        }
        _ = try fetch(into: made)
        let last = DirectorText.split(try client.ask("record-end"))
        try made.write(String(decoding: connectionBytes, as: UTF8.self), "connections")
        try made.close(network: last["network"] ?? "")
        if let reason = last["end"], !reason.isEmpty { Terminal.complain("warning: the recording ended early: \(reason)") }
        if let own = last["own"], own != "0" {
            Terminal.complain(
                "warning: \(own) frames of the director's own host are not in the case, and their connections replay differently")
        }
    }

    /// True when there will be no more.
    private func fetch(into made: RecordedCase) throws -> Bool {
        let answer = try client.ask("recorded")
        try made.take(Recording.Piece.pieces(in: Array(answer.dropFirst())))
        return answer.first != 1
    }

    private func fetchConnections() throws {
        let answer = try client.ask("recorded-connections")
        connectionBytes += answer.dropFirst()
        guard answer.first != 1 else { return }
        hasConnections = true
        guard connectionBytes.last == 0x0a else { throw CommandFailure("the director could not write down its connections") }
    }
}
