import Glibc
import Host
import LVS
import Linux
import Replay
import SystemPackage
import Wire

/// The sockets of the synchronisation daemons that run, one for each port. A daemon whose interface is away, or is made anew,
/// gets its sockets when that is there.
final class SyncSockets {
    private struct OpenSocket {
        var endpoint: SyncEndpoint
        /// The kernel's number of the interface that it was opened on.
        var interface: Int32
        var socket: SyncSocket
    }

    private let requests: any HostRequests
    private let poller: Poller
    private let token: UInt64
    private let log: Log
    private var senders: [OpenSocket] = []
    private var receivers: [OpenSocket] = []
    /// What was said of each socket that could not be opened.
    private var said: [SyncEndpoint: String] = [:]
    private var unsent: [SyncMessage] = []
    private let buffer = Slab<UInt8>(capacity: 65_536)
    /// Messages that are read before frames have their turn again.
    private static let most = 64

    /// - Parameter token: what the poller says when something was heard.
    init(_ requests: any HostRequests, _ poller: Poller, token: UInt64, log: Log) {
        self.requests = requests
        self.poller = poller
        self.token = token
        self.log = log
    }

    /// Opens and closes sockets so that they are those of the daemons that run.
    func follow(_ director: borrowing Director) {
        var wanted: [(SyncEndpoint, Int32)] = []
        for daemon in director.syncDaemons {
            guard let group = daemon.group, let interface = director.network.interface(named: daemon.interface), interface.isUp else {
                continue
            }
            // Without an address of the interface's there is nothing to send from yet.
            guard let source = daemon.role == .backup ? .unspecified(group.family) : director.network.syncSource(of: daemon) else {
                continue
            }
            for offset in 0..<director.syncPortCount {
                let endpoint = SyncEndpoint(
                    role: daemon.role, interface: daemon.interface, group: group, port: daemon.port &+ UInt16(truncatingIfNeeded: offset),
                    timeToLive: daemon.timeToLive, source: source, buffer: max(director.tunables.syncSocketSize, 0))
                wanted.append((endpoint, interface.index))
            }
        }
        bring(&senders, to: wanted.filter { $0.0.role == .master })
        bring(&receivers, to: wanted.filter { $0.0.role == .backup })
        if wanted.isEmpty { said = [:] }
    }

    private func bring(_ sockets: inout [OpenSocket], to wanted: [(endpoint: SyncEndpoint, interface: Int32)]) {
        let old = sockets
        for open in old where !wanted.contains(where: { $0 == (open.endpoint, open.interface) }) {
            if open.endpoint.role == .backup { poller.forget(open.socket.descriptor) }
        }
        sockets = wanted.compactMap { endpoint, interface in
            if let open = old.first(where: { $0.endpoint == endpoint && $0.interface == interface }) { return open }
            return open(endpoint, interface)
        }
    }

    private func open(_ endpoint: SyncEndpoint, _ interface: Int32) -> OpenSocket? {
        do throws(HostError) {
            let socket = try requests.openSync(endpoint)
            if endpoint.role == .backup {
                do throws(Errno) { try poller.watch(socket.descriptor, as: token) } catch {
                    throw HostError("wait for synchronisation messages", errno: error.rawValue)
                }
            }
            if said.removeValue(forKey: endpoint) != nil { log.say("synchronisation on \(endpoint.interface) works now") }
            return OpenSocket(endpoint: endpoint, interface: interface, socket: socket)
        } catch {
            let text = "\(error); it is tried again every second"
            if said.updateValue(text, forKey: endpoint) != text { log.say(text) }
            return nil
        }
    }

    /// Sends what the master says. What the socket does not take waits, and the director is told.
    func send(_ director: inout Director) {
        unsent += director.takeSyncMessages()
        guard !unsent.isEmpty else { return director.syncIsBlocked = false }
        var left: [SyncMessage] = []
        for message in unsent {
            if !left.isEmpty || !send(message) { left.append(message) }
        }
        unsent = left
        director.syncIsBlocked = !left.isEmpty
    }

    private func send(_ message: SyncMessage) -> Bool {
        guard message.portOffset < senders.count else { return true }
        do throws(HostError) { return try senders[message.portOffset].socket.send(message.bytes) } catch {
            let endpoint = senders[message.portOffset].endpoint, text = "\(error)"
            if said.updateValue(text, forKey: endpoint) != text { log.say(text) }
            return true
        }
    }

    /// Lets the director hear what has come. That stands in no file of a recording, which ends with it.
    func receive(for engine: inout ControlledDirector, at now: Instant, _ packets: PacketLoop) {
        packets.advance(&engine, to: now)
        let bytes = Bytes(UnsafeMutableRawPointer(buffer.mutableAddress(checked: 0)), count: buffer.capacity)
        var count = 0
        for open in receivers {
            while count < Self.most, let length = try? open.socket.receive(into: bytes) {
                count += 1
                if length <= bytes.count { engine.director.hear(bytes.prefix(length), at: now) }
            }
        }
        if count > 0 { engine.recording?.pieces.stop("another director told of its connections") }
    }
}
