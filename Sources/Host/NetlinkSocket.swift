import CLinux
import Clibnl
import Glibc

/// One message of rtnetlink, valid while the closure that receives it runs.
struct RtnetlinkMessage {
    let message: OpaquePointer
    let header: UnsafeMutablePointer<nlmsghdr>

    /// RTM_* number.
    var type: Int32 { Int32(header.pointee.nlmsg_type) }
    /// NLM_F_* bits.
    var flags: Int32 { Int32(header.pointee.nlmsg_flags) }

    /// The fixed part of the message, `nil` when it is too short for it.
    func fixed<Part: BitwiseCopyable>(_: Part.Type) -> Part? {
        guard nlmsg_datalen(header) >= MemoryLayout<Part>.size, let data = nlmsg_data(header) else { return nil }
        return data.loadUnaligned(as: Part.self)
    }

    /// Lends the attributes behind a fixed part of `size` bytes, one after the other: type without its flags, and contents.
    func forEachAttribute(behind size: Int, _ body: (Int, UnsafeRawBufferPointer) -> Void) {
        guard let data = nlmsg_data(header) else { return }
        let bytes = UnsafeRawBufferPointer(start: data, count: Int(max(nlmsg_datalen(header), 0)))
        var place = (size + 3) & ~3
        while place + 4 <= bytes.count {
            let length = Int(bytes.loadUnaligned(fromByteOffset: place, as: UInt16.self))
            guard length >= 4, place + length <= bytes.count else { return }
            let type = Int(bytes.loadUnaligned(fromByteOffset: place + 2, as: UInt16.self)) & 0x3fff
            body(type, UnsafeRawBufferPointer(rebasing: bytes[place + 4..<place + length]))
            place += (length + 3) & ~3
        }
    }

    /// Lends the libnl object that the message describes; `nil` when libnl does not understand it.
    func withObject<Result>(_ body: (OpaquePointer) -> Result?) -> Result? {
        var object: OpaquePointer?
        let status = nl_msg_parse(
            message,
            { object, place in
                guard let object, let place else { return }
                nl_object_get(object)
                place.assumingMemoryBound(to: OpaquePointer?.self).pointee = object
            }, &object)
        guard status >= 0, let object else { return nil }
        defer { nl_object_put(object) }
        return body(object)
    }
}

/// A rtnetlink socket, either for requests or for notifications.
final class NetlinkSocket {
    private let socket: OpaquePointer
    private var receiver: ((RtnetlinkMessage) -> Void)?

    /// A socket for requests, or, with multicast groups (RTNLGRP_*, NFNLGRP_*), a non-blocking one for notifications.
    convenience init(groups: [UInt32] = [], protocol family: Int32 = NETLINK_ROUTE) throws(HostError) {
        try self.init { nl_connect($0, family) }
        guard !groups.isEmpty else { return }
        hearNotifications()
        svs_receive_buffer(descriptor, 4 << 20)
        for group in groups {
            let status = nl_socket_add_membership(socket, Int32(bitPattern: group))
            guard status >= 0 else { throw .netlink("follow the host's network", status) }
        }
    }

    /// A socket for notifications that somebody else has opened, its descriptor from now on this one's.
    convenience init(adopting descriptor: Int32, protocol family: Int32) throws(HostError) {
        try self.init { nl_socket_set_fd($0, family, descriptor) }
        hearNotifications()
    }

    private init(opening open: (OpaquePointer) -> Int32) throws(HostError) {
        guard let socket = nl_socket_alloc() else { throw HostError("open a netlink socket", errno: ENOMEM) }
        self.socket = socket
        let status = open(socket)
        guard status >= 0 else { throw .netlink("open a netlink socket", status) }
        // One request at a time, and before it what is left of earlier answers is read away.
        nl_socket_disable_seq_check(socket)
        // A dump comes in messages as large as the reader's buffer, up to 32 KiB.
        nl_socket_set_msg_buf_size(socket, 65536)
        let own = Unmanaged.passUnretained(self).toOpaque()
        nl_socket_modify_cb(
            socket, NL_CB_VALID, NL_CB_CUSTOM,
            { message, own in
                guard let message, let own, let header = nlmsg_hdr(message) else { return Int32(bitPattern: NL_SKIP.rawValue) }
                Unmanaged<NetlinkSocket>.fromOpaque(own).takeUnretainedValue()
                    .receiver?(RtnetlinkMessage(message: message, header: header))
                return Int32(bitPattern: NL_OK.rawValue)
            }, own)
    }

    private func hearNotifications() { nl_socket_set_nonblocking(socket) }

    /// Reads away what is left of an answer that could not be read to its end, or it would be taken for the next one's.
    private func discardAnswers() {
        var byte: UInt8 = 0
        while recv(descriptor, &byte, 1, Int32(MSG_DONTWAIT)) >= 0 || errno == EINTR || errno == ENOBUFS {}
    }

    deinit { nl_socket_free(socket) }

    var descriptor: Int32 { nl_socket_get_fd(socket) }

    /// Asks for all objects of a kind (RTM_GET*) and hands every answer to `body`. False when the kernel's tables
    /// changed meanwhile, so that something may be missing or double.
    func dump(
        _ type: Int32, family: Int32 = AF_UNSPEC, _ what: String,
        _ body: (RtnetlinkMessage) -> Void
    ) throws(HostError) -> Bool {
        discardAnswers()
        var status = nl_rtgen_request(socket, type, family, NLM_F_DUMP)
        if status >= 0 { status = receive(body) }
        if status == -NLE_DUMP_INTR { return false }
        guard status >= 0 else { throw .netlink("read the host's \(what)", status) }
        return true
    }

    /// What a reading of the waiting notifications found.
    enum Drained { case nothing, some, overrun }

    /// Hands waiting notifications to `body`; `overrun` when the kernel had to throw some away (ENOBUFS).
    /// - Parameter most: datagrams that are taken; what is left keeps the descriptor readable.
    func drain(atMost most: Int = .max, _ body: (RtnetlinkMessage) -> Void) throws(HostError) -> Drained {
        var result = Drained.nothing
        for _ in 0..<most {
            let status = receive(body)
            switch status {
            case 0...: result = result == .overrun ? .overrun : .some
            case -NLE_AGAIN, -NLE_INTR: return result
            // libnl's name for ENOBUFS.
            case -NLE_NOMEM: result = .overrun
            default: throw .netlink("read what changed in the host's network", status)
            }
        }
        return result
    }

    private func receive(_ body: (RtnetlinkMessage) -> Void) -> Int32 {
        withoutActuallyEscaping(body) { body in
            receiver = body
            defer { receiver = nil }
            return nl_recvmsgs_default(socket)
        }
    }

    /// Makes the kernel answer requests only with errors, and reading not wait for them.
    func waitsForNothing() {
        nl_socket_disable_auto_ack(socket)
        nl_socket_set_nonblocking(socket)
    }

    /// Sends a message built by libnl, and frees it. Negative libnl error on failure.
    func send(_ message: OpaquePointer) -> Int32 {
        defer { nlmsg_free(message) }
        return nl_send_auto(socket, message)
    }

    /// Sends a message built by libnl, frees it, and waits for the kernel's acknowledgement. Negative libnl error on failure.
    func carryOut(_ message: OpaquePointer) -> Int32 {
        discardAnswers()
        return nl_send_sync(socket, message)
    }

    /// The last error (errno) that the kernel answered on a socket that waits for nothing; `nil` when it had none.
    func refusal() -> Int32? {
        var refusal: Int32?
        var answer = [UInt8](repeating: 0, count: 512)
        while true {
            let count = recv(descriptor, &answer, answer.count, Int32(MSG_DONTWAIT))
            guard count > 0 else { return refusal }
            answer.withUnsafeBytes { bytes in
                let header = bytes.loadUnaligned(as: nlmsghdr.self)
                guard count >= MemoryLayout<nlmsghdr>.size + MemoryLayout<Int32>.size,
                    Int32(header.nlmsg_type) == NLMSG_ERROR
                else { return }
                let error = bytes.loadUnaligned(fromByteOffset: MemoryLayout<nlmsghdr>.size, as: Int32.self)
                if error < 0 { refusal = 0 &- error }
            }
        }
    }
}

extension HostError {
    /// An answer of libnl, which numbers errors in its own way.
    static func netlink(_ what: String, _ status: Int32) -> HostError {
        HostError(what, cause: String(cString: nl_geterror(status)))
    }
}
