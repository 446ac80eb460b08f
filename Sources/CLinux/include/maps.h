#ifndef SVS_MAPS_H
#define SVS_MAPS_H

#include <stdint.h>

#include "carrying.h"

// Maps of a BPF program in the kernel (bpf(2)), by their descriptors. Keys and values are as long as the map says. Functions return
// a negative errno on failure.

/// Puts an element in the place of what its key has.
int svs_map_put(int map, const void *key, const void *value);
/// Reads the element of a key; of a map by processor that of each possible one, each at the next multiple of 8 bytes.
int svs_map_get(int map, const void *key, void *value);
/// Reads an element and removes it.
int svs_map_take(int map, const void *key, void *value);
/// Reads some elements of a hash and removes them. `position` is 0 at first, and is moved; `count` is how many there is room for, then
/// how many there were. Returns 1 when there are more, 0 at the end.
int svs_map_take_some(int map, uint32_t *position, void *keys, void *values, uint32_t *count);
/// Maps the elements of an array into this process's memory.
int svs_map_share(int map, uint64_t size, void **memory);
void svs_map_unshare(void *memory, uint64_t size);
/// Processors for which a map by processor has values.
int svs_possible_processors(void);
/// Has the program of this descriptor be the socket's filter (SO_ATTACH_BPF).
int svs_socket_program(int socket, int program);

// The memory that the director and the program share. The program sees each change at its next frame.

#define SVS_CARRY_SHARED_SIZE sizeof(struct svs_carry_shared)

static inline struct svs_carry_shared *svs_carry_in(void *memory) { return memory; }
static inline void svs_carry_say(uint32_t *word, uint32_t value) { __atomic_store_n(word, value, __ATOMIC_SEQ_CST); }
static inline uint32_t svs_carry_hear(const uint32_t *word) { return __atomic_load_n(word, __ATOMIC_ACQUIRE); }
static inline void svs_carry_set_on(void *memory, int is_on) { svs_carry_say(&svs_carry_in(memory)->is_on, is_on != 0); }
static inline int svs_carry_is_on(const void *memory) { return svs_carry_hear(&((const struct svs_carry_shared *)memory)->is_on) != 0; }
static inline int svs_carry_is_refused(const void *memory)
{
    return svs_carry_hear(&((const struct svs_carry_shared *)memory)->is_refused) != 0;
}
static inline void svs_carry_set_through(void *memory, uint64_t moment)
{
    __atomic_store_n(&svs_carry_in(memory)->through, moment, __ATOMIC_RELEASE);
}
/// By which a flow to a server is carried that is put into the map now.
static inline uint32_t svs_carry_generation(const void *memory, uint32_t server)
{
    const struct svs_carry_shared *shared = memory;
    return shared->generation + (server < SVS_CARRY_SERVERS ? shared->generations[server] : 0);
}
/// From now on no flow is carried that was put into the map before: of one server, or of all for a number that none has.
static inline void svs_carry_next_generation(void *memory, uint32_t server)
{
    struct svs_carry_shared *shared = memory;
    uint32_t *word = server < SVS_CARRY_SERVERS ? &shared->generations[server] : &shared->generation;
    svs_carry_say(word, *word + 1);
}
/// Returns when none of these processors decides any more about a frame by what stood in the maps before; -ETIMEDOUT after so many
/// nanoseconds.
int svs_carry_await(const void *memory, int processors, uint64_t patience);
/// The rules that are not in force, to be written, and then to be put in force.
static inline struct svs_carry_rules *svs_carry_next_rules(void *memory)
{
    struct svs_carry_shared *shared = memory;
    return &shared->rules[(shared->turn & 1) ^ 1];
}
static inline void svs_carry_turn_rules(void *memory)
{
    struct svs_carry_shared *shared = memory;
    svs_carry_say(&shared->turn, (shared->turn & 1) ^ 1);
}
static inline struct svs_carry_rule *svs_carry_rule_at(struct svs_carry_rules *rules, int place) { return &rules->all[place]; }

#endif
