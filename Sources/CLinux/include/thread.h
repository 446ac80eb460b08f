#ifndef SVS_THREAD_H
#define SVS_THREAD_H

#include <stdint.h>

/// Lets a thread (a pthread_t) run on one processor only; 0, or an errno.
int svs_pin(uint64_t thread, int processor);

/// Whether this process may run on a processor.
int svs_may_run_on(int processor);

/// How many processors this process may run on.
int svs_processor_count(void);

/// Gives the calling thread a name, of which 15 bytes are kept.
void svs_name_thread(const char *name);

#endif
