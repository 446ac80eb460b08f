#ifndef SVS_LANE_H
#define SVS_LANE_H

#include <stdint.h>

/// How far two threads are that hand things over in order: one fills places, the other empties them, each at its own pace, and
/// each sleeps while it waits for the other. Counts only grow; what lies in the places is theirs. One writer for each count, and
/// a cache line for each writer, where the lane begins at one.
struct svs_lane {
    uint64_t filled;
    uint8_t apart[56];
    uint64_t emptied;
    uint8_t also_apart[56];
    /// What was filled when the emptying thread went to sleep is all there is (futex(2)).
    uint32_t is_asleep;
    /// The filling thread sleeps until more is emptied.
    uint32_t is_awaited;
    uint32_t is_over;
};

/// How much is filled.
static inline uint64_t svs_lane_filled(const struct svs_lane *lane) { return __atomic_load_n(&lane->filled, __ATOMIC_ACQUIRE); }

/// How much of it is emptied.
static inline uint64_t svs_lane_emptied(const struct svs_lane *lane) { return __atomic_load_n(&lane->emptied, __ATOMIC_ACQUIRE); }

/// Wakes whoever sleeps on `word`.
void svs_lane_wake(uint32_t *word);

/// The filling thread has filled `count` places by now.
static inline void svs_lane_fill(struct svs_lane *lane, uint64_t count)
{
    __atomic_store_n(&lane->filled, count, __ATOMIC_SEQ_CST);
    if (__atomic_load_n(&lane->is_asleep, __ATOMIC_SEQ_CST)) svs_lane_wake(&lane->is_asleep);
}

/// The emptying thread has emptied `count` places by now.
static inline void svs_lane_empty(struct svs_lane *lane, uint64_t count)
{
    __atomic_store_n(&lane->emptied, count, __ATOMIC_SEQ_CST);
    if (__atomic_load_n(&lane->is_awaited, __ATOMIC_SEQ_CST)) svs_lane_wake(&lane->is_awaited);
}

/// Waits until more than `emptied` places are filled or the lane is over, in which case no more is filled than that.
uint64_t svs_lane_await_filled(struct svs_lane *lane, uint64_t emptied);

/// Waits until `count` places are emptied.
void svs_lane_await_emptied(struct svs_lane *lane, uint64_t count);

/// Nothing more will be filled.
void svs_lane_end(struct svs_lane *lane);

#endif
