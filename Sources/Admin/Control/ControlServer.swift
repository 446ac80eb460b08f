import CLinux
import Glibc

/// The listening end of the control socket: an AF_UNIX SOCK_SEQPACKET socket on which each packet is one netlink datagram.
///
/// It never blocks and has no thread: its owner polls `watches` and calls `serve` between batches. Only root, and the user
/// the server runs as, may do more than ask for the family; others get EPERM. A client that does not read is not read from
/// either, and is disconnected when it has not moved for `patience` seconds.
public final class ControlServer {
    public let path: String
    /// Seconds that an answer waits for its reader.
    public var patience: UInt64 = 30
    /// Clients at a time; more are turned away.
    public static var maximumPeers: Int { 256 }

    private var listener: Int32
    private var device: UInt64 = 0
    private var inode: UInt64 = 0
    private var peers: [Int32: ControlPeer] = [:]
    private var buffer = [UInt8](repeating: 0, count: ControlConstants.requestLength)

    /// Listens at `path` with mode 0600. A socket file that nobody listens at is replaced.
    public init(path: String) throws(ControlError) {
        self.path = path
        listener = svs_control_listen(path, &device, &inode)
        guard listener >= 0 else { throw .listening(path, 0 &- listener) }
    }

    deinit { close() }

    /// Disconnects every client and removes the socket file.
    public func close() {
        guard listener >= 0 else { return }
        for descriptor in peers.keys { Glibc.close(descriptor) }
        peers = [:]
        svs_control_unlink(path, device, inode)
        Glibc.close(listener)
        listener = -1
    }

    /// A descriptor to poll, and for what.
    public struct Watch: Hashable, Sendable {
        public var descriptor: Int32
        /// POLLIN or POLLOUT.
        public var events: Int16
    }

    /// What to poll until the next call of `serve`.
    public var watches: [Watch] {
        guard listener >= 0 else { return [] }
        var watches = [Watch(descriptor: listener, events: Int16(POLLIN))]
        for peer in peers.values {
            watches.append(Watch(descriptor: peer.descriptor, events: Int16(peer.isBusy ? POLLOUT : POLLIN)))
        }
        return watches
    }

    /// Waits until something is ready, for an owner without a poll loop of its own.
    public func wait(milliseconds: Int32) -> [Int32] {
        var polled = watches.map { pollfd(fd: $0.descriptor, events: $0.events, revents: 0) }
        guard poll(&polled, nfds_t(polled.count), milliseconds) > 0 else { return [] }
        return polled.filter { $0.revents != 0 }.map(\.fd)
    }

    /// Takes new clients, answers requests, and sends what clients are ready for. Descriptors that are not the server's
    /// are ignored. The work of one call is bounded; what is left shows in `watches` and is ready at once.
    public func serve<Target: ControlTarget & ~Copyable>(_ ready: some Sequence<Int32>, target: inout Target) {
        guard listener >= 0 else { return }
        let now = svs_monotonic_seconds()
        for descriptor in ready {
            if descriptor == listener {
                acceptPeers(now)
            } else if let peer = peers[descriptor], !serve(peer, now, &target) {
                drop(peer)
            }
        }
        for peer in peers.values where peer.isBusy && now > peer.moved &+ patience { drop(peer) }
    }

    private func acceptPeers(_ now: UInt64) {
        for _ in 0..<64 {
            var user: UInt32 = 0
            let descriptor = svs_control_accept(listener, &user)
            guard descriptor >= 0 else { return }
            guard peers.count < Self.maximumPeers else { Glibc.close(descriptor); continue }
            peers[descriptor] = ControlPeer(descriptor: descriptor, isPrivileged: user == 0 || user == geteuid(), now: now)
        }
    }

    private func drop(_ peer: ControlPeer) {
        peers[peer.descriptor] = nil
        Glibc.close(peer.descriptor)
    }

    /// Sends, answers and reads, in this order, until the client or the budget is exhausted; false when the client is gone.
    private func serve<Target: ControlTarget & ~Copyable>(_ peer: ControlPeer, _ now: UInt64, _ target: inout Target) -> Bool {
        for _ in 0..<64 {
            if let packet = peer.packet() {
                guard send(packet, to: peer, now) else { return true }
            } else if let request = peer.nextRequest() {
                peer.answer = answer(request, from: peer, &target)
            } else if !receive(from: peer, now) {
                return peer.isOpen
            }
        }
        return true
    }

    /// False when the client is not ready for more. What can't be delivered any more is discarded: a client may leave its
    /// last answer unread, and what it asked before is done all the same.
    private func send(_ packet: [UInt8], to peer: ControlPeer, _ now: UInt64) -> Bool {
        if !peer.isDeaf {
            let sent = svs_control_send(peer.descriptor, packet, packet.count)
            if sent == -Int(EAGAIN) { return false }
            if sent < 0 { peer.isDeaf = true }
            peer.moved = now
        }
        peer.sent(discardingRest: peer.isDeaf)
        return true
    }

    /// Reads one datagram; false when there is none, or nobody is left to send one.
    private func receive(from peer: ControlPeer, _ now: UInt64) -> Bool {
        let length = svs_control_receive(peer.descriptor, &buffer, buffer.count)
        if length == -Int(ECONNRESET) {
            // The other end closed with answers unread; what it sent before is still in the queue.
            peer.isDeaf = true
            return true
        }
        guard length > 0 else {
            if length != -Int(EAGAIN) { peer.isOpen = false }
            return false
        }
        peer.moved = now
        if length > buffer.count {
            peer.answer = ControlPeer.refusal(Array(buffer.prefix(NetlinkMessage.headerLength)), EMSGSIZE)
        } else if let messages = NetlinkMessage.messages(in: Array(buffer.prefix(length))) {
            peer.take(messages)
        } else {
            peer.answer = ControlPeer.refusal(Array(buffer.prefix(length)), EINVAL)
        }
        return true
    }
}
