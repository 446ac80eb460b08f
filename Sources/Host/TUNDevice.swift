import CLinux
import Glibc
public import Wire

/// A TUN device: IP packets without an Ethernet header, exchanged with the host stack. It lasts as long as this object.
public final class TUNDevice {
    public let name: String
    /// Readable (poll(2), POLLIN) when the host stack has sent a packet through the device.
    public let descriptor: Int32
    /// Interface index.
    public let index: Int32
    /// Whether each packet has a virtio_net_hdr of `Offload.length` bytes in front (`IFF_VNET_HDR`).
    public let hasOffload: Bool

    /// Makes the device `name`, or one named by a pattern such as `svs%d`, sets its MTU and takes it up. Its reverse path
    /// filter is switched off: packets that come out of it have strangers' source addresses. With `offload` the host stack
    /// takes, and hands over, superframes and partial checksums. Needs CAP_NET_ADMIN.
    public init(name wanted: String, mtu: Int = 1500, offload: Bool = false) throws(HostError) {
        let what = "make the TUN device \(wanted)"
        guard wanted.utf8.count < Int(IFNAMSIZ) else { throw HostError(what, cause: "a name has at most 15 characters") }
        var characters = Array(wanted.utf8CString) + [CChar](repeating: 0, count: Int(IFNAMSIZ))
        // TUN_F_CSUM | TUN_F_TSO4 | TUN_F_TSO6.
        let descriptor = svs_tun_open(&characters, offload ? 1 : 0, offload ? 0x7 : 0)
        guard descriptor >= 0 else { throw HostError(what, errno: 0 &- descriptor) }
        let name = String(decoding: characters.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
        self.name = name
        self.descriptor = descriptor
        hasOffload = offload
        index = Int32(bitPattern: if_nametoindex(name))
        // A device of ours has no neighbourhood: no link-local address, no router solicitations. Without IPv6 there is nothing to set.
        try? Sysctl.write("1", to: "net/ipv6/conf/\(name)/addr_gen_mode")
        try? Sysctl.write("0", to: "net/ipv6/conf/\(name)/accept_ra")
        try Sysctl.write("0", to: "net/ipv4/conf/\(name)/rp_filter")
        let error = svs_link_up(name, Int32(clamping: mtu))
        guard error == 0 else { throw HostError("take the TUN device \(name) up with MTU \(mtu)", errno: error) }
        // Without any address the loose filter of `all` takes nothing from the device. This one is the host's own anyway and
        // is chosen as nobody's source.
        let refusal = svs_link_address(name, [127, 83, 86, 83])
        guard refusal == 0 else { throw HostError("give the TUN device \(name) an address", errno: refusal) }
    }

    /// Goes on with a device that somebody else has made, its descriptor from now on this one's.
    public init(adopting descriptor: Int32, name: String, index: Int32, hasOffload: Bool) {
        self.descriptor = descriptor
        self.name = name
        self.index = index
        self.hasOffload = hasOffload
    }

    deinit { close(descriptor) }

    /// Reads one packet that the host stack sent, with its virtio_net_hdr in front when there is one. `nil` when none is
    /// waiting. What does not fit into `bytes` is lost.
    public func read(into bytes: Bytes) throws(HostError) -> Int? {
        let count = Glibc.read(descriptor, bytes.base, bytes.count)
        if count >= 0 { return count }
        switch errno {
        case EAGAIN, EINTR: return nil
        default: throw HostError("read from \(name)", errno: errno)
        }
    }

    /// Hands one packet to the host stack, as if it had come in on the device. False when the host stack refuses it: its
    /// queue is full, or the packet is malformed.
    public func write(_ packet: Bytes) throws(HostError) -> Bool {
        let count = Glibc.write(descriptor, packet.base, packet.count)
        if count >= 0 { return true }
        switch errno {
        case EAGAIN, EINTR, ENOBUFS, ENOMEM, EINVAL, EFAULT, EMSGSIZE: return false
        default: throw HostError("write to \(name)", errno: errno)
        }
    }
}
