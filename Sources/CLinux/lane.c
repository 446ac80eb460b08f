#define _GNU_SOURCE
#include "CLinux.h"

#include <linux/futex.h>
#include <sys/syscall.h>
#include <unistd.h>

// Looks at memory before a thread sleeps: some microseconds, less than being woken costs.
enum { LOOKS = 64 };

static void sleep_on(uint32_t *word) { syscall(SYS_futex, word, FUTEX_WAIT_PRIVATE, 1, NULL, NULL, 0); }

void svs_lane_wake(uint32_t *word)
{
    if (__atomic_exchange_n(word, 0, __ATOMIC_SEQ_CST)) syscall(SYS_futex, word, FUTEX_WAKE_PRIVATE, 1, NULL, NULL, 0);
}

uint64_t svs_lane_await_filled(struct svs_lane *lane, uint64_t emptied)
{
    for (;;) {
        for (int look = 0; look < LOOKS; look++) {
            uint64_t filled = svs_lane_filled(lane);
            if (filled != emptied || __atomic_load_n(&lane->is_over, __ATOMIC_ACQUIRE)) return filled;
            svs_relax();
        }
        // Whoever fills afterwards sees this and wakes; whoever filled before is seen now.
        __atomic_store_n(&lane->is_asleep, 1, __ATOMIC_SEQ_CST);
        if (__atomic_load_n(&lane->filled, __ATOMIC_SEQ_CST) == emptied && !__atomic_load_n(&lane->is_over, __ATOMIC_SEQ_CST))
            sleep_on(&lane->is_asleep);
        __atomic_store_n(&lane->is_asleep, 0, __ATOMIC_SEQ_CST);
    }
}

void svs_lane_await_emptied(struct svs_lane *lane, uint64_t count)
{
    for (;;) {
        for (int look = 0; look < LOOKS; look++) {
            if (svs_lane_emptied(lane) >= count) return;
            svs_relax();
        }
        __atomic_store_n(&lane->is_awaited, 1, __ATOMIC_SEQ_CST);
        if (__atomic_load_n(&lane->emptied, __ATOMIC_SEQ_CST) < count) sleep_on(&lane->is_awaited);
        __atomic_store_n(&lane->is_awaited, 0, __ATOMIC_SEQ_CST);
    }
}

void svs_lane_end(struct svs_lane *lane)
{
    __atomic_store_n(&lane->is_over, 1, __ATOMIC_SEQ_CST);
    svs_lane_wake(&lane->is_asleep);
}
