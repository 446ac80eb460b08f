import Admin
import CLinux
import Glibc
import LVS
import Wire

/// A director that is a few arrays: enough to see what arrives over the control interface and to answer it.
struct MemoryDirector: ControlTarget {
    var state = Inventory()
    var table: [ConnectionRecord] = []
    var seen: [Command] = []

    mutating func apply(_ command: Command) throws(CommandError) {
        seen.append(command)
        switch command {
        case .addService(let key, let settings):
            guard place(key) == nil else { throw .serviceExists }
            guard ["rr", "wlc", "sh", "mh"].contains(settings.scheduler) else { throw .notFound }
            state.services.append(ServiceRecord(key: key, settings: settings))
        case .editService(let key, let settings): state.services[try find(key)].settings = settings
        case .deleteService(let key): state.services.remove(at: try find(key))
        case .flush: state.services = []
        case .addServer(let key, let server, let settings):
            let service = try find(key)
            guard settings.weight >= 0 else { throw .outOfRange }
            guard !state.services[service].servers.contains(where: { $0.key == server }) else { throw .serverExists }
            state.services[service].servers.insert(ServerRecord(key: server, settings: settings), at: 0)
        case .editServer(let key, let server, let settings):
            let (i, j) = try find(key, server)
            state.services[i].servers[j].settings = settings
        case .deleteServer(let key, let server):
            let (i, j) = try find(key, server)
            state.services[i].servers.remove(at: j)
        case .setTimeouts(let tcp, let fin, let udp):
            if tcp != 0 { state.timeouts.tcp = tcp }
            if fin != 0 { state.timeouts.fin = fin }
            if udp != 0 { state.timeouts.udp = udp }
        case .zero(let key): if let key { _ = try find(key) }
        case .startDaemon(let daemon):
            guard !state.daemons.contains(where: { $0.role == daemon.role }) else { throw .daemonRunning }
            state.daemons.append(daemon)
        case .stopDaemon(let role):
            guard let place = state.daemons.firstIndex(where: { $0.role == role }) else { throw .daemonNotRunning }
            state.daemons.remove(at: place)
        }
    }

    private func place(_ key: ServiceKey) -> Int? { state.services.firstIndex { $0.key == key } }

    private func find(_ key: ServiceKey) throws(CommandError) -> Int {
        guard let place = place(key) else { throw .noSuchService }
        return place
    }

    private func find(_ key: ServiceKey, _ server: ServerKey) throws(CommandError) -> (Int, Int) {
        let service = try find(key)
        guard let place = state.services[service].servers.firstIndex(where: { $0.key == server }) else { throw .noSuchServer }
        return (service, place)
    }

    func inventory() -> Inventory { state }
    func connections() -> [ConnectionRecord] { table }

    mutating func answer(_ question: ControlQuestion, from client: Int32) throws(AskError) -> ControlReply {
        switch question {
        case .explain(let packet, _): return .text(String(packet.reversed()))
        case .recorded: return .chunk(.init(hasMore: true, bytes: (0..<300_000).map { UInt8($0 % 251) }))
        case .startRecording(let request): throw AskError("\(request.clients): no addresses")
        default: return .text("")
        }
    }
}

/// A control server with its director and a thread that is its poll loop. Only that thread touches the director until
/// `stop` has joined it.
final class ControlBench: @unchecked Sendable {
    let folder: String
    let path: String
    private let server: ControlServer
    private var director: MemoryDirector
    private let isStopping: UnsafeMutablePointer<Bool>
    /// Where those come in who may only look, when there is such a door.
    private let onlookers: ControlListener?
    private var number: UInt64 = 0
    private var thread = pthread_t()

    /// - Parameter onlyLooks: whoever connects may only look.
    init(
        _ director: MemoryDirector = MemoryDirector(), patience: UInt64 = 30, in folder: String = temporaryFolder(),
        onlyLooks: Bool = false
    ) throws {
        self.folder = folder
        mkdir(folder, 0o700)
        path = folder + "/svs.sock"
        self.director = director
        let listener = try ControlListener(path: path)
        onlookers = onlyLooks ? listener : nil
        server = try onlyLooks ? ControlServer(owner: geteuid()) : ControlServer(listener)
        server.patience = patience
        isStopping = .allocate(capacity: 1)
        isStopping.initialize(to: false)
        pthread_create(
            &thread, nil,
            { context in
                Unmanaged<ControlBench>.fromOpaque(context!).takeUnretainedValue().run()
                return nil
            }, Unmanaged.passUnretained(self).toOpaque())
    }

    private func run() {
        while !isStopping.pointee {
            letInOnlookers()
            server.serve(&director, waiting: 5)
        }
    }

    private func letInOnlookers() {
        var user: UInt32 = 0
        guard let descriptor = onlookers.map({ svs_control_accept($0.descriptor, &user) }), descriptor >= 0 else { return }
        number += 1
        server.adopt(client: descriptor, number: number, onlyLooks: true)
    }

    /// Waits until nothing is left that a client has asked: the server serves many in an order of its own, so one that is
    /// answered says nothing of the others.
    func waitUntilServed(seconds: Int32 = 20) -> Bool {
        for _ in 0..<seconds * 1_000 {
            var work = pollfd(fd: server.descriptor, events: Int16(POLLIN), revents: 0)
            if poll(&work, 1, 0) == 0 { return true }
            usleep(1_000)
        }
        return false
    }

    /// Ends the loop and hands the director over.
    func stop() -> MemoryDirector {
        isStopping.pointee = true
        pthread_join(thread, nil)
        server.close()
        onlookers?.close()
        rmdir(folder)
        return director
    }
}

func temporaryFolder() -> String {
    var template = Array("/tmp/svs-control.XXXXXX".utf8CString)
    return template.withUnsafeMutableBufferPointer { mkdtemp($0.baseAddress!) }.map { String(cString: $0) } ?? "/tmp"
}
