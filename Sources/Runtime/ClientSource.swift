internal import Admin
public import Host

/// A client of the control socket that another process has let in.
public struct ArrivedClient: Hashable, Sendable {
    /// The connected socket, from now on the caller's.
    public var descriptor: Int32
    /// Its own for good.
    public var number: UInt64
    /// It came by the socket at which nobody may command.
    public var onlyLooks: Bool

    public init(descriptor: Int32, number: UInt64, onlyLooks: Bool) {
        (self.descriptor, self.number, self.onlyLooks) = (descriptor, number, onlyLooks)
    }
}

/// Where clients of the control socket come from when another process accepts them.
public protocol ClientSource: AnyObject {
    /// Readable when a client may have come.
    var descriptor: Int32 { get }
    /// A client may have come that `descriptor` does not show any more: it was heard of while something was asked.
    var hasHeard: Bool { get }
    /// The clients that were there before this director, once.
    /// - Throws: `HostError` when the other process is gone.
    func clientsAtStart() throws(HostError) -> [ArrivedClient]
    /// The next client that has come.
    /// - Throws: `HostError` when the other process is gone.
    func nextClient() throws(HostError) -> ArrivedClient?
    /// Another director is to go on where this one ends, as soon as it can.
    var endsForNext: Bool { get }
    /// Which programs run, and how the last upgrade went, a line each.
    var versions: String { get }
    /// A client has left: nobody needs to keep it any longer.
    func left(_ number: UInt64)
}

extension ControlServer {
    func adopt(_ client: ArrivedClient) { adopt(client: client.descriptor, number: client.number, onlyLooks: client.onlyLooks) }
}
