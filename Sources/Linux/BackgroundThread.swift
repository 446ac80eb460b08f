internal import CLinux
internal import Glibc
public import SystemPackage

/// A thread that does one thing. Whoever starts it joins or detaches it, once.
public struct BackgroundThread: Sendable {
    private let thread: pthread_t

    public init(_ run: @escaping @Sendable () -> Void) throws(Errno) {
        let context = Unmanaged.passRetained(Body(run))
        var thread = pthread_t()
        let failure = pthread_create(
            &thread, nil,
            { context in
                if let context { Unmanaged<Body>.fromOpaque(context).takeRetainedValue().run() }
                return nil
            }, context.toOpaque())
        guard failure == 0 else {
            context.release()
            throw Errno(rawValue: failure)
        }
        self.thread = thread
    }

    /// Lets it run on one processor only.
    /// - Throws: EINVAL for a processor that there is not, or that this process may not use.
    public func pin(to processor: Int) throws(Errno) {
        let failure = svs_pin(UInt64(thread), Int32(clamping: processor))
        guard failure == 0 else { throw Errno(rawValue: failure) }
    }

    /// The same for the calling thread.
    public static func pinCurrent(to processor: Int) throws(Errno) {
        let failure = svs_pin(UInt64(pthread_self()), Int32(clamping: processor))
        guard failure == 0 else { throw Errno(rawValue: failure) }
    }

    /// Gives the calling thread a name, of which 15 bytes are kept.
    public static func nameCurrent(_ name: String) { svs_name_thread(name) }

    /// Waits for its end.
    public func join() { pthread_join(thread, nil) }

    /// Leaves it to itself.
    public func detach() { pthread_detach(thread) }

    /// What it does, as pthread_create takes it.
    private final class Body {
        let run: @Sendable () -> Void
        init(_ run: @escaping @Sendable () -> Void) { self.run = run }
    }
}
