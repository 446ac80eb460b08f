#ifndef SVS_CBENCH_H
#define SVS_CBENCH_H

#include <stdint.h>

// The work of a director for one packet of a known connection, in plain C: the yardstick for the engine.

/// A table of connections, as large as the engine's.
struct cbench;

struct cbench *cbench_new(uint32_t capacity, uint32_t index_words);
void cbench_free(struct cbench *bench);

/// Makes the connection of a frame, sent to `server` (0 to 15) from then on; 0 when there is no room or the frame is none
/// that can be directed.
int cbench_learn(struct cbench *bench, const uint8_t *frame, uint32_t length, uint32_t server, uint64_t now);

/// Directs `count` frames: parse, flow hash, lookup, TCP state, deadline, counters, TTL and checksum, two MACs. Lookups are
/// prefetched over the batch. Returns how many frames were forwarded.
uint32_t cbench_direct(struct cbench *bench, uint8_t *const *frames, const uint32_t *lengths, uint32_t count, uint64_t now);

// A ring of received frames in memory, as the kernel fills one (TPACKET_V2).

/// Fills `count` slots from `first` on, each with a frame of `length` bytes.
void cbench_ring_fill(void *ring, uint32_t slots, uint32_t slot_size, uint32_t first, uint32_t count, uint32_t length);

/// Sends the frames of up to `count` slots by a socket and gives the slots back; how many went. The yardstick for a link.
uint32_t cbench_ring_carry(void *ring, uint32_t slots, uint32_t slot_size, uint32_t first, uint32_t count, int socket);

#endif
