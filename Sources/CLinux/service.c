#define _GNU_SOURCE
#include "service.h"

#include "descriptors.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/if_packet.h>
#include <stddef.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <unistd.h>

int svs_notify(const char *path, const void *text, size_t count, const int *descriptors, int descriptor_count)
{
    struct sockaddr_un address = { .sun_family = AF_UNIX };
    size_t length = strlen(path);
    if (length < 2 || length >= sizeof address.sun_path) return -EINVAL;
    memcpy(address.sun_path, path, length);
    if (path[0] == '@') address.sun_path[0] = 0;
    union descriptor_room room;
    struct iovec part = { .iov_base = (void *)text, .iov_len = count };
    struct msghdr message = {
        .msg_name = &address,
        .msg_namelen = offsetof(struct sockaddr_un, sun_path) + length,
        .msg_iov = &part,
        .msg_iovlen = 1,
    };
    int end = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (end < 0) return -errno;
    // Whoever supervises may be busy, but must not be waited for.
    int failure = svs_send_with(end, &message, &room, descriptors, descriptor_count, MSG_DONTWAIT);
    close(end);
    return failure;
}

int svs_socket_is(int descriptor, int family, int protocol)
{
    int value = 0;
    socklen_t size = sizeof value;
    if (getsockopt(descriptor, SOL_SOCKET, SO_DOMAIN, &value, &size) || value != family) return 0;
    if (protocol < 0) return 1;
    size = sizeof value;
    return !getsockopt(descriptor, SOL_SOCKET, SO_PROTOCOL, &value, &size) && value == protocol;
}

int svs_packet_interface(int descriptor)
{
    struct sockaddr_ll address;
    socklen_t size = sizeof address;
    memset(&address, 0, sizeof address);
    if (getsockname(descriptor, (struct sockaddr *)&address, &size) || address.sll_family != AF_PACKET) return 0;
    return address.sll_ifindex > 0 ? address.sll_ifindex : 0;
}

int svs_become(const char *path, char *const *arguments, char *const *environment)
{
    execve(path, arguments, environment);
    return -errno;
}

int svs_process_open(int process)
{
    int descriptor = (int)syscall(SYS_pidfd_open, process, 0);
    return descriptor < 0 ? -errno : descriptor;
}

int svs_keep_open(int descriptor, int keeps) { return fcntl(descriptor, F_SETFD, keeps ? 0 : FD_CLOEXEC) ? -errno : 0; }
