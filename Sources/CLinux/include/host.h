#ifndef SVS_CLINUX_HOST_H
#define SVS_CLINUX_HOST_H

#include <stdint.h>

/// Gives a socket a receive buffer of `bytes`, beyond net.core.rmem_max where the process may.
void svs_receive_buffer(int fd, int bytes);

/// Moves the calling thread into a new network namespace and gives a descriptor of the one it was in; negative errno on
/// failure.
int svs_enter_new_network(void);

/// Moves the calling thread into the network namespace of a descriptor, which is closed; 0 or a positive errno.
int svs_enter_network(int fd);

#endif
