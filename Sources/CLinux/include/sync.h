#ifndef SVS_SYNC_H
#define SVS_SYNC_H

#include <stdint.h>

// UDP sockets by which directors tell each other of their connections. Addresses are 16 bytes as in IPv6, IPv4 mapped into
// them. Each function returns a non-blocking descriptor, or -errno.

/// A socket that sends to a multicast group out of an interface, connected. Nothing of it comes back to this host, and what is
/// too long for the interface leaves in fragments.
/// `source`: the address to send from, of IPv4; `buffer`: bytes of the socket's buffer, 0 for the system's own.
int svs_sync_sender(const char *interface, const uint8_t *source, const uint8_t *group, uint16_t port, uint8_t ttl, int32_t buffer);

/// A socket that hears what comes in on an interface for a multicast group and port.
int svs_sync_receiver(const char *interface, const uint8_t *group, uint16_t port, int32_t buffer);

#endif
