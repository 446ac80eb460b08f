internal import CLinux
internal import Glibc
public import SystemPackage

/// Something for one thread to wait for that another one does (eventfd(2)).
public final class Wakeup: Sendable {
    /// Readable from `raise` until `clear`.
    public let descriptor: Int32

    public init() throws(Errno) {
        descriptor = svs_event_new()
        guard descriptor >= 0 else { throw Errno(rawValue: 0 &- descriptor) }
    }

    deinit { close(descriptor) }

    public func raise() { svs_event_raise(descriptor) }
    public func clear() { svs_event_clear(descriptor) }
}
