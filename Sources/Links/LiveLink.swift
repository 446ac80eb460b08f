/// A link on a real interface: frames arrive when they want to.
public protocol LiveLink: NamedLink {
    /// Opens the interface. Nothing that `filter` does not accept arrives, from the first frame on. Links that share a
    /// fanout `group` share the frames, each flow on one of them.
    init(on interfaceName: String, filter: PacketFilter, group: UInt16?) throws(LinkError)

    /// Lets the kernel keep back what the filter does not accept, or less where it has no room for the whole filter.
    func attach(_ filter: PacketFilter) throws(LinkError)

    /// The filter in force.
    var filter: PacketFilter { get }
}
