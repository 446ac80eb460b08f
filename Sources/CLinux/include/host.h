#ifndef SVS_CLINUX_HOST_H
#define SVS_CLINUX_HOST_H

#include <stdint.h>

/// Gives a socket a receive buffer of `bytes`, beyond net.core.rmem_max where the process may.
void svs_receive_buffer(int fd, int bytes);

/// Has a socket that hears of nftables' changes (NFNLGRP_NFTABLES) leave out those of tables of family netdev whose name is the
/// prefix, four bytes, and digits and underlines, twelve at most; and the numbers of generations. A transaction's changes come
/// together, and the first one speaks for all. Negative errno.
int svs_leave_out_rules(int fd, const char *prefix);

/// Moves the calling thread into a new network namespace and gives a descriptor of the one it was in; negative errno on
/// failure.
int svs_enter_new_network(void);

/// Moves the calling thread into the network namespace of a descriptor, which is closed; 0 or a positive errno.
int svs_enter_network(int fd);

/// Makes a TUN device of bare IP packets, non-blocking, which lasts as long as the descriptor. `name` (IFNAMSIZ bytes) is
/// the wanted name or a pattern such as `svs%d`, and becomes the device's name. With `vnet` each packet has a virtio_net_hdr
/// of 10 bytes in front; `offloads` are TUN_F_* bits for packets that the kernel hands over. Negative errno on failure.
int svs_tun_open(char *name, int vnet, unsigned offloads);

/// Sets a link's MTU and takes it up; 0 or a positive errno.
int svs_link_up(const char *name, int mtu);

/// Gives a link an IPv4 address; 0 or a positive errno.
int svs_link_address(const char *name, const uint8_t address[4]);

struct svs_link_facts {
    int32_t index;
    int32_t mtu;
    uint8_t mac[6];
    /// Hardware type (ARPHRD_*); 1 for Ethernet.
    uint16_t type;
    uint16_t flags;
    /// 1 when the driver or the kernel joins segments that come in: large and generic receive offload.
    uint8_t lro;
    uint8_t gro;
};

/// What the kernel says about a link; 0 or a positive errno.
int svs_link_facts(const char *name, struct svs_link_facts *facts);

#endif
