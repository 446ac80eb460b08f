internal import CLinux
internal import Glibc
public import SystemPackage

/// Signals as something to read (signalfd(2)): blocked for the thread that makes this and for those it starts.
public final class Signals {
    public enum Signal: Sendable { case hangUp, terminate, interrupt, childEnded, user2, windowChanged }

    /// Readable when a signal has arrived.
    public let descriptor: Int32

    public init(_ signals: [Signal]) throws(Errno) {
        let numbers = signals.map(Self.number)
        descriptor = svs_signal_descriptor(numbers, Int32(numbers.count))
        guard descriptor >= 0 else { throw Errno(rawValue: 0 &- descriptor) }
    }

    deinit { close(descriptor) }

    /// The next signal that has arrived, without waiting.
    public func next() -> Signal? {
        switch svs_signal_next(descriptor) {
        case SIGHUP: .hangUp
        case SIGTERM: .terminate
        case SIGINT: .interrupt
        case SIGCHLD: .childEnded
        case SIGUSR2: .user2
        case SIGWINCH: .windowChanged
        default: nil
        }
    }

    private static func number(_ signal: Signal) -> Int32 {
        switch signal {
        case .hangUp: SIGHUP
        case .terminate: SIGTERM
        case .interrupt: SIGINT
        case .childEnded: SIGCHLD
        case .user2: SIGUSR2
        case .windowChanged: SIGWINCH
        }
    }
}
