#define _GNU_SOURCE
#include "events.h"

#include <errno.h>
#include <stddef.h>
#include <sys/epoll.h>

enum { MOST = 64 };

int svs_poller_new(void) {
    int poller = epoll_create1(EPOLL_CLOEXEC);
    return poller < 0 ? -errno : poller;
}

int svs_poller_watch(int poller, int descriptor, uint32_t events, uint64_t token, int is_new) {
    struct epoll_event event = {.events = events, .data.u64 = token};
    return epoll_ctl(poller, is_new ? EPOLL_CTL_ADD : EPOLL_CTL_MOD, descriptor, &event) ? -errno : 0;
}

int svs_poller_forget(int poller, int descriptor) {
    return epoll_ctl(poller, EPOLL_CTL_DEL, descriptor, NULL) ? -errno : 0;
}

int svs_poller_wait(int poller, struct svs_ready *ready, int capacity, int milliseconds) {
    struct epoll_event events[MOST];
    int count = epoll_wait(poller, events, capacity < MOST ? capacity : MOST, milliseconds);
    if (count < 0) return errno == EINTR ? 0 : -errno;
    for (int i = 0; i < count; i++) ready[i] = (struct svs_ready){events[i].data.u64, events[i].events};
    return count;
}
