#ifndef SVS_CLINUX_H
#define SVS_CLINUX_H

#include <stdint.h>
#include "host.h"

#include "packet.h"
#include "process.h"

#include "channel.h"
#include "claim.h"
#include "control.h"
#include "events.h"
#include "folder.h"
#include "lane.h"
#include "maps.h"
#include "rights.h"
#include "service.h"
#include "shared.h"
#include "sync.h"
#include "terminal.h"
#include "thread.h"

/// Asks the processor to load the cache line that holds `address`.
static inline void svs_prefetch(const void *address) { __builtin_prefetch(address); }

/// Tells the processor that somebody waits for memory to change.
static inline void svs_relax(void)
{
#if defined(__x86_64__)
    __builtin_ia32_pause();
#elif defined(__aarch64__)
    __asm__ volatile("yield");
#endif
}

/// What was stored before stands in memory before whatever is stored after.
static inline void svs_order_stores(void) { __atomic_thread_fence(__ATOMIC_RELEASE); }

#endif
