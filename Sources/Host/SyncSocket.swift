internal import CLinux
internal import Glibc
public import LVS
public import Wire

/// What a synchronisation daemon's socket is to be: plain data, so that somebody else may open it.
public struct SyncEndpoint: Hashable, Sendable {
    public var role: SyncDaemon.Role
    public var interface: String
    public var group: IPAddress
    public var port: UInt16
    public var timeToLive: UInt8
    /// Master: the address to send from.
    public var source: IPAddress
    /// Bytes of the socket's buffer (`sync_sock_size`), 0 for the system's own.
    public var buffer: Int32

    public init(
        role: SyncDaemon.Role, interface: String, group: IPAddress, port: UInt16, timeToLive: UInt8, source: IPAddress, buffer: Int32
    ) {
        self.role = role
        self.interface = interface
        self.group = group
        self.port = port
        self.timeToLive = timeToLive
        self.source = source
        self.buffer = buffer
    }

    /// Whether it is one that a daemon has: a group, with addresses of one family.
    public var isSound: Bool {
        group.isMulticast && source.family == group.family && port != 0 && buffer >= 0
            && (1...15).contains(interface.utf8.count) && !interface.utf8.contains(0)
    }
}

/// A UDP socket of a synchronisation daemon.
public final class SyncSocket {
    public let descriptor: Int32

    /// Opens one, with this process's rights.
    public init(opening endpoint: SyncEndpoint) throws(HostError) {
        guard endpoint.isSound else { throw HostError("open a synchronisation socket", errno: EINVAL) }
        let group = Self.bytes(of: endpoint.group), source = Self.bytes(of: endpoint.source)
        descriptor =
            endpoint.role == .master
            ? svs_sync_sender(endpoint.interface, source, group, endpoint.port, endpoint.timeToLive, endpoint.buffer)
            : svs_sync_receiver(endpoint.interface, group, endpoint.port, endpoint.buffer)
        if descriptor < 0 {
            throw HostError(
                "open a synchronisation socket on \(endpoint.interface) for \(endpoint.group), port \(endpoint.port)", errno: -descriptor)
        }
    }

    /// Goes on with one that somebody else has opened, its descriptor from now on this one's.
    public init(adopting descriptor: Int32) { self.descriptor = descriptor }

    deinit { if descriptor >= 0 { close(descriptor) } }

    private static func bytes(of address: IPAddress) -> [UInt8] {
        [address.high, address.low].flatMap { half in (0..<8).map { UInt8(truncatingIfNeeded: half >> (56 - 8 * $0)) } }
    }

    /// Sends a message. False when the socket takes no more for now; whatever else is wrong loses the message, as it would in the
    /// network.
    public func send(_ message: [UInt8]) throws(HostError) -> Bool {
        if Glibc.send(descriptor, message, message.count, Int32(MSG_NOSIGNAL)) >= 0 { return true }
        switch errno {
        case EAGAIN, ENOBUFS: return false
        // What was refused before: nobody listens there.
        case ECONNREFUSED, EINTR: return true
        default: throw HostError("send a synchronisation message", errno: errno)
        }
    }

    /// Reads one message; `nil` when none waits.
    public func receive(into bytes: Bytes) throws(HostError) -> Int? {
        let count = recv(descriptor, bytes.base, bytes.count, Int32(MSG_TRUNC))
        if count >= 0 { return count }
        switch errno {
        case EAGAIN, EINTR: return nil
        default: throw HostError("hear a synchronisation message", errno: errno)
        }
    }
}
