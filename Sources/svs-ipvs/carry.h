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
    /// Whether an acknowledgement ends that answer, and whether all of the answer has come.
    bool acknowledges;
    bool is_settled;
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

/// Notes what of the answer to the last request has come with a datagram.
void svs_note_answer(struct carried *socket, const struct msghdr *message, size_t length);

/// A file with the text of one of the kernel's /proc/net/ip_vs files, or -1 when `path` is none of them or no director
/// answers.
int svs_proc_file(const char *path, int flags);

/// Seconds that a director is waited for where the program does not say how long.
enum { SVS_PATIENCE = 5 };

// connections.c

/// A connection that no other socket of this process uses: the one that is kept, or a new one; -1 with errno.
int svs_connection(void);
/// Keeps a connection, and gives up the one that was kept before. `carrier` is the socket that it serves first.
void svs_keep(int fd, int carrier);
/// Notes how far the last request on a socket is answered.
void svs_note_kept(const struct carried *socket);
/// The inode of an open socket; 0 of anything else.
ino_t svs_inode(int fd);

// sockets.c, for carry.c

/// Whether a socket is generic netlink, and its port id.
bool svs_is_generic(int fd, uint32_t *port);
/// Puts `other` in the place of `fd`, too; blocking mode, timeouts and epoll registrations stay.
bool svs_replace(int fd, int other);
void svs_remember(struct carried socket);
/// Something is registered with an epoll instance: from now on those are looked through.
void svs_note_registration(void);

#pragma GCC visibility pop

#endif
