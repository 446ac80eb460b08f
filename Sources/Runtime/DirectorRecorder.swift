public import Admin
internal import CLinux
internal import Glibc
internal import Linux
public import Replay
internal import SystemPackage

/// The asking end of a recording: fetches what the running director takes down.
public final class DirectorRecorder {
    /// Files of the case by name.
    public let texts: [String: String]
    /// Names of the director's interfaces by number, and those that it takes frames from.
    public let interfaces: [Int32: String]
    public let taken: [String]
    private let client: ControlClient
    private let log: Log
    private var connectionBytes: [UInt8] = []
    private var hasConnections = false
    /// Milliseconds between two fetches.
    private static let pause: UInt64 = 20

    /// Begins the recording.
    public init(_ client: ControlClient, _ request: ControlQuestion.RecordingRequest, log: Log) throws(ControlFailure) {
        self.client = client
        self.log = log
        let start = try client.startRecording(request)
        texts = Dictionary(start.files.map { ($0.name, $0.text) }) { first, _ in first }
        interfaces = Dictionary(start.interfaces.map { ($0.index, $0.name) }) { first, _ in first }
        taken = start.taken
    }

    /// Fetches until a limit, a signal or the recording's own end.
    /// - Parameters:
    ///   - end: nanoseconds of CLOCK_MONOTONIC.
    ///   - frames, bytes: of what arrived.
    public func record(into made: RecordedCase, until end: UInt64, frames: Int, bytes: Int) throws {
        let signals = try Signals([.terminate, .interrupt])
        let poller = try Poller()
        try poller.watch(signals.descriptor, as: 0)
        var isOver = false
        while !isOver {
            isOver = try fetch(into: made) || made.frames >= frames || made.bytes >= bytes || svs_clock() >= end
            if !hasConnections { try fetchConnections() }
            let pause = min((end - min(svs_clock(), end)) / 1_000_000, Self.pause)
            if !isOver, try !poller.wait(milliseconds: Int32(pause)).isEmpty, signals.next() != nil { isOver = true }
        }
        while !hasConnections {
            try fetchConnections()
            usleep(UInt32(Self.pause) * 1000)
        }
        _ = try fetch(into: made)
        let last = try client.endRecording()
        try made.write(String(decoding: connectionBytes, as: UTF8.self), "connections")
        try made.close(network: last.network)
        if !last.reason.isEmpty { log.say("warning: the recording ended early: \(last.reason)") }
        if last.ownFrames > 0 {
            log.say(
                "warning: \(last.ownFrames) frames of the director's own host are not in the case, and their connections replay differently"
            )
        }
    }

    /// True when there will be no more.
    private func fetch(into made: RecordedCase) throws -> Bool {
        let chunk = try client.chunk(.recorded)
        try made.take(Recording.Piece.pieces(in: chunk.bytes))
        return !chunk.hasMore
    }

    private func fetchConnections() throws {
        let chunk = try client.chunk(.recordedConnections)
        connectionBytes += chunk.bytes
        guard !chunk.hasMore else { return }
        hasConnections = true
        guard connectionBytes.last == 0x0a else { throw RunError("the director could not write down its connections") }
    }
}
