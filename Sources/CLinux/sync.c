#define _GNU_SOURCE
#include "sync.h"

#include <errno.h>
#include <net/if.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static int is_v4(const uint8_t *address) { return IN6_IS_ADDR_V4MAPPED((const struct in6_addr *)address); }

static socklen_t endpoint(struct sockaddr_storage *out, const uint8_t *address, uint16_t port, unsigned scope)
{
    memset(out, 0, sizeof *out);
    if (is_v4(address)) {
        struct sockaddr_in *in = (struct sockaddr_in *)out;
        in->sin_family = AF_INET;
        in->sin_port = htons(port);
        memcpy(&in->sin_addr, address + 12, 4);
        return sizeof *in;
    }
    struct sockaddr_in6 *in6 = (struct sockaddr_in6 *)out;
    in6->sin6_family = AF_INET6;
    in6->sin6_port = htons(port);
    memcpy(&in6->sin6_addr, address, 16);
    in6->sin6_scope_id = scope;
    return sizeof *in6;
}

static int option(int fd, int level, int name, int value) { return setsockopt(fd, level, name, &value, sizeof value); }

static int failed(int fd)
{
    int failure = -errno;
    if (fd >= 0) close(fd);
    return failure;
}

static int opened(const uint8_t *group, int32_t buffer, int which)
{
    int fd = socket(is_v4(group) ? AF_INET : AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    // A shorter buffer than asked for is no reason to give up.
    if (fd >= 0 && buffer > 0) option(fd, SOL_SOCKET, which, buffer);
    return fd;
}

int svs_sync_sender(const char *interface, const uint8_t *source, const uint8_t *group, uint16_t port, uint8_t ttl, int32_t buffer)
{
    struct sockaddr_storage address;
    unsigned index = if_nametoindex(interface);
    if (!index) return -ENODEV;
    int fd = opened(group, buffer, SO_SNDBUF);
    if (fd < 0) return failed(fd);
    if (is_v4(group)) {
        struct ip_mreqn way = { .imr_ifindex = (int)index };
        if (setsockopt(fd, IPPROTO_IP, IP_MULTICAST_IF, &way, sizeof way) || option(fd, IPPROTO_IP, IP_MULTICAST_LOOP, 0)
            || option(fd, IPPROTO_IP, IP_MULTICAST_TTL, ttl) || option(fd, IPPROTO_IP, IP_MTU_DISCOVER, IP_PMTUDISC_DONT)
            || bind(fd, (struct sockaddr *)&address, endpoint(&address, source, 0, 0)))
            return failed(fd);
    } else if (option(fd, IPPROTO_IPV6, IPV6_MULTICAST_IF, (int)index) || option(fd, IPPROTO_IPV6, IPV6_MULTICAST_LOOP, 0)
               || option(fd, IPPROTO_IPV6, IPV6_MULTICAST_HOPS, ttl)
               || option(fd, IPPROTO_IPV6, IPV6_MTU_DISCOVER, IPV6_PMTUDISC_DONT)) {
        return failed(fd);
    }
    return connect(fd, (struct sockaddr *)&address, endpoint(&address, group, port, index)) ? failed(fd) : fd;
}

int svs_sync_receiver(const char *interface, const uint8_t *group, uint16_t port, int32_t buffer)
{
    struct sockaddr_storage address;
    unsigned index = if_nametoindex(interface);
    if (!index) return -ENODEV;
    int fd = opened(group, buffer, SO_RCVBUF);
    if (fd < 0) return failed(fd);
    if (option(fd, SOL_SOCKET, SO_REUSEADDR, 1) || setsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, interface, strlen(interface) + 1)
        || bind(fd, (struct sockaddr *)&address, endpoint(&address, group, port, index)))
        return failed(fd);
    struct group_req membership = { .gr_interface = index };
    endpoint(&membership.gr_group, group, port, index);
    int level = is_v4(group) ? IPPROTO_IP : IPPROTO_IPV6;
    return setsockopt(fd, level, MCAST_JOIN_GROUP, &membership, sizeof membership) ? failed(fd) : fd;
}
