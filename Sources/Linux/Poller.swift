internal import CLinux
internal import Glibc
public import SystemPackage

/// Descriptors that are watched together (epoll(7), level-triggered where nothing else is said): registered once, asked as often as one likes.
public final class Poller {
    /// What a descriptor is watched for; errors and hang-ups are told in any case.
    public struct Events: OptionSet, Sendable {
        public let rawValue: UInt32
        public init(rawValue: UInt32) { self.rawValue = rawValue }
        /// EPOLLIN.
        public static var readable: Events { .init(rawValue: 0x001) }
        /// EPOLLOUT.
        public static var writable: Events { .init(rawValue: 0x004) }
        /// EPOLLET: told once, when something happens, and not for as long as it lasts.
        public static var news: Events { .init(rawValue: 1 << 31) }
    }

    /// Itself readable while one of the watched descriptors is ready, so that pollers can watch pollers.
    public let descriptor: Int32
    private var ready = [svs_ready](repeating: svs_ready(), count: 64)
    private var found = 0

    public init() throws(Errno) {
        descriptor = svs_poller_new()
        guard descriptor >= 0 else { throw Errno(rawValue: 0 &- descriptor) }
    }

    deinit { close(descriptor) }

    /// Begins to watch a descriptor, which `ready` will name by `token`.
    public func watch(_ descriptor: Int32, for events: Events = .readable, as token: UInt64) throws(Errno) {
        try check(svs_poller_watch(self.descriptor, descriptor, events.rawValue, token, 1))
    }

    /// Watches a descriptor for something else from now on.
    public func change(_ descriptor: Int32, to events: Events, as token: UInt64) throws(Errno) {
        try check(svs_poller_watch(self.descriptor, descriptor, events.rawValue, token, 0))
    }

    /// Watches a descriptor no more; call it before the descriptor is closed.
    public func forget(_ descriptor: Int32) { _ = svs_poller_forget(self.descriptor, descriptor) }

    /// Waits until a watched descriptor is ready, a signal arrives or the time is over (-1: never).
    /// - Returns: the places of `subscript` that hold what is ready, at most 64; the rest shows at the next call.
    public func wait(milliseconds: Int32) throws(Errno) -> Range<Int> {
        let count = svs_poller_wait(descriptor, &ready, Int32(ready.count), milliseconds)
        found = 0
        try check(count)
        found = Int(count)
        return 0..<found
    }

    /// The token of a descriptor that the last `wait` found ready.
    public subscript(place: Int) -> UInt64 {
        precondition(place < found)
        return ready[place].token
    }

    private func check(_ result: Int32) throws(Errno) {
        if result < 0 { throw Errno(rawValue: 0 &- result) }
    }
}
