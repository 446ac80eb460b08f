import Admin
import CLinux
import Glibc
import LVS
import Replay
import Wire

/// A recording that a running director makes for `svs record`, which fetches it bit by bit over the control socket. The
/// connections of its beginning are written by a fork of the process, so that a table of any size stops no packet.
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

    init(_ pieces: Recording, _ director: borrowing Director, _ filter: RecordFilter) throws(AskError) {
        self.pieces = pieces
        network = director.network
        child = svs_fork(&pipe, Self.work)
        guard child >= 0 else {
            throw AskError(errno: 0 - child, "no copy of the director could be made: \(String(cString: strerror(0 - child)))")
        }
        if child == 0 {
            var snapshot = director.snapshot()
            snapshot.clock += pieces.offset
            snapshot.keep(filter)
            let bytes = Array(SnapshotText(snapshot).text.utf8)
            svs_fork_end(pipe, bytes, bytes.count)
        }
        _ = fcntl(pipe, F_SETFL, O_NONBLOCK)
    }

    deinit {
        guard child > 0 else { return }
        close(pipe)
        kill(child, SIGKILL)
        waitpid(child, nil, 0)
    }

    var isForgotten: Bool { svs_monotonic_seconds() > visited + Self.patience }

    /// First a byte: whether there will be more. Then what waits.
    func fetch() -> [UInt8] {
        visited = svs_monotonic_seconds()
        return [pieces.end == nil ? 1 : 0] + pieces.take()
    }

    /// First a byte: whether there will be more. Then some of the file.
    func fetchConnections() -> [UInt8] {
        visited = svs_monotonic_seconds()
        var answer: [UInt8] = [1]
        var piece = [UInt8](repeating: 0, count: 65536)
        while answer.count < 4 << 20 {
            let count = read(pipe, &piece, piece.count)
            if count < 0 { return answer }
            if count == 0 {
                answer[0] = 0
                return answer
            }
            answer += piece.prefix(count)
        }
        return answer
    }

    /// The network with the neighbours that became known meanwhile, and why the recording ended if it did by itself.
    func last(_ director: borrowing Director) -> [UInt8] {
        DirectorText.joined([
            ("network", DirectorText.network(network, until: director.network)), ("end", pieces.end ?? ""),
            ("own", "\(pieces.ownFrames)"),
        ])
    }
}

extension ControlledDirector {
    /// Begins a recording. The question has a line for each `client`, `service` and `interface` that it is about.
    mutating func startRecording(_ question: [UInt8]) throws(AskError) -> [UInt8] {
        guard recording == nil else { throw AskError(errno: EBUSY, "somebody records already") }
        var clients: [String] = [], services: [String] = [], indices: Set<Int32> = []
        for line in String(decoding: question, as: UTF8.self).split(separator: "\n") {
            let words = line.split(separator: " ")
            guard words.count == 2 else { throw AskError("\(line): expected client, service or interface, and a value") }
            switch words[0] {
            case "client": clients.append(String(words[1]))
            case "service": services.append(String(words[1]))
            case "interface":
                guard let interface = director.network.interface(named: String(words[1])), interfaces.contains(interface.name) else {
                    throw AskError(
                        "\(words[1]): the director takes no frames from this interface, only from \(interfaces.joined(separator: ", "))")
                }
                indices.insert(interface.index)
            default: throw AskError("\(words[0]): expected client, service or interface")
            }
        }
        let inventory = director.inventory()
        let text = DirectorText.services(inventory)
        let filter: RecordFilter
        do throws(FileError) {
            filter = try RecordFilter(
                clients: clients, services: services, rules: ServicesFile(text, name: "services", names: SystemNames()).rules)
        } catch { throw AskError(error.description) }
        var texts: [(name: String, text: String)] = [("services", text), ("sysctl", DirectorText.switches(director))]
        for (name, text) in marks.sorted(by: { $0.key < $1.key }) {
            if let text { if !text.isEmpty { texts.append((name, text)) } } else { texts.append(("unknown", name)) }
        }
        let pieces = Recording(filter, interfaces: indices, calendar: Instant(svs_calendar()), clock: director.now)
        recording = try LiveRecording(pieces, director, filter)
        var run = RunFile()
        run.hostEmulation = director.hostEmulation
        texts.append(("run", start + run.hostText))
        texts.append(("interfaces", director.network.interfaces.map { "\($0.index) \($0.name)\n" }.joined()))
        texts.append(("taken", interfaces.joined(separator: "\n")))
        return DirectorText.joined(texts)
    }
}
