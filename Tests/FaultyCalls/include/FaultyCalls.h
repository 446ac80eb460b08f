#ifndef FAULTY_CALLS_H
#define FAULTY_CALLS_H

#include <stdint.h>

// System calls of the calling thread that fail by chance, with an errno that the kernel may give: the program's own libc functions
// are found before the library's. And a time of its own, so that nobody sleeps: what a thread would sleep passes at once.

/// Begins, for the calling thread: `sleeping` is called each time it would wait for descriptors (epoll_wait), and from
/// within it nothing fails. It returns how many milliseconds may pass at most.
void svs_faults_begin(uint64_t seed, uint32_t (*sleeping)(void *), void *context);

/// Of a thousand calls so many fail from now on.
void svs_faults_rate(uint32_t permille);

/// Ends it, the thread's time included.
void svs_faults_end(void);

/// How many calls have failed since it began.
uint64_t svs_faults_met(void);

#endif
