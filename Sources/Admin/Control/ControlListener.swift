internal import CLinux
internal import Glibc
public import Linux

/// Where clients of a director knock: a listening AF_UNIX SOCK_SEQPACKET socket and the file that names it.
public struct ControlListener: Sendable {
    public let path: String
    /// The listening socket, non-blocking.
    public let descriptor: Int32
    private var device: UInt64 = 0
    private var inode: UInt64 = 0

    /// Listens at `path`. A socket file that nobody listens at is replaced.
    /// - Parameter group: who may connect beside this user; without one nobody.
    public init(path: String, group: UInt32? = nil) throws(ControlError) {
        self.path = path
        descriptor = svs_control_listen(path, group.map(Int64.init) ?? -1, &device, &inode)
        guard descriptor >= 0 else { throw .listening(path, 0 &- descriptor) }
    }

    /// Goes on with a socket that this process had as another program; `nil` where it is another one or its file is gone.
    public init?(adopting held: HeldDescriptor, path: String) {
        guard svs_control_identify(held.number, path, &device, &inode) == 0 else { return nil }
        self.path = path
        descriptor = held.copy()
    }

    /// Whether there is no such file any more, so that no client finds the way.
    public var isRemoved: Bool { access(path, F_OK) != 0 && errno == ENOENT }

    /// Listens no more, and removes the file if it is still the one that was made.
    public func close() {
        svs_control_unlink(path, device, inode)
        Glibc.close(descriptor)
    }
}
