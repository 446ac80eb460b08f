#ifndef SVS_SHARED_H
#define SVS_SHARED_H

#include <stdint.h>

// Words of memory that another process reads, perhaps after this one was killed between any two of its stores.

/// Stores a word after every store before it, and before every store behind it.
static inline void svs_publish(void *place, uint64_t value)
{
    __atomic_store_n((uint64_t *)place, value, __ATOMIC_RELEASE);
    __atomic_signal_fence(__ATOMIC_SEQ_CST);
}

/// Loads a word before anything that is loaded behind it.
static inline uint64_t svs_observe(const void *place) { return __atomic_load_n((const uint64_t *)place, __ATOMIC_ACQUIRE); }

#endif
