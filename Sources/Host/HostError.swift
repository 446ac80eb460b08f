import SystemPackage

/// Why the host refused something: what was asked, and what the kernel or a library answered.
public struct HostError: Error, Hashable, Sendable, CustomStringConvertible {
    /// What was asked, in the operator's words: `create the TUN device svs0`.
    public let what: String
    /// The answer: an errno text, or what a library said.
    public let cause: String
    /// Linux errno, positive; 0 where the answer was no system call's.
    public let errno: Int32

    public init(_ what: String, cause: String, errno: Int32 = 0) {
        self.what = what
        self.cause = cause
        self.errno = errno
    }

    /// An answer of the kernel: `errno`, positive.
    public init(_ what: String, errno: Int32) {
        self.init(what, cause: Errno(rawValue: errno).description, errno: errno)
    }

    /// An empty answer leaves no colon behind.
    public var description: String { "cannot \(what)" + (cause.isEmpty ? "" : ": \(cause)") }
}
