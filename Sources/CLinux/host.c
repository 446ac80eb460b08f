#define _GNU_SOURCE
#include "host.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/ethtool.h>
#include <linux/if_tun.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <netinet/in.h>
#include <sched.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

void svs_receive_buffer(int fd, int bytes) {
    if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &bytes, sizeof bytes) != 0)
        setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &bytes, sizeof bytes);
}

int svs_enter_new_network(void) {
    int old = open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC);
    if (old < 0) return -errno;
    if (unshare(CLONE_NEWNET) != 0) {
        int error = errno;
        close(old);
        return -error;
    }
    return old;
}

int svs_enter_network(int fd) {
    int error = setns(fd, CLONE_NEWNET) == 0 ? 0 : errno;
    close(fd);
    return error;
}

/// A name that does not fit is no name of a link.
static int set_name(struct ifreq *request, const char *name) {
    memset(request, 0, sizeof *request);
    size_t length = strlen(name);
    if (length == 0 || length >= IFNAMSIZ) return ENODEV;
    memcpy(request->ifr_name, name, length);
    return 0;
}

int svs_tun_open(char *name, int vnet, unsigned offloads) {
    struct ifreq request;
    int error = set_name(&request, name);
    if (error) return -error;
    int fd = open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC);
    if (fd < 0) return -errno;
    // Exclusive: without it, a persistent device of that name would be taken over.
    request.ifr_flags = IFF_TUN | IFF_NO_PI | IFF_TUN_EXCL | (vnet ? IFF_VNET_HDR : 0);
    if (ioctl(fd, TUNSETIFF, &request) != 0 || (vnet && ioctl(fd, TUNSETOFFLOAD, (unsigned long)offloads) != 0)) {
        error = errno;
        close(fd);
        return -error;
    }
    memcpy(name, request.ifr_name, IFNAMSIZ);
    name[IFNAMSIZ - 1] = 0;
    return fd;
}

int svs_link_up(const char *name, int mtu) {
    struct ifreq request;
    int error = set_name(&request, name);
    if (error) return error;
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd < 0) return errno;
    request.ifr_mtu = mtu;
    if (ioctl(fd, SIOCSIFMTU, &request) != 0) error = errno;
    if (!error && ioctl(fd, SIOCGIFFLAGS, &request) != 0) error = errno;
    request.ifr_flags |= IFF_UP;
    if (!error && ioctl(fd, SIOCSIFFLAGS, &request) != 0) error = errno;
    close(fd);
    return error;
}

int svs_link_address(const char *name, const uint8_t address[4]) {
    struct ifreq request;
    int error = set_name(&request, name);
    if (error) return error;
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd < 0) return errno;
    struct sockaddr_in own = {.sin_family = AF_INET};
    memcpy(&own.sin_addr, address, 4);
    memcpy(&request.ifr_addr, &own, sizeof own);
    if (ioctl(fd, SIOCSIFADDR, &request) != 0) error = errno;
    close(fd);
    return error;
}

/// The answer to one of ethtool's questions whose answer is one number; 0 where the driver has none.
static uint32_t ethtool_value(int fd, const char *name, uint32_t command) {
    struct ifreq request;
    struct ethtool_value value = {.cmd = command};
    if (set_name(&request, name)) return 0;
    request.ifr_data = (void *)&value;
    return ioctl(fd, SIOCETHTOOL, &request) == 0 ? value.data : 0;
}

int svs_link_facts(const char *name, struct svs_link_facts *facts) {
    struct ifreq request;
    memset(facts, 0, sizeof *facts);
    int error = set_name(&request, name);
    if (error) return error;
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd < 0) return errno;
    if (ioctl(fd, SIOCGIFINDEX, &request) != 0) error = errno;
    facts->index = request.ifr_ifindex;
    if (!error && ioctl(fd, SIOCGIFMTU, &request) != 0) error = errno;
    facts->mtu = request.ifr_mtu;
    if (!error && ioctl(fd, SIOCGIFFLAGS, &request) != 0) error = errno;
    facts->flags = (uint16_t)request.ifr_flags;
    if (!error && ioctl(fd, SIOCGIFHWADDR, &request) != 0) error = errno;
    facts->type = request.ifr_hwaddr.sa_family;
    memcpy(facts->mac, request.ifr_hwaddr.sa_data, 6);
    if (!error) {
        facts->lro = (ethtool_value(fd, name, ETHTOOL_GFLAGS) & ETH_FLAG_LRO) != 0;
        facts->gro = ethtool_value(fd, name, ETHTOOL_GGRO) != 0;
    }
    close(fd);
    return error;
}
