#ifndef SVS_EVENTS_H
#define SVS_EVENTS_H

#include <stdint.h>

// epoll(7), level-triggered. Functions that return int return a negative errno on failure.

/// One descriptor that is ready: what it was registered as, and for what (EPOLLIN, EPOLLOUT, EPOLLERR, EPOLLHUP).
struct svs_ready {
    uint64_t token;
    uint32_t events;
};

/// A descriptor that watches others.
int svs_poller_new(void);
/// Begins to watch a descriptor for `events`, or changes what for.
int svs_poller_watch(int poller, int descriptor, uint32_t events, uint64_t token, int is_new);
/// Watches a descriptor no more.
int svs_poller_forget(int poller, int descriptor);
/// Waits at most `milliseconds` (-1 without end); how many of `ready` were filled in. A signal ends the wait with 0.
int svs_poller_wait(int poller, struct svs_ready *ready, int capacity, int milliseconds);

#endif
