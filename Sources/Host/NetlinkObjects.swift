import Clibnl
import Glibc
import LVS
import Wire

extension IPAddress {
    /// An address of libnl; `nil` when it is none of IP or holds no bytes.
    init?(_ address: OpaquePointer?) {
        guard let address, let bytes = nl_addr_get_binary_addr(address) else { return nil }
        switch (nl_addr_get_family(address), nl_addr_get_len(address)) {
        case (AF_INET, 4): self = Bytes(bytes, count: 4).ipv4(at: 0)
        case (AF_INET6, 16): self = Bytes(bytes, count: 16).ipv6(at: 0)
        default: return nil
        }
    }
}

/// An address as libnl takes it, for as long as this object.
final class NetlinkAddress {
    let pointer: OpaquePointer

    /// - Parameter length: of a prefix in bits; all of them without it.
    init?(_ address: IPAddress, length: Int? = nil) {
        guard let built = address.withNetworkBytes({ nl_addr_build(address.isV4 ? AF_INET : AF_INET6, $0, $1) }) else { return nil }
        if let length { nl_addr_set_prefixlen(built, Int32(clamping: length)) }
        pointer = built
    }

    deinit { nl_addr_put(pointer) }
}

/// Interface flags of if.h (IFF_UP, IFF_LOOPBACK).
private enum LinkFlags {
    static var up: UInt32 { 0x1 }
    static var loopback: UInt32 { 0x8 }
}

extension LVS.Network.Interface {
    /// `link` is a `struct rtnl_link`. A link without an Ethernet address has MAC zero.
    init?(link: OpaquePointer) {
        guard let name = rtnl_link_get_name(link) else { return nil }
        let flags = rtnl_link_get_flags(link)
        self.init(
            index: rtnl_link_get_ifindex(link), name: String(cString: name),
            mac: MACAddress(rtnl_link_get_addr(link)) ?? .zero, mtu: Int(rtnl_link_get_mtu(link)),
            isUp: flags & LinkFlags.up != 0, isLoopback: flags & LinkFlags.loopback != 0)
    }
}

extension MACAddress {
    /// A link-layer address of libnl; `nil` unless it has six octets.
    init?(_ address: OpaquePointer?) {
        guard let address, nl_addr_get_len(address) == 6, let bytes = nl_addr_get_binary_addr(address) else { return nil }
        self = Bytes(bytes, count: 6).mac(at: 0)
    }
}

extension LVS.Network.Address {
    /// `address` is a `struct rtnl_addr`. Of a point-to-point address the own end counts.
    init?(address: OpaquePointer) {
        guard let local = IPAddress(rtnl_addr_get_local(address)) else { return nil }
        self.init(
            address: local, prefixLength: Int(rtnl_addr_get_prefixlen(address)), interface: rtnl_addr_get_ifindex(address),
            scope: UInt8(clamping: rtnl_addr_get_scope(address)),
            isSecondary: Int(rtnl_addr_get_flags(address)) & Int(IFA_F_SECONDARY) != 0)
    }
}

/// Whether duplicate address detection has not passed an address (RFC 4862 section 5.4), which is then not assigned yet;
/// the kernel tells of it only afterwards. `address` is a `struct rtnl_addr`.
func isTentative(_ address: OpaquePointer) -> Bool {
    let flags = Int(rtnl_addr_get_flags(address))
    return flags & Int(IFA_F_TENTATIVE) != 0 && flags & Int(IFA_F_OPTIMISTIC) == 0
}

/// A neighbour entry: the MAC is `nil` while the kernel knows none that works.
struct NeighborEntry {
    let key: LVS.Network.NeighborKey
    let mac: MACAddress?
    /// The kernel has asked for the MAC in vain.
    let hasFailed: Bool
    /// Somebody has said what the MAC is, and nobody is to be asked.
    let isStatic: Bool

    /// States in which the kernel itself would send to the entry's MAC; NOARP entries stand for multicast and the like.
    private static var usable: Int32 { NUD_REACHABLE | NUD_STALE | NUD_DELAY | NUD_PROBE | NUD_PERMANENT }

    /// `neighbor` is a `struct rtnl_neigh`.
    init?(neighbor: OpaquePointer) {
        guard rtnl_neigh_get_flags(neighbor) & UInt32(NTF_PROXY) == 0,
            let address = IPAddress(rtnl_neigh_get_dst(neighbor))
        else { return nil }
        key = LVS.Network.NeighborKey(address: address, interface: rtnl_neigh_get_ifindex(neighbor))
        let state = rtnl_neigh_get_state(neighbor)
        hasFailed = state > 0 && state & NUD_FAILED != 0
        isStatic = state > 0 && state & (NUD_PERMANENT | NUD_NOARP) != 0
        mac = state > 0 && state & Self.usable != 0 ? MACAddress(rtnl_neigh_get_lladdr(neighbor)) : nil
    }
}
