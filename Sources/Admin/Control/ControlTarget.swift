public import LVS

/// Whom the control server asks: the director, through whatever owns it. Called only from within `ControlServer.serve`.
public protocol ControlTarget: ~Copyable {
    mutating func apply(_ command: Command) throws(CommandError)
    func inventory() -> Inventory
    /// The inventory without its services: what ipvsadm asks for before each command. Taken from the inventory unless the
    /// target knows a shorter way.
    func summary() -> Inventory
    /// One service with its servers; looked up in the inventory unless the target knows a shorter way.
    func service(_ key: ServiceKey) -> ServiceRecord?
    func connections() -> [ConnectionRecord]
    /// Answers a question by name: `explain`, `record`, `statistics`.
    mutating func ask(_ name: String, _ payload: [UInt8]) throws(AskError) -> [UInt8]
}

extension ControlTarget where Self: ~Copyable {
    public func summary() -> Inventory { inventory() }
    public func service(_ key: ServiceKey) -> ServiceRecord? { inventory().services.first { $0.key == key } }
}

/// Why a question was not answered.
public struct AskError: Error, Hashable, Sendable, CustomStringConvertible {
    /// Linux errno, positive: EINVAL (22) for a bad question, EOPNOTSUPP (95) for one nobody knows.
    public var errno: Int32
    public var message: String

    public init(errno: Int32 = 22, _ message: String) {
        self.errno = errno
        self.message = message
    }

    public static func unknown(_ name: String) -> AskError { AskError(errno: 95, "svs run knows no question '\(name)'") }

    public var description: String { message }
}
