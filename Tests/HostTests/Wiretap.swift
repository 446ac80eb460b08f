import Glibc
import Testing

/// A packet socket on one interface of the thread's namespace: what arrives there, whole frames.
final class Wiretap {
    private let socket: Int32

    init(on interface: String) throws {
        socket = Glibc.socket(AF_PACKET, Int32(SOCK_RAW.rawValue | SOCK_NONBLOCK.rawValue | SOCK_CLOEXEC.rawValue), 0)
        try #require(socket >= 0)
        // sockaddr_ll: family, ETH_P_ALL in network order, interface index.
        var address = [UInt8](repeating: 0, count: 20)
        address[0] = UInt8(AF_PACKET)
        address[3] = 3
        withUnsafeBytes(of: if_nametoindex(interface)) { address.replaceSubrange(4..<8, with: $0) }
        let status = address.withUnsafeBytes { bind(socket, $0.baseAddress!.assumingMemoryBound(to: sockaddr.self), 20) }
        try #require(status == 0)
    }

    deinit { close(socket) }

    /// All frames that match, read until `count` have come or the time is over; frames of the tap's own host are left out.
    func frames(_ count: Int, seconds: Double = 2, where matches: ([UInt8]) -> Bool) -> [[UInt8]] {
        var found: [[UInt8]] = []
        var buffer = [UInt8](repeating: 0, count: 2048)
        _ = wait(seconds: seconds) {
            while true {
                let length = recv(socket, &buffer, buffer.count, 0)
                guard length > 0 else { break }
                let frame = Array(buffer[..<length])
                if matches(frame) { found.append(frame) }
            }
            return found.count >= count
        }
        return found
    }
}
