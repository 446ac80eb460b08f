internal import Admin
internal import CLinux
internal import Linux
internal import SystemPackage

/// The control socket and its clients, kept so that a client outlives the director that answers it.
final class ControlClients {
    private var socket: ControlListener
    private var clients: [UInt64: HeldDescriptor] = [:]
    private var last: UInt64

    private static let listenerName = "control", clientName = "client-"

    /// Listens at `path`, as `ControlListener` does, or goes on with the socket and the clients that this process had as
    /// another program.
    /// - Parameter number: the last one that was given away; from the clock on no keeper of this boot gives one again.
    init(path: String, after number: UInt64 = svs_clock(), inheriting earlier: InheritedDescriptors? = nil) throws(ControlError) {
        last = number
        if let held = earlier?.take(Self.listenerName), let inherited = ControlListener(adopting: held, path: path) {
            socket = inherited
        } else {
            socket = try ControlListener(path: path)
        }
        for (text, descriptor) in earlier?.takeAll(Self.clientName) ?? [] {
            guard let number = UInt64(text) else { continue }
            clients[number] = descriptor
            last = max(last, number)
        }
    }

    /// All of them as this process goes on with them when it becomes another program, by name.
    var legacy: [(name: String, descriptor: Int32)] {
        [(Self.listenerName, listener)] + clients.map { (Self.clientName + "\($0.key)", $0.value.number) }
    }

    var path: String { socket.path }
    /// Readable when a client has come.
    var listener: Int32 { socket.descriptor }
    /// Clients in the order in which they came.
    var numbers: [UInt64] { clients.keys.sorted() }

    /// Why a client could not be let in at the last attempt: no descriptors or memory are left. The listener stays ready then.
    private(set) var refusal: Errno?

    /// Takes the clients that wait, at most 64; their numbers.
    func accept() -> [UInt64] {
        refusal = nil
        var fresh: [UInt64] = []
        while fresh.count < 64 {
            var user: UInt32 = 0
            let descriptor = svs_control_accept(listener, &user)
            guard descriptor >= 0 else {
                let error = Errno(rawValue: 0 &- descriptor)
                if [.tooManyOpenFiles, .tooManyOpenFilesInSystem, .noBufferSpace, .noMemory].contains(error) { refusal = error }
                return fresh
            }
            last += 1
            clients[last] = HeldDescriptor(descriptor)
            fresh.append(last)
        }
        return fresh
    }

    func descriptor(of number: UInt64) -> Int32? { clients[number]?.number }

    func forget(_ number: UInt64) { clients[number] = nil }

    /// Listens anew where the socket file was removed; whether that was so. The old listener is closed then.
    func restore() throws(ControlError) -> Bool {
        guard socket.isRemoved else { return false }
        let fresh = try ControlListener(path: socket.path)
        socket.close()
        socket = fresh
        return true
    }

    /// Lets everybody go, and removes the socket file.
    func close() {
        clients = [:]
        socket.close()
    }
}
