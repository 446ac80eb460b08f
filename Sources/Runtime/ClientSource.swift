public import Host

/// Where clients of the control socket come from when another process accepts them.
public protocol ClientSource: AnyObject {
    /// Readable when a client may have come.
    var descriptor: Int32 { get }
    /// A client may have come that `descriptor` does not show any more: it was heard of while something was asked.
    var hasHeard: Bool { get }
    /// The clients that were there before this director, once.
    /// - Throws: `HostError` when the other process is gone.
    func clientsAtStart() throws(HostError) -> [(descriptor: Int32, number: UInt64)]
    /// The next client that has come; its descriptor is from now on the caller's, and its number its own for good.
    /// - Throws: `HostError` when the other process is gone.
    func nextClient() throws(HostError) -> (descriptor: Int32, number: UInt64)?
    /// Another director is to go on where this one ends, as soon as it can.
    var endsForNext: Bool { get }
    /// Which programs run, and how the last upgrade went, a line each.
    var versions: String { get }
    /// A client has left: nobody needs to keep it any longer.
    func left(_ number: UInt64)
}
