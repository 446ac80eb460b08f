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
#include "rights.h"
#include "shared.h"

/// Asks the processor to load the cache line that holds `address`.
static inline void svs_prefetch(const void *address) { __builtin_prefetch(address); }

#endif
