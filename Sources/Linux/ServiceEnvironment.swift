internal import Glibc

/// What a supervisor, or the program that this process was before, says by the environment. It is nobody else's: what this
/// process starts does not see it.
public struct ServiceEnvironment: Sendable {
    /// How a program that becomes another one says what it was, and how that went.
    public static let succession = "SVS_SUCCESSION"
    /// … and by which path the next version is found.
    public static let program = "SVS_PROGRAM"
    private static let supervisor = ["NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID"]
    private static let own = ["LISTEN_PID", "LISTEN_FDS", "LISTEN_FDNAMES", InheritedDescriptors.variable, succession, program]

    public var values: [String: String] = [:]

    public init() {}

    /// Takes the variables out of this process's environment. To be called before there is a second thread.
    public static func take() -> Self {
        var environment = Self()
        for name in supervisor + own {
            if let value = getenv(name) { environment.values[name] = String(cString: value) }
            unsetenv(name)
        }
        return environment
    }

    /// Puts back what a supervisor has said, and what this program says to the next one.
    public func leave(descriptors: [(name: String, number: Int32)], succession: String, program: String) {
        for name in Self.supervisor { if let value = values[name] { setenv(name, value, 1) } }
        setenv(InheritedDescriptors.variable, descriptors.map { "\($0.number):\($0.name)" }.joined(separator: ","), 1)
        setenv(Self.succession, succession, 1)
        setenv(Self.program, program, 1)
    }

    /// Takes it away again.
    public func withdraw() { for name in Self.supervisor + Self.own { unsetenv(name) } }
}
