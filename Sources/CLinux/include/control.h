#ifndef SVS_CONTROL_H
#define SVS_CONTROL_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

// The Unix socket that the control protocol travels over: AF_UNIX, SOCK_SEQPACKET, one datagram of netlink a packet.
// Each function returns -errno on failure.

/// A listening, non-blocking socket at `path`, mode 0600; where `group` is not -1 it is that group's, mode 0660, which takes
/// CAP_SETGID or a member of the group (else EPERM). A socket file that nobody listens at is replaced. `device` and `inode` receive
/// what identifies the file.
int svs_control_listen(const char *path, int64_t group, uint64_t *device, uint64_t *inode);
/// The same of a socket that was made so before: 0 when it listens at `path` and the file is still there.
int svs_control_identify(int listener, const char *path, uint64_t *device, uint64_t *inode);

/// Removes the socket file, if it is still the one that `svs_control_listen` made.
void svs_control_unlink(const char *path, uint64_t device, uint64_t inode);

/// Takes the next client, non-blocking; `uid` receives the user it ran as when it connected (SO_PEERCRED).
int svs_control_accept(int listener, uint32_t *uid);

/// Takes over a client whom another process let in, non-blocking; `uid` receives the user as above. 1 when the packet at the
/// head of its queue was looked at and not discarded, 0 when not.
int svs_control_adopt(int fd, uint32_t *uid);
/// Lets the next look at the queue begin at its head again; as if nothing had been looked at.
int svs_control_rewind(int fd);

/// A variable of the environment; NULL also for a program that runs with more rights than who called it.
const char *svs_secure_variable(const char *name);

/// A blocking socket connected to `path`; a read or write gives up with EAGAIN after `seconds` (0 never). For root -EREMOTE when
/// whoever listens there is neither root nor the user svs.
int svs_control_connect(const char *path, unsigned seconds);

/// Sends one packet, without SIGPIPE.
ssize_t svs_control_send(int fd, const void *bytes, size_t count);

/// Receives one packet; the result is its whole length, greater than `count` when the rest is lost. 0 is the end.
ssize_t svs_control_receive(int fd, void *bytes, size_t count);

/// Looks at the packet at the head of the queue; once only, until it is discarded. The result is as above.
ssize_t svs_control_peek(int fd, void *bytes, size_t count);

/// Takes the packet off the queue that was looked at.
int svs_control_discard(int fd);

/// Seconds since the machine started, for deadlines.
uint64_t svs_monotonic_seconds(void);

/// Changes the effective user of this thread alone, to act as a client would that is not root.
int svs_thread_user(uint32_t user);

#endif
