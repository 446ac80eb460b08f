// The C library's functions that this library stands in front of. Each hands over what is not its business.
//
// No _GNU_SOURCE here: with it glibc declares socket addresses as transparent unions, which can't be defined again.
#include "carry.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <linux/netlink.h>

// Looked up once; two threads that do it at the same time find the same.
#define NEXT(name)                                       \
    ({                                                   \
        static __typeof__(&name) next;                   \
        if (!next) next = (__typeof__(&name))svs_next(#name); \
        next;                                            \
    })

// Other names of the same functions, which headers give to programs compiled with other settings.
int open64(const char *path, int flags, ...);
int openat64(int folder, const char *path, int flags, ...);
int __open_2(const char *path, int flags);
int __open64_2(const char *path, int flags);
int __openat_2(int folder, const char *path, int flags);
int __openat64_2(int folder, const char *path, int flags);
FILE *fopen64(const char *path, const char *mode);
ssize_t __recv_chk(int fd, void *bytes, size_t count, size_t room, int flags);
ssize_t __recvfrom_chk(int fd, void *bytes, size_t count, size_t room, int flags, struct sockaddr *address,
                       socklen_t *length);

ssize_t sendmsg(int fd, const struct msghdr *message, int flags)
{
    ssize_t sent;
    return svs_send(fd, message, flags, &sent) ? sent : NEXT(sendmsg)(fd, message, flags);
}

static bool send_bytes(int fd, const void *bytes, size_t count, int flags, ssize_t *sent)
{
    struct iovec part = { (void *)bytes, count };
    struct msghdr message = { .msg_iov = &part, .msg_iovlen = 1 };
    return svs_send(fd, &message, flags, sent);
}

ssize_t sendto(int fd, const void *bytes, size_t count, int flags, const struct sockaddr *address, socklen_t length)
{
    ssize_t sent;
    return send_bytes(fd, bytes, count, flags, &sent) ? sent : NEXT(sendto)(fd, bytes, count, flags, address, length);
}

ssize_t send(int fd, const void *bytes, size_t count, int flags)
{
    ssize_t sent;
    return send_bytes(fd, bytes, count, flags, &sent) ? sent : NEXT(send)(fd, bytes, count, flags);
}

ssize_t recvmsg(int fd, struct msghdr *message, int flags)
{
    struct carried socket;
    return svs_find(fd, &socket) ? svs_receive(&socket, message, flags) : NEXT(recvmsg)(fd, message, flags);
}

static ssize_t receive_bytes(const struct carried *socket, void *bytes, size_t count, int flags, struct sockaddr *address,
                             socklen_t *length)
{
    struct iovec part = { bytes, count };
    struct msghdr message = {
        .msg_name = address, .msg_namelen = address && length ? *length : 0, .msg_iov = &part, .msg_iovlen = 1,
    };
    ssize_t received = svs_receive(socket, &message, flags);
    if (received >= 0 && address && length) *length = message.msg_namelen;
    return received;
}

ssize_t recvfrom(int fd, void *bytes, size_t count, int flags, struct sockaddr *address, socklen_t *length)
{
    struct carried socket;
    return svs_find(fd, &socket) ? receive_bytes(&socket, bytes, count, flags, address, length)
                                 : NEXT(recvfrom)(fd, bytes, count, flags, address, length);
}

ssize_t recv(int fd, void *bytes, size_t count, int flags)
{
    struct carried socket;
    return svs_find(fd, &socket) ? receive_bytes(&socket, bytes, count, flags, NULL, NULL)
                                 : NEXT(recv)(fd, bytes, count, flags);
}

ssize_t __recv_chk(int fd, void *bytes, size_t count, size_t room, int flags)
{
    struct carried socket;
    return count <= room && svs_find(fd, &socket) ? receive_bytes(&socket, bytes, count, flags, NULL, NULL)
                                                  : NEXT(__recv_chk)(fd, bytes, count, room, flags);
}

ssize_t __recvfrom_chk(int fd, void *bytes, size_t count, size_t room, int flags, struct sockaddr *address,
                       socklen_t *length)
{
    struct carried socket;
    return count <= room && svs_find(fd, &socket)
        ? receive_bytes(&socket, bytes, count, flags, address, length)
        : NEXT(__recvfrom_chk)(fd, bytes, count, room, flags, address, length);
}

int getsockname(int fd, struct sockaddr *address, socklen_t *length)
{
    struct carried socket;
    if (!svs_find(fd, &socket)) return NEXT(getsockname)(fd, address, length);
    struct sockaddr_nl name = { .nl_family = AF_NETLINK, .nl_pid = socket.port };
    memcpy(address, &name, *length < sizeof name ? *length : sizeof name);
    *length = sizeof name;
    return 0;
}

int bind(int fd, const struct sockaddr *address, socklen_t length)
{
    struct carried socket;
    return svs_find(fd, &socket) ? 0 : NEXT(bind)(fd, address, length);
}

int connect(int fd, const struct sockaddr *address, socklen_t length)
{
    struct carried socket;
    return svs_find(fd, &socket) ? 0 : NEXT(connect)(fd, address, length);
}

int getsockopt(int fd, int level, int option, void *value, socklen_t *length)
{
    struct carried socket;
    if (svs_find(fd, &socket)) {
        int answer = 0;
        bool is_ours = level == SOL_NETLINK;
        if (level == SOL_SOCKET && (option == SO_DOMAIN || option == SO_PROTOCOL || option == SO_TYPE)) {
            answer = option == SO_DOMAIN ? AF_NETLINK : option == SO_PROTOCOL ? NETLINK_GENERIC : SOCK_RAW;
            is_ours = true;
        }
        if (is_ours) {
            if (*length > sizeof answer) *length = sizeof answer;
            memcpy(value, &answer, *length);
            return 0;
        }
    }
    return NEXT(getsockopt)(fd, level, option, value, length);
}

int setsockopt(int fd, int level, int option, const void *value, socklen_t length)
{
    struct carried socket;
    if (level == SOL_NETLINK && svs_find(fd, &socket)) return 0;
    return NEXT(setsockopt)(fd, level, option, value, length);
}

int epoll_ctl(int epoll, int operation, int fd, struct epoll_event *event)
{
    svs_note_registration();
    return NEXT(epoll_ctl)(epoll, operation, fd, event);
}

// The mode is there when a file may be made: O_CREAT, or the bit of O_TMPFILE.
#define MODE(flags)                                      \
    mode_t mode = 0;                                     \
    if (flags & (O_CREAT | 020000000)) {                 \
        va_list rest;                                    \
        va_start(rest, flags);                           \
        mode = va_arg(rest, mode_t);                     \
        va_end(rest);                                    \
    }

#define OPEN(name)                                       \
    int name(const char *path, int flags, ...)           \
    {                                                    \
        MODE(flags)                                      \
        int file = svs_proc_file(path, flags);           \
        return file >= 0 ? file : NEXT(name)(path, flags, mode); \
    }
OPEN(open)
OPEN(open64)

#define OPEN_AT(name)                                    \
    int name(int folder, const char *path, int flags, ...) \
    {                                                    \
        MODE(flags)                                      \
        int file = svs_proc_file(path, flags);           \
        return file >= 0 ? file : NEXT(name)(folder, path, flags, mode); \
    }
OPEN_AT(openat)
OPEN_AT(openat64)

#define OPEN_CHECKED(name)                               \
    int name(const char *path, int flags)                \
    {                                                    \
        int file = svs_proc_file(path, flags);           \
        return file >= 0 ? file : NEXT(name)(path, flags); \
    }
OPEN_CHECKED(__open_2)
OPEN_CHECKED(__open64_2)

#define OPEN_AT_CHECKED(name)                            \
    int name(int folder, const char *path, int flags)    \
    {                                                    \
        int file = svs_proc_file(path, flags);           \
        return file >= 0 ? file : NEXT(name)(folder, path, flags); \
    }
OPEN_AT_CHECKED(__openat_2)
OPEN_AT_CHECKED(__openat64_2)

#define FOPEN(name)                                      \
    FILE *name(const char *path, const char *mode)       \
    {                                                    \
        bool reads = mode[0] == 'r' && !strchr(mode, '+'); \
        int file = reads ? svs_proc_file(path, O_RDONLY | O_CLOEXEC) : -1; \
        return file >= 0 ? fdopen(file, mode) : NEXT(name)(path, mode); \
    }
FOPEN(fopen)
FOPEN(fopen64)
