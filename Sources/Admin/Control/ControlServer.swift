internal import CLinux
internal import Glibc
public import LVS
internal import Linux
internal import SystemPackage

/// The answering end of the control socket, on which each packet is one netlink datagram.
///
/// It never blocks and has no thread: its owner watches `descriptor` and calls `serve` between batches. Clients knock at a
/// listener, or another process that listens hands them over (`adopt`). Only root, and one user named when it is made, may do
/// more than ask for the family; others get EPERM. A client that does not read is not read
/// from either, and is disconnected when it has not moved for `patience` seconds.
public final class ControlServer {
    /// Seconds that an answer waits for its reader.
    public var patience: UInt64 = 30
    /// Clients at a time; more are turned away.
    public static var maximumPeers: Int { 256 }

    /// Is told the number of each client that has left or was turned away; its descriptor is closed here.
    public var clientGone: (UInt64) -> Void = { _ in }

    /// Is told each command of a client, whether it was refused, and the client's socket.
    public var carriedOut: (Command, CommandError?, Int32) -> Void = { _, _, _ in }

    /// Nanoseconds that one call works before the frames have their turn again.
    private static let turn: UInt64 = 1_000_000
    private var turns = 0
    /// How often something came or went.
    private var moves: UInt64 = 0
    /// Clients that made room for others, of whom the target is not told yet.
    private var sentAway: [Int32] = []
    /// The listener is left alone until then, because clients cannot be let in: seconds.
    private var restsUntil: UInt64?

    private var listener: ControlListener?
    /// Besides root, who may command.
    private let owner: UInt32
    private let clients: ClientTable
    private let poller: Poller
    /// Number of the last client that the listener brought.
    private var lastNumber: UInt64 = 0
    private var isOpen = true
    private var peers: [Int32: ControlPeer] = [:]
    private var buffer = [UInt8](repeating: 0, count: ControlConstants.requestLength)

    /// Listens at `path`, as `ControlListener` does.
    public convenience init(path: String) throws(ControlError) { try self.init(ControlListener(path: path)) }

    /// Answers at a socket that is there already.
    /// - Parameter owner: the user who may command besides root; without one, the user that this process runs as.
    public init(_ listener: ControlListener, owner: UInt32? = nil) throws(ControlError) {
        clients = ClientTable()
        self.listener = listener
        self.owner = owner ?? geteuid()
        do throws(Errno) {
            poller = try Poller()
            try poller.watch(listener.descriptor, as: UInt64(listener.descriptor))
        } catch {
            listener.close()
            throw .listening(listener.path, error.rawValue)
        }
    }

    /// Answers the clients that are handed over.
    /// - Parameters:
    ///   - owner: the user who may command besides root.
    ///   - clients: how far they were served already.
    public init(owner: UInt32, clients: ClientTable = ClientTable()) throws(ControlError) {
        (self.owner, self.clients) = (owner, clients)
        do throws(Errno) { poller = try Poller() } catch {
            throw ControlError(path: "control clients", errno: error.rawValue, reason: error.description)
        }
    }

    deinit { close() }

    /// Where clients knock; empty without a listener.
    public var path: String { listener?.path ?? "" }

    /// Disconnects every client and removes the socket file.
    public func close() {
        guard isOpen else { return }
        isOpen = false
        for descriptor in peers.keys { Glibc.close(descriptor) }
        peers = [:]
        listener?.close()
    }

    /// Takes over a client whom another process let in.
    /// - Parameters:
    ///   - descriptor: the connected socket, which belongs to the server from now on.
    ///   - number: what that process calls the client, from 1; none of those that are connected has it. By it the client is known
    ///     again that another server has served before.
    ///   - onlyLooks: it came where nobody may command, whoever it is.
    public func adopt(client descriptor: Int32, number: UInt64, onlyLooks: Bool = false) {
        var user: UInt32 = 0
        let peeked = isOpen ? svs_control_adopt(descriptor, &user) : -1
        guard peeked >= 0 else { return turnAway(descriptor, number) }
        admit(descriptor, number, onlyLooks ? .looking : permission(of: user), wasPeeked: peeked > 0, svs_monotonic_seconds())
    }

    /// To be called when all clients were handed over that there are: what is known of others is forgotten.
    public func forgetOthers() { clients.keepOnly(Set(peers.values.map(\.number))) }

    /// Readable when `serve` has something to do.
    public var descriptor: Int32 { poller.descriptor }

    /// Takes new clients, answers requests, and sends what clients are ready for. The work of one call is bounded; what is
    /// left is ready at once. Called at least every few seconds, so that clients that do not read are seen.
    /// - Parameter milliseconds: how long to wait for something to do.
    public func serve<Target: ControlTarget & ~Copyable>(_ target: inout Target, waiting milliseconds: Int32 = 0) {
        guard isOpen, let ready = try? poller.wait(milliseconds: milliseconds) else { return }
        let now = svs_monotonic_seconds()
        listenAgain(now)
        for descriptor in sentAway { target.clientLeft(descriptor) }
        sentAway = []
        // All clients together cost the frames no more than about a millisecond; who comes first changes.
        let descriptors = ready.map { Int32(truncatingIfNeeded: poller[$0]) }, end = svs_clock() &+ Self.turn
        turns &+= 1
        for place in descriptors.indices where place == 0 || svs_clock() < end {
            let descriptor = descriptors[(place + turns) % descriptors.count]
            if let listener, descriptor == listener.descriptor {
                acceptPeers(from: listener, now)
            } else if let peer = peers[descriptor] {
                if serve(peer, now, until: end, &target) { watch(peer) } else { drop(peer, &target) }
            }
        }
        for peer in peers.values where peer.isBusy && now > peer.moved &+ patience { drop(peer, &target) }
    }

    /// Has the poller wait for what the client has to do next.
    private func watch(_ peer: ControlPeer) {
        guard peer.isBusy != peer.isWatchedForRoom else { return }
        // What the kernel has no memory for now is tried again when the client is looked at next.
        guard (try? poller.change(peer.descriptor, to: peer.isBusy ? .writable : .readable, as: UInt64(peer.descriptor))) != nil else {
            return
        }
        peer.isWatchedForRoom = peer.isBusy
    }

    private func acceptPeers(from listener: ControlListener, _ now: UInt64) {
        for _ in 0..<64 {
            var user: UInt32 = 0
            let descriptor = svs_control_accept(listener.descriptor, &user)
            guard descriptor >= 0 else {
                if [-EMFILE, -ENFILE, -ENOBUFS, -ENOMEM].contains(descriptor) { rest(listener, now) }
                return
            }
            lastNumber += 1
            admit(descriptor, lastNumber, permission(of: user), wasPeeked: false, now)
        }
    }

    /// Without descriptors or memory clients cannot be let in, and the listener would stay ready all the time.
    private func rest(_ listener: ControlListener, _ now: UInt64) {
        poller.forget(listener.descriptor)
        restsUntil = now + 1
    }

    private func listenAgain(_ now: UInt64) {
        guard let end = restsUntil, now >= end, let listener else { return }
        restsUntil = (try? poller.watch(listener.descriptor, as: UInt64(listener.descriptor))) == nil ? now + 1 : nil
    }

    private func permission(of user: UInt32) -> ControlPermission { user == 0 || user == owner ? .everything : .nothing }

    private func admit(_ descriptor: Int32, _ number: UInt64, _ permission: ControlPermission, wasPeeked: Bool, _ now: UInt64) {
        if peers.count >= Self.maximumPeers { sendAway(for: permission == .everything, now) }
        guard peers.count < Self.maximumPeers, let row = clients.row(of: number),
            (try? poller.watch(descriptor, as: UInt64(descriptor))) != nil
        else { return turnAway(descriptor, number) }
        if wasPeeked {
            row.looksAgain = true
            guard svs_control_rewind(descriptor) == 0 else { return turnAway(descriptor, number) }
        }
        let peer = ControlPeer(
            descriptor: descriptor, number: number, permission: permission, row: row, wasPeeked: row.looksAgain, now: now)
        note(peer, now)
        peers[descriptor] = peer
    }

    /// Makes room where all places are taken: whoever has asked nothing for longest goes, if that is long; for somebody who may
    /// command, whoever it is.
    private func sendAway(for isPrivileged: Bool, _ now: UInt64) {
        let longest = peers.values.filter { !$0.isBusy }.min { $0.order < $1.order }
        guard let peer = longest ?? (isPrivileged ? peers.values.min { $0.order < $1.order } : nil),
            isPrivileged || now >= peer.moved &+ patience
        else { return }
        sentAway.append(peer.descriptor)
        end(peer)
    }

    private func turnAway(_ descriptor: Int32, _ number: UInt64) {
        Glibc.close(descriptor)
        clientGone(number)
    }

    private func drop<Target: ControlTarget & ~Copyable>(_ peer: ControlPeer, _ target: inout Target) {
        target.clientLeft(peer.descriptor)
        if let number = peer.underWay { target.settled(RequestNumber(client: peer.row.serial, number: number)) }
        end(peer)
    }

    private func end(_ peer: ControlPeer) {
        peers[peer.descriptor] = nil
        poller.forget(peer.descriptor)
        clients.free(peer.row)
        Glibc.close(peer.descriptor)
        clientGone(peer.number)
    }

    /// Sends, answers and reads, in this order, until the client or the budget is exhausted; false when the client is gone.
    ///
    /// A datagram is taken off the queue when everything in it was answered, and not before: whoever serves the client after
    /// this process finds it there, and in the client's row how far it was answered.
    private func serve<Target: ControlTarget & ~Copyable>(
        _ peer: ControlPeer, _ now: UInt64, until end: UInt64, _ target: inout Target
    ) -> Bool {
        for step in 0..<64 where step == 0 || svs_clock() < end {
            if let packet = peer.packet({ $0.page(of: target) }) {
                guard packet.isEmpty || send(packet, to: peer, now) else { return true }
            } else if let number = peer.underWay {
                peer.settle()
                target.settled(RequestNumber(client: peer.row.serial, number: number))
            } else if let (request, number) = peer.nextRequest() {
                let place = RequestNumber(client: peer.row.serial, number: number)
                guard shorten(request, place, from: peer, &target) else {
                    peer.putBack()
                    return true
                }
                peer.begin(number, answer(request, place, from: peer, &target))
            } else if peer.isBusy {
                consume(peer)
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
            peer.noteSending(true)
            let sent = svs_control_send(peer.descriptor, packet, packet.count)
            // For want of memory it may be ready and yet not take anything.
            if [EAGAIN, ENOBUFS, ENOMEM].contains(Int32(clamping: -sent)) {
                peer.noteSending(false)
                return false
            }
            if sent < 0 { peer.isDeaf = true }
            note(peer, now)
        }
        peer.sent(discardingRest: peer.isDeaf)
        return true
    }

    /// Bytes went either way.
    private func note(_ peer: ControlPeer, _ now: UInt64) {
        peer.moved = now
        moves &+= 1
        peer.order = moves
    }

    /// Looks at the datagram at the head of the queue; false when there is none, or nobody is left to send one.
    private func receive(from peer: ControlPeer, _ now: UInt64) -> Bool {
        peer.row.begun = peer.first
        let length = svs_control_peek(peer.descriptor, &buffer, buffer.count)
        if length == -Int(ECONNRESET) {
            // The other end closed with answers unread; what it sent before is still in the queue.
            peer.isDeaf = true
            return true
        }
        guard length > 0 else {
            if length != -Int(EAGAIN) { peer.isOpen = false }
            return false
        }
        peer.row.looksAgain = false
        note(peer, now)
        if length > buffer.count {
            peer.refuse(ControlPeer.refusal(Array(buffer.prefix(NetlinkMessage.headerLength)), EMSGSIZE))
        } else if let messages = NetlinkMessage.messages(in: Array(buffer.prefix(length))) {
            peer.take(messages)
        } else {
            peer.refuse(ControlPeer.refusal(Array(buffer.prefix(length)), EINVAL))
        }
        return true
    }

    /// Takes the datagram that was answered off the queue.
    private func consume(_ peer: ControlPeer) {
        while svs_control_discard(peer.descriptor) == -ECONNRESET { peer.isDeaf = true }
        peer.consumed()
    }
}
