import Glibc
public import LVS
internal import SystemPackage

/// Something is wrong with the control socket itself.
public struct ControlError: Error, Hashable, Sendable, CustomStringConvertible {
    public var path: String
    /// Positive Linux errno.
    public var errno: Int32
    public var reason: String

    public init(path: String, errno: Int32, reason: String) {
        self.path = path
        self.errno = errno
        self.reason = reason
    }

    /// `PATH: what is wrong`, to be put behind `svs: `.
    public var description: String { "\(path): \(reason)" }

    static func connecting(_ path: String, _ errno: Int32, _ patience: UInt32) -> ControlError {
        let reason =
            switch errno {
            case ENOENT: "there is no such socket; is svs run running?"
            case ECONNREFUSED: "nobody listens there; is svs run running?"
            case EACCES, EPERM: "permission denied; the control socket belongs to root, and the group svs may look at /run/svs/monitor.sock"
            case ENAMETOOLONG: "a socket's path has at most 107 bytes"
            case EAGAIN: silence(patience)
            case EREMOTE: "who listens there is neither root nor the user svs; root does not speak to them"
            case EPROTOTYPE, ENOTSOCK: "is not the control socket of svs"
            default: text(of: errno)
            }
        return ControlError(path: path, errno: errno, reason: reason)
    }

    static func listening(_ path: String, _ errno: Int32) -> ControlError {
        let reason =
            switch errno {
            case EADDRINUSE: "another svs answers there"
            case ENOTSOCK: "there is a file that is no socket"
            case ENOENT: path.isEmpty ? "a control socket needs a path" : "its folder does not exist"
            case ENAMETOOLONG: "a socket's path has at most 107 bytes"
            default: text(of: errno)
            }
        return ControlError(path: path, errno: errno, reason: reason)
    }

    private static func silence(_ seconds: UInt32) -> String {
        "svs run has not answered for \(seconds) s (--timeout SECONDS waits longer)"
    }

    static func talking(_ path: String, _ errno: Int32, _ patience: UInt32) -> ControlError {
        let reason =
            switch errno {
            case EAGAIN: silence(patience)
            case 0, EPIPE, ECONNRESET: "svs run closed the connection"
            default: text(of: errno)
            }
        return ControlError(path: path, errno: errno, reason: reason)
    }

    static func text(of errno: Int32) -> String { Errno(rawValue: errno).description }
}

/// Why a request over the control socket came to nothing.
public enum ControlFailure: Error, Hashable, Sendable, CustomStringConvertible {
    /// The director refused the command; nothing was changed.
    case refused(CommandError)
    /// The director refused for another reason: a question it can't answer, a caller that is not root.
    case denied(errno: Int32, String)
    case broken(ControlError)

    public var description: String {
        switch self {
        case .refused(let error): ControlError.text(of: error.errno)
        case .denied(let errno, let text): text.isEmpty ? ControlError.text(of: errno) : text
        case .broken(let error): error.description
        }
    }

    /// Linux errno, positive.
    public var errno: Int32 {
        switch self {
        case .refused(let error): error.errno
        case .denied(let errno, _): errno
        case .broken(let error): error.errno
        }
    }
}

extension CommandError {
    /// What an errno says as the answer to a command; `nil` when the director never answers so.
    public init?(errno: Int32, to command: Command) {
        let aboutServer =
            switch command {
            case .addServer, .editServer, .deleteServer: true
            default: false
            }
        let aboutDaemon =
            switch command {
            case .startDaemon, .stopDaemon: true
            default: false
            }
        switch errno {
        case EEXIST: self = aboutServer ? .serverExists : aboutDaemon ? .daemonRunning : .serviceExists
        case ESRCH: self = aboutDaemon ? .daemonNotRunning : .noSuchService
        case ENOENT: self = aboutServer ? .noSuchServer : .notFound
        case ERANGE: self = .outOfRange
        case EINVAL: self = .invalid
        case ENODEV: self = .noSuchDevice
        case ENOMEM: self = .noMemory
        case EAFNOSUPPORT: self = .familyNotSupported
        case ENOSPC: self = .noRoom
        default: return nil
        }
    }
}
