public import LVS

/// Whom the control server asks: the director, through whatever owns it. Called only from within `ControlServer.serve`.
public protocol ControlTarget: ~Copyable {
    mutating func apply(_ command: Command) throws(CommandError)
    /// The same for a client, who will be sent `promise` once this has returned; a target that keeps a journal writes it down
    /// with the command.
    mutating func apply(_ command: Command, promising promise: JournalRecord.KeptAnswer) throws(CommandError)
    /// Does some of what a command will do, where all of it at once would keep frames waiting. Called again until the command
    /// itself is short.
    /// - Returns: whether it is.
    mutating func shorten(_ command: Command) -> Bool
    /// The answer that was promised to a client when his command was carried out, perhaps by another process; its packet is empty
    /// when he wanted none. `nil` when the request was not carried out.
    func promised(to request: RequestNumber) -> [UInt8]?
    /// The request was answered to the end: what was promised need not be kept.
    mutating func settled(_ request: RequestNumber)
    func inventory() -> Inventory
    /// Some of its services, from a place of the listing on. What comes and goes between two calls may be missed.
    func services(from place: InventoryPlace) -> InventoryPage
    /// The inventory without its services: what ipvsadm asks for before each command. Taken from the inventory unless the
    /// target knows a shorter way.
    func summary() -> Inventory
    /// One service with its servers; looked up in the inventory unless the target knows a shorter way.
    func service(_ key: ServiceKey) -> ServiceRecord?
    /// The service with ranges that a client who knows none sees under its first port.
    func service(shownAs key: ServiceKey) -> ServiceRecord?
    func connections() -> [ConnectionRecord]
    /// Some of them, from a place of the table on: 0 for the first. What comes and goes between two calls may be missed.
    func connections(from place: Int) -> ConnectionPage
    /// Answers what the kernel's interface has no words for.
    /// - Parameter client: who asks, by a number that is its own while it is connected.
    mutating func answer(_ question: ControlQuestion, from client: Int32) throws(AskError) -> ControlReply
    /// A client has disconnected: nobody is there for whom something was begun.
    mutating func clientLeft(_ client: Int32)
}

extension ControlTarget where Self: ~Copyable {
    public mutating func apply(_ command: Command, promising promise: JournalRecord.KeptAnswer) throws(CommandError) { try apply(command) }
    public mutating func shorten(_ command: Command) -> Bool { true }
    public func promised(to request: RequestNumber) -> [UInt8]? { nil }
    public mutating func settled(_ request: RequestNumber) {}
    public func services(from place: InventoryPlace) -> InventoryPage { InventoryPage(services: inventory().services) }
    public func summary() -> Inventory { inventory() }
    public func connections(from place: Int) -> ConnectionPage { ConnectionPage(records: connections(), next: nil) }
    public mutating func clientLeft(_ client: Int32) {}
    public func service(_ key: ServiceKey) -> ServiceRecord? { inventory().services.first { $0.key == key } }
    public func service(shownAs key: ServiceKey) -> ServiceRecord? {
        inventory().services.first { service in
            guard !service.key.ranges.isEmpty else { return false }
            var shown = service.key
            shown.ranges = []
            return shown == key
        }
    }
}

/// A part of the connection table.
public struct ConnectionPage: Sendable {
    public var records: [ConnectionRecord]
    /// Where the next part begins; `nil` behind the last one.
    public var next: Int?

    public init(records: [ConnectionRecord], next: Int?) {
        self.records = records
        self.next = next
    }
}
