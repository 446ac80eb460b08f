internal import Admin
internal import CLinux
internal import Glibc
internal import Linux
internal import Runtime
internal import SystemPackage

/// The control socket, the one for those who may only look, and the clients of both, kept so that a client outlives the director
/// that answers it.
final class ControlClients {
    /// Where clients knock.
    private struct Listener {
        var socket: ControlListener
        var group: UInt32?
        var onlyLooks = false
    }

    /// A client, with its descriptor for as long as it is kept.
    private struct Client {
        var descriptor: HeldDescriptor
        var onlyLooks: Bool
    }

    private var doors: [Listener] = []
    private var clients: [UInt64: Client] = [:]
    private var last: UInt64

    /// By which names this process leaves listeners and clients to another program that it becomes.
    private enum Name {
        static func listener(_ onlyLooks: Bool) -> String { onlyLooks ? "monitor" : "control" }
        static func client(_ onlyLooks: Bool) -> String { onlyLooks ? "onlooker-" : "client-" }
    }

    /// Listens at `path`, as `ControlListener` does, or goes on with the socket and the clients that this process had as
    /// another program.
    /// - Parameter number: the last one that was given away; from the clock on no keeper of this boot gives one again.
    init(path: String, after number: UInt64 = svs_clock(), inheriting earlier: InheritedDescriptors? = nil) throws(ControlError) {
        last = number
        try open(path, inheriting: earlier)
        takeClients(earlier, onlyLooks: false)
    }

    /// Both sockets that a command line wants.
    convenience init(_ configuration: Keeper.Configuration, inheriting earlier: InheritedDescriptors) throws(ControlError) {
        try self.init(path: configuration.control, inheriting: earlier)
        guard let monitor = configuration.monitor else { return }
        do throws(ControlError) { try open(monitor, inheriting: earlier) } catch {
            guard !monitor.isAskedFor else { throw error }
            configuration.log.say("note: \(error); nobody but root can look on")
        }
    }

    /// Opens the door for those who may only look too.
    func open(_ monitor: Keeper.MonitorPlace, inheriting earlier: InheritedDescriptors? = nil) throws(ControlError) {
        if !monitor.isAskedFor, let end = monitor.path.lastIndex(of: "/") { _ = mkdir(String(monitor.path[..<end]), 0o755) }
        try open(monitor.path, group: monitor.group, onlyLooks: true, inheriting: earlier)
        takeClients(earlier, onlyLooks: true)
    }

    private func open(
        _ path: String, group: UInt32? = nil, onlyLooks: Bool = false, inheriting earlier: InheritedDescriptors?
    ) throws(ControlError) {
        let held = earlier?.take(Name.listener(onlyLooks)).flatMap { ControlListener(adopting: $0, path: path) }
        let socket: ControlListener
        if let held { socket = held } else { socket = try ControlListener(path: path, group: group) }
        doors.append(Listener(socket: socket, group: group, onlyLooks: onlyLooks))
    }

    private func takeClients(_ earlier: InheritedDescriptors?, onlyLooks: Bool) {
        for (text, descriptor) in earlier?.takeAll(Name.client(onlyLooks)) ?? [] {
            guard let number = UInt64(text) else { continue }
            clients[number] = Client(descriptor: descriptor, onlyLooks: onlyLooks)
            last = max(last, number)
        }
    }

    /// All of them as this process goes on with them when it becomes another program, by name.
    var legacy: [(name: String, descriptor: Int32)] {
        doors.map { (Name.listener($0.onlyLooks), $0.socket.descriptor) }
            + clients.map { (Name.client($0.value.onlyLooks) + "\($0.key)", $0.value.descriptor.number) }
    }

    var paths: [String] { doors.map(\.socket.path) }
    /// Readable when a client has come.
    var listeners: [Int32] { doors.map(\.socket.descriptor) }
    /// Clients in the order in which they came.
    var numbers: [UInt64] { clients.keys.sorted() }

    /// Why a client could not be let in at the last attempt: no descriptors or memory are left. The listeners stay ready then.
    private(set) var refusal: Errno?

    /// Takes the clients that wait, at most 64 of each door; their numbers.
    func accept() -> [UInt64] {
        refusal = nil
        return doors.flatMap { accept($0) }
    }

    private func accept(_ door: Listener) -> [UInt64] {
        var fresh: [UInt64] = []
        while fresh.count < 64 {
            var user: UInt32 = 0
            let descriptor = svs_control_accept(door.socket.descriptor, &user)
            guard descriptor >= 0 else {
                let error = Errno(rawValue: 0 &- descriptor)
                if [.tooManyOpenFiles, .tooManyOpenFilesInSystem, .noBufferSpace, .noMemory].contains(error) { refusal = error }
                return fresh
            }
            last += 1
            clients[last] = Client(descriptor: HeldDescriptor(descriptor), onlyLooks: door.onlyLooks)
            fresh.append(last)
        }
        return fresh
    }

    func client(_ number: UInt64) -> (descriptor: Int32, onlyLooks: Bool)? {
        clients[number].map { ($0.descriptor.number, $0.onlyLooks) }
    }

    func forget(_ number: UInt64) { clients[number] = nil }

    /// Listens anew where a socket file was removed. The old listener is closed then.
    /// - Returns: the paths where that was so.
    func restore() throws(ControlError) -> [String] {
        var restored: [String] = []
        for place in doors.indices where doors[place].socket.isRemoved {
            let fresh = try ControlListener(path: doors[place].socket.path, group: doors[place].group)
            doors[place].socket.close()
            doors[place].socket = fresh
            restored.append(fresh.path)
        }
        return restored
    }

    /// Lets everybody go, and removes the socket files.
    func close() {
        clients = [:]
        for door in doors { door.socket.close() }
    }
}
