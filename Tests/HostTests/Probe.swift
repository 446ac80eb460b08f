import Glibc
import Wire

/// One packet to a port where nobody listens, and whether the host says so.
struct Probe {
    var proto = IPProtocol.udp
    var from: IPAddress?
    var fromPort: UInt16 = 0
    var to: IPAddress
    var port: UInt16
    var bytes = 8

    enum Answer: Equatable {
        case refused, silence
        /// It was not sent: its socket did not get the address and port (errno).
        case unbound(Int32)
    }

    /// Sends it from the thread's namespace; a reset or an ICMP unreachable makes it `refused`. Silence is waited for in
    /// vain, so for an answer that is expected there is more time, on a busy machine.
    func send(expecting expected: Answer) -> Answer {
        let type = proto == IPProtocol.tcp ? Int32(SOCK_STREAM.rawValue) : Int32(SOCK_DGRAM.rawValue)
        // A program that another test starts inherits the socket until it is loaded, or as long as it runs without
        // SOCK_CLOEXEC; so long the next probe from the same port waits.
        let socket = Glibc.socket(to.isV4 ? AF_INET : AF_INET6, type | Int32(SOCK_NONBLOCK.rawValue | SOCK_CLOEXEC.rawValue), 0)
        defer { close(socket) }
        if let from {
            var refusal: Int32 = 0
            _ = wait {
                refusal = withSocketAddress(from, fromPort) { bind(socket, $0, $1) } == 0 ? 0 : errno
                return refusal != EADDRINUSE
            }
            guard refusal == 0 else { return .unbound(refusal) }
        }
        if withSocketAddress(to, port, { connect(socket, $0, $1) }) != 0, errno == ECONNREFUSED { return .refused }
        if proto == IPProtocol.udp { _ = Glibc.send(socket, [UInt8](repeating: 0x55, count: bytes), bytes, 0) }
        var waiting = pollfd(fd: socket, events: Int16(POLLIN | (proto == IPProtocol.tcp ? POLLOUT : 0)), revents: 0)
        guard poll(&waiting, 1, expected == .refused ? 3000 : 60) > 0 else { return .silence }
        return pendingError(of: socket) == ECONNREFUSED ? .refused : .silence
    }
}

/// SO_ERROR.
func pendingError(of socket: Int32) -> Int32 {
    var error: Int32 = 0
    var length = socklen_t(MemoryLayout<Int32>.size)
    getsockopt(socket, SOL_SOCKET, SO_ERROR, &error, &length)
    return error
}

/// Lends a socket address.
func withSocketAddress(_ address: IPAddress, _ port: UInt16, _ body: (UnsafePointer<sockaddr>, socklen_t) -> Int32) -> Int32 {
    var storage = [UInt8](repeating: 0, count: address.isV4 ? 16 : 28)
    storage[0] = UInt8(address.isV4 ? AF_INET : AF_INET6)
    storage.withBytes { bytes in
        bytes.setBig16(port, at: 2)
        bytes.setIP(address, at: address.isV4 ? 4 : 8)
    }
    let length = socklen_t(storage.count)
    return storage.withUnsafeBytes { body($0.baseAddress!.assumingMemoryBound(to: sockaddr.self), length) }
}
