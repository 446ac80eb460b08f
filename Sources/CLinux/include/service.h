#ifndef SVS_SERVICE_H
#define SVS_SERVICE_H

#include <stddef.h>

/// Sends one datagram, with `descriptors`, to the socket at `path` (`@` in front: in the abstract namespace). 0 or a negative
/// errno.
int svs_notify(const char *path, const void *text, size_t count, const int *descriptors, int descriptor_count);

/// Whether a descriptor is a socket of this family and protocol; a protocol of -1 is any.
int svs_socket_is(int descriptor, int family, int protocol);

/// The interface that a packet socket is bound to; 0 for none.
int svs_packet_interface(int descriptor);

/// Becomes another program in this process. Descriptors that are not closed on execution go with it. Returns only when that
/// fails: a negative errno.
int svs_become(const char *path, char *const *arguments, char *const *environment);

/// Keeps a descriptor open when the process becomes another program, or not. 0 or a negative errno.
int svs_keep_open(int descriptor, int keeps);

/// A descriptor that is readable when that process has ended (pidfd_open(2)); a negative errno when there is none.
int svs_process_open(int process);

#endif
