internal import CLinux
internal import Clibnl
internal import Glibc

/// Says when the host's nftables rules have changed (NFNLGRP_NFTABLES of linux/netfilter/nfnetlink.h), those of iptables included
/// where it keeps them there.
public final class RulesetNotifications {
    private let socket: NetlinkSocket

    /// Listens from now on, in the network namespace of this thread.
    public init() throws(HostError) {
        socket = try NetlinkSocket(groups: [7], protocol: NETLINK_NETFILTER)
        // The director's own table may have so many elements that word of them would push out word of others.
        let failure = svs_leave_out_rules(socket.descriptor, "svs_")
        guard failure == 0 else { throw HostError("follow the host's netfilter rules", errno: 0 &- failure) }
    }

    /// Goes on with a socket that somebody else has opened, its descriptor from now on this one's.
    public init(adopting descriptor: Int32) throws(HostError) {
        socket = try NetlinkSocket(adopting: descriptor, protocol: NETLINK_NETFILTER)
    }

    /// Readable (poll(2), POLLIN) when rules may have changed.
    public var descriptor: Int32 { socket.descriptor }

    /// Datagrams, of some dozens of messages each, that are taken at a time. A director's own table may bring a thousand.
    private static let most = 16

    /// Takes some of what waits; the descriptor stays readable while there is more. True when a table has changed that is not a
    /// director's own.
    public func drain() throws(HostError) -> Bool {
        var isForeign = false
        let drained = try socket.drain(atMost: Self.most) { message in
            // The generation's number (NFT_MSG_NEWGEN) follows the changes themselves.
            guard message.type & 0xff != 15 else { return }
            if !Self.isOwn(message) { isForeign = true }
        }
        return isForeign || drained == .overrun
    }

    /// Whether a message is about a table in which a director keeps the host's stack from its packets. The table's name is the
    /// first attribute of every kind of message, behind family, version and resource.
    private static func isOwn(_ message: RtnetlinkMessage) -> Bool {
        guard nlmsg_datalen(message.header) >= 4, let data = nlmsg_data(message.header), let name = nlmsg_find_attr(message.header, 4, 1),
            nla_len(name) > 0, let text = nla_get_string(name)
        else { return false }
        // NFPROTO_NETDEV.
        guard data.load(as: UInt8.self) == 5, strncmp(text, "svs_", 4) == 0 else { return false }
        return strspn(text + 4, "0123456789_") == strlen(text + 4)
    }
}
