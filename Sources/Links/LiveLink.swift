/// A link on a real interface: frames arrive when they want to.
///
/// The holder calls `receive` until `wantsPoll` is true and then waits with poll(2) on `descriptor` (POLLIN; an error
/// event is also answered by calling `receive`).
public protocol LiveLink: NamedLink {
    /// What poll(2) watches.
    var descriptor: Int32 { get }

    /// False while another `receive` is likely to bring frames, or has slots to give back, without waiting.
    var wantsPoll: Bool { get }

    /// Lets the kernel keep back what the filter does not accept.
    func attach(_ filter: PacketFilter) throws(LinkError)

    /// Opens the interface. Nothing that `filter` does not accept arrives, from the first frame on. Links that share a
    /// fanout `group` share the frames, each flow on one of them.
    init(on interfaceName: String, filter: PacketFilter, group: UInt16?) throws(LinkError)
}
