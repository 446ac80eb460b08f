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
    /// Answers what the kernel's interface has no words for.
    /// - Parameter client: who asks, by a number that is its own while it is connected.
    mutating func answer(_ question: ControlQuestion, from client: Int32) throws(AskError) -> ControlReply
    /// A client has disconnected: nobody is there for whom something was begun.
    mutating func clientLeft(_ client: Int32)
}

extension ControlTarget where Self: ~Copyable {
    public func summary() -> Inventory { inventory() }
    public mutating func clientLeft(_ client: Int32) {}
    public func service(_ key: ServiceKey) -> ServiceRecord? { inventory().services.first { $0.key == key } }
}
