import CLinux
public import Wire

/// What a director must know about an interface before it opens it.
public struct LinkFacts: Hashable, Sendable {
    public var index: Int32
    public var mac: MACAddress
    /// Bytes of an IP packet.
    public var mtu: Int
    /// Whether it carries Ethernet frames; without, the engine cannot use it.
    public var isEthernet: Bool
    public var isUp: Bool
    public var isLoopback: Bool
    /// Large receive offload: the card joins segments and forgets where they were joined, so that what is forwarded breaks
    /// (the kernel itself switches it off where it forwards). Warn.
    public var hasLRO: Bool
    /// Generic receive offload: segments are joined reversibly; superframes arrive.
    public var hasGRO: Bool

    /// Asks the kernel (netdevice(7) and ethtool's ioctls).
    public init(of interface: String) throws(HostError) {
        var facts = svs_link_facts()
        let error = svs_link_facts(interface, &facts)
        guard error == 0 else { throw HostError("look at interface \(interface)", errno: error) }
        index = facts.index
        mac = withUnsafeMutableBytes(of: &facts.mac) { Bytes($0.baseAddress!, count: 6).mac(at: 0) }
        mtu = Int(facts.mtu)
        // ARPHRD_ETHER.
        isEthernet = facts.type == 1
        isUp = facts.flags & 0x1 != 0
        isLoopback = facts.flags & 0x8 != 0
        hasLRO = facts.lro != 0
        hasGRO = facts.gro != 0
    }
}
