import Admin
import CLinux
import Glibc
import LVS
import Replay
import SystemPackage
import Wire

/// A recording that a running director makes for `svs record`, which fetches it bit by bit over the control socket. The
/// services and connections of its beginning are written by a fork of the process, so that a table of any size stops no packet.
final class LiveRecording {
    let pieces: Recording
    private let network: Network
    private var pipe: Int32 = -1
    private var child: Int32 = 0
    /// Seconds of the last visit.
    private var visited = svs_monotonic_seconds()
    /// Seconds without a visit after which nobody comes any more.
    private static let patience: UInt64 = 5
    /// Seconds of processor time that writing the connections may take.
    private static let work: UInt32 = 120
    /// Stands behind the services, before the connections.
    static let end: UInt8 = 0

    init(_ pieces: Recording, _ director: borrowing Director, _ filter: RecordFilter) throws(AskError) {
        self.pieces = pieces
        network = director.network
        child = DirectorCopy.fork(&pipe, seconds: Self.work, director)
        guard child >= 0 else { throw .copying(child) }
        if child == 0 {
            let pipe = pipe, services = Array(DirectorText.services(director.inventory()).utf8) + [Self.end]
            guard svs_fork_write(pipe, services, services.count) == 0 else { svs_fork_end(pipe, nil, 0) }
            let isWritten = SnapshotText.write(director, offset: pieces.offset, filter) { svs_fork_write(pipe, $0, $0.count) == 0 }
            // A file that was cut off ends within a line.
            svs_fork_end(pipe, [UInt8](isWritten ? [] : [0x23]), isWritten ? 0 : 1)
        }
        _ = fcntl(pipe, F_SETFL, O_NONBLOCK)
    }

    deinit {
        guard child > 0 else { return }
        close(pipe)
        waitpid(child, nil, 0)
    }

    var isForgotten: Bool { svs_monotonic_seconds() > visited + Self.patience }

    /// What waits.
    func fetch() -> ControlReply.Chunk {
        visited = svs_monotonic_seconds()
        return ControlReply.Chunk(hasMore: pieces.end == nil, bytes: pieces.take())
    }

    /// Some of the two files that the copy writes.
    func fetchConnections() -> ControlReply.Chunk {
        visited = svs_monotonic_seconds()
        var chunk = ControlReply.Chunk(hasMore: true, bytes: [])
        var piece = [UInt8](repeating: 0, count: 65536)
        while chunk.hasMore, chunk.bytes.count < 1 << 18 {
            let count = read(pipe, &piece, piece.count)
            if count < 0 { break }
            chunk.hasMore = count > 0
            chunk.bytes += piece.prefix(count)
        }
        return chunk
    }

    /// The network with the neighbours that became known meanwhile, and why the recording ended if it did by itself.
    func end(_ director: borrowing Director) -> ControlReply.RecordingEnd {
        ControlReply.RecordingEnd(
            network: DirectorText.network(network, until: director.network), reason: pieces.end ?? "", ownFrames: pieces.ownFrames)
    }
}

extension ControlledDirector {
    /// Begins a recording.
    mutating func startRecording(_ request: ControlQuestion.RecordingRequest) throws(AskError) -> ControlReply.RecordingStart {
        guard recording == nil else { throw AskError(.resourceBusy, "somebody records already") }
        var indices: Set<Int32> = []
        for name in request.interfaces {
            guard let interface = director.network.interface(named: name), interfaces.contains(name) else {
                throw AskError("\(name): the director takes no frames from this interface, only from \(interfaces.joined(separator: ", "))")
            }
            indices.insert(interface.index)
        }
        let filter: RecordFilter
        do throws(FileError) {
            let commands = request.services.isEmpty ? [] : DirectorText.commands(director.inventory())
            filter = try RecordFilter(
                clients: request.clients, services: request.services, rules: commands.map { ServicesFile.Rule(line: 0, command: $0) })
        } catch { throw AskError(error.description) }
        let pieces = Recording(filter, interfaces: indices, calendar: Instant(svs_calendar()), clock: director.now)
        // What is carried is recorded by nobody, and the copy asks no carrier.
        director.pausesCarrying = true
        director.collectCarried()
        do throws(AskError) { recording = try LiveRecording(pieces, director, filter) } catch {
            director.pausesCarrying = false
            throw error
        }
        var run = RunFile()
        run.hostEmulation = director.hostEmulation
        run.marksFromHost = rules.givesMarks
        run.honoursFirewall = rules.honours
        var files = [("sysctl", DirectorText.switches(director)), ("run", start + run.hostText)]
        if let host = rules.host { files.append(("firewall", host.text)) }
        for (name, text) in marks.sorted(by: { $0.key < $1.key }) where !text.isEmpty { files.append((name, text)) }
        return ControlReply.RecordingStart(
            files: files.map { .init(name: $0.0, text: $0.1) },
            interfaces: director.network.interfaces.map { .init(index: $0.index, name: $0.name) },
            taken: interfaces)
    }
}
