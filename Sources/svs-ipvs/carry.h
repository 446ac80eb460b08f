#ifndef SVS_IPVS_CARRY_H
#define SVS_IPVS_CARRY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct msghdr;

#pragma GCC visibility push(hidden)

/// A netlink socket whose descriptor now is a connection to the control socket.
struct carried {
    int fd;
    /// Tells whether the descriptor has been closed and used again meanwhile.
    ino_t inode;
    /// The port id that the netlink socket had.
    uint32_t port;
    /// Sequence number of the last request, and whether its answer is still to come.
    uint32_t sequence;
    bool waits;
    /// Bytes of the answer so far.
    size_t heard;
};

/// The function of that name which this library stands in front of.
void *svs_next(const char *name);

/// A new connection to the control socket, or -1 with errno. A director that was there and is gone is waited for, five seconds
/// long and once: it is restarted, or it was stopped.
int svs_connect(void);

/// Finds a carried socket; false for any other descriptor.
bool svs_find(int fd, struct carried *found);

/// Sends a datagram if it is for the director; false leaves it to the kernel. Never fails: what can't be delivered is
/// answered with an error message, for keepalived repeats a failed send for ever.
bool svs_send(int fd, const struct msghdr *message, int flags, ssize_t *result);

/// Receives on a carried socket, as from the kernel.
ssize_t svs_receive(const struct carried *socket, struct msghdr *message, int flags);

/// A file with the text of one of the kernel's /proc/net/ip_vs files, or -1 when `path` is none of them or no director
/// answers.
int svs_proc_file(const char *path, int flags);

// sockets.c, for carry.c

/// Whether a socket is generic netlink, and its port id.
bool svs_is_generic(int fd, uint32_t *port);
/// Puts `other` in the place of `fd` (and closes `other`); blocking mode, timeouts and epoll registrations stay.
bool svs_replace(int fd, int other);
void svs_remember(struct carried socket);

#pragma GCC visibility pop

#endif
