public import Admin
internal import CLinux
internal import Glibc
internal import Linux
public import Replay
internal import SystemPackage

/// The asking end of a recording: fetches what the running director takes down.
public final class DirectorRecorder {
    /// Files of the case by name.
    public private(set) var texts: [String: String]
    /// Names of the director's interfaces by number, and those that it takes frames from.
    public let interfaces: [Int32: String]
    public let taken: [String]
    private let client: ControlClient
    private let log: Log
    /// Bytes of the connections that are no whole line yet.
    private var rest: [UInt8] = []
    private var hasConnections = false
    /// Milliseconds between two fetches, and between two while connections are written down.
    private static let pause: UInt64 = 20, shortPause: UInt64 = 1

    /// Begins the recording.
    public init(_ client: ControlClient, _ request: ControlQuestion.RecordingRequest, log: Log) throws(ControlFailure) {
        self.client = client
        self.log = log
        let start = try client.startRecording(request)
        texts = Dictionary(start.files.map { ($0.name, $0.text) }) { first, _ in first }
        interfaces = Dictionary(start.interfaces.map { ($0.index, $0.name) }) { first, _ in first }
        taken = start.taken
        try fetchServices()
    }

    /// The services come before the connections.
    private func fetchServices() throws(ControlFailure) {
        var end: Int?
        while end == nil {
            let chunk = try client.chunk(.recordedConnections)
            rest += chunk.bytes
            end = rest.firstIndex(of: LiveRecording.end)
            guard end == nil else { break }
            guard chunk.hasMore else { throw .denied(errno: EIO, "the director could not write down its services") }
            if chunk.bytes.isEmpty { usleep(useconds_t(Self.shortPause * 1000)) }
        }
        texts["services"] = String(decoding: rest.prefix(end ?? 0), as: UTF8.self)
        rest.removeFirst((end ?? 0) + 1)
    }

    /// Fetches until a limit, a signal or the recording's own end.
    /// - Parameters:
    ///   - end: nanoseconds of CLOCK_MONOTONIC.
    ///   - frames, bytes: of what arrived.
    ///   - progress: is told again and again how far it is.
    public func record(into made: RecordedCase, until end: UInt64, frames: Int, bytes: Int, progress: (RecordedCase) -> Void) throws {
        let signals = try Signals([.terminate, .interrupt])
        let poller = try Poller()
        try poller.watch(signals.descriptor, as: 0)
        try made.begin("connections")
        var isOver = false, isBroken = false
        while !isOver {
            isOver = try fetch(into: made) || made.frames >= frames || made.bytes >= bytes || svs_clock() >= end
            let hasMore = try !hasConnections && fetchConnections(into: made)
            progress(made)
            let longest = hasConnections ? Self.pause : Self.shortPause
            let pause = hasMore ? 0 : min((end - min(svs_clock(), end)) / 1_000_000, longest)
            if !isOver, try !poller.wait(milliseconds: Int32(pause)).isEmpty, signals.next() != nil { isOver = true }
        }
        while !hasConnections, !isBroken {
            let hasMore = try fetchConnections(into: made)
            progress(made)
            if try !poller.wait(milliseconds: hasMore || hasConnections ? 0 : Int32(Self.shortPause)).isEmpty, signals.next() != nil {
                isBroken = true
            }
        }
        guard !isBroken else { throw RunError("interrupted before the connections of the beginning were fetched") }
        _ = try fetch(into: made)
        let last = try client.endRecording()
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

    /// Fetches some of the file of the connections; whether more may be there at once.
    private func fetchConnections(into made: RecordedCase) throws -> Bool {
        let chunk = try client.chunk(.recordedConnections)
        rest += chunk.bytes
        if let end = rest.lastIndex(of: 0x0a) {
            try made.append(String(decoding: rest[...end], as: UTF8.self), to: "connections")
            rest.removeFirst(end + 1)
        }
        hasConnections = !chunk.hasMore
        guard hasConnections else { return !chunk.bytes.isEmpty }
        guard rest.isEmpty, try made.finish("connections") else { throw RunError("the director could not write down its connections") }
        return false
    }
}
