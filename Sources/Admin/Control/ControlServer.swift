internal import CLinux
internal import Glibc
internal import Linux
internal import SystemPackage

/// Where clients of a director knock: a listening AF_UNIX SOCK_SEQPACKET socket and the file that names it.
public struct ControlListener: Sendable {
    public let path: String
    /// The listening socket, non-blocking.
    let descriptor: Int32
    private var device: UInt64 = 0
    private var inode: UInt64 = 0

    /// Listens at `path` with mode 0600. A socket file that nobody listens at is replaced.
    public init(path: String) throws(ControlError) {
        self.path = path
        descriptor = svs_control_listen(path, &device, &inode)
        guard descriptor >= 0 else { throw .listening(path, 0 &- descriptor) }
    }

    /// Whether there is no such file any more, so that no client finds the way.
    var isRemoved: Bool { access(path, F_OK) != 0 && errno == ENOENT }

    /// Listens no more, and removes the file if it is still the one that was made.
    func close() {
        svs_control_unlink(path, device, inode)
        Glibc.close(descriptor)
    }
}

/// The answering end of the control socket, on which each packet is one netlink datagram.
///
/// It never blocks and has no thread: its owner watches `descriptor` and calls `serve` between batches. Only root, and the
/// user the server runs as, may do more than ask for the family; others get EPERM. A client that does not read is not read
/// from either, and is disconnected when it has not moved for `patience` seconds.
public final class ControlServer {
    /// Seconds that an answer waits for its reader.
    public var patience: UInt64 = 30
    /// Clients at a time; more are turned away.
    public static var maximumPeers: Int { 256 }

    private var listener: ControlListener
    private let poller: Poller
    private var isOpen = true
    private var peers: [Int32: ControlPeer] = [:]
    private var buffer = [UInt8](repeating: 0, count: ControlConstants.requestLength)

    /// Listens at `path`, as `ControlListener` does.
    public convenience init(path: String) throws(ControlError) { try self.init(ControlListener(path: path)) }

    /// Answers at a socket that is there already.
    public init(_ listener: ControlListener) throws(ControlError) {
        self.listener = listener
        do throws(Errno) {
            poller = try Poller()
            try poller.watch(listener.descriptor, as: UInt64(listener.descriptor))
        } catch {
            listener.close()
            throw .listening(listener.path, error.rawValue)
        }
    }

    deinit { close() }

    public var path: String { listener.path }

    /// Disconnects every client and removes the socket file.
    public func close() {
        guard isOpen else { return }
        isOpen = false
        for descriptor in peers.keys { Glibc.close(descriptor) }
        peers = [:]
        listener.close()
    }

    /// Listens anew where the socket file was removed; clients that are connected stay.
    /// - Returns: whether that was so.
    public func restore() throws(ControlError) -> Bool {
        guard isOpen, listener.isRemoved else { return false }
        let fresh = try ControlListener(path: listener.path)
        do throws(Errno) { try poller.watch(fresh.descriptor, as: UInt64(fresh.descriptor)) } catch {
            fresh.close()
            throw .listening(listener.path, error.rawValue)
        }
        poller.forget(listener.descriptor)
        listener.close()
        listener = fresh
        return true
    }

    /// Readable when `serve` has something to do.
    public var descriptor: Int32 { poller.descriptor }

    /// Takes new clients, answers requests, and sends what clients are ready for. The work of one call is bounded; what is
    /// left is ready at once. Called at least every few seconds, so that clients that do not read are seen.
    /// - Parameter milliseconds: how long to wait for something to do.
    public func serve<Target: ControlTarget & ~Copyable>(_ target: inout Target, waiting milliseconds: Int32 = 0) {
        guard isOpen, let ready = try? poller.wait(milliseconds: milliseconds) else { return }
        let now = svs_monotonic_seconds()
        for place in ready {
            let descriptor = Int32(truncatingIfNeeded: poller[place])
            if descriptor == listener.descriptor {
                acceptPeers(now)
            } else if let peer = peers[descriptor] {
                if serve(peer, now, &target) { watch(peer) } else { drop(peer) }
            }
        }
        for peer in peers.values where peer.isBusy && now > peer.moved &+ patience { drop(peer) }
    }

    /// Has the poller wait for what the client has to do next.
    private func watch(_ peer: ControlPeer) {
        guard peer.isBusy != peer.isWatchedForRoom else { return }
        peer.isWatchedForRoom = peer.isBusy
        try? poller.change(peer.descriptor, to: peer.isBusy ? .writable : .readable, as: UInt64(peer.descriptor))
    }

    private func acceptPeers(_ now: UInt64) {
        for _ in 0..<64 {
            var user: UInt32 = 0
            let descriptor = svs_control_accept(listener.descriptor, &user)
            guard descriptor >= 0 else { return }
            guard peers.count < Self.maximumPeers, (try? poller.watch(descriptor, as: UInt64(descriptor))) != nil else {
                Glibc.close(descriptor)
                continue
            }
            peers[descriptor] = ControlPeer(descriptor: descriptor, isPrivileged: user == 0 || user == geteuid(), now: now)
        }
    }

    private func drop(_ peer: ControlPeer) {
        peers[peer.descriptor] = nil
        poller.forget(peer.descriptor)
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
