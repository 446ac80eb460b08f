internal import Glibc

/// Whether the interface under a live link is there and up, found out only when nothing arrives: a link that has traffic
/// pays nothing for it.
struct LinkState {
    enum State {
        case up
        /// Administratively down; the kernel resumes by itself when the interface comes up.
        case down
        /// Removed; another interface of the same name may appear.
        case gone
    }

    private(set) var state = State.up
    /// Whether the receive before this one brought nothing either: then poll(2) woke up for an error, or for nothing.
    private var isIdle = false

    mutating func carried() {
        state = .up
        isIdle = false
    }

    /// Looks for the reason that nothing arrived. Each loss is thrown once; afterwards the link stays usable and waits
    /// for the interface.
    mutating func nothingArrived(at socket: PacketSocket, sending transmitter: PacketTransmitter) throws(LinkError) {
        guard isIdle || state != .up else { return isIdle = true }
        switch state {
        case .up:
            switch socket.pendingError() {
            // EINVAL is left behind by a superframe that has no virtio_net_hdr.
            case 0, EINVAL: return
            case ENETDOWN: try lost(socket)
            case let error: throw socket.failure("receiving", -error)
            }
        case .down:
            _ = socket.pendingError()
            if !socket.isPresent { try lost(socket) } else if socket.isUp { state = .up }
        case .gone:
            if socket.rebind(), transmitter.socket.rebind() { state = .up }
        }
    }

    /// Notes that the interface went down, and throws when that is news.
    mutating func lost(_ socket: PacketSocket) throws(LinkError) {
        let before = state
        state = socket.isPresent ? .down : .gone
        if state != before {
            throw LinkError("interface \(socket.interfaceName) is \(state == .down ? "down" : "gone")")
        }
    }
}
