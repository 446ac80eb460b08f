#define _GNU_SOURCE
#include "CLinux.h"

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <sys/prctl.h>

_Static_assert(sizeof(pthread_t) <= sizeof(uint64_t), "a thread's handle is a number");

int svs_pin(uint64_t thread, int processor)
{
    cpu_set_t set;
    CPU_ZERO(&set);
    if (processor < 0 || processor >= CPU_SETSIZE) return EINVAL;
    CPU_SET(processor, &set);
    return pthread_setaffinity_np((pthread_t)thread, sizeof set, &set);
}

static int allowed(cpu_set_t *set)
{
    CPU_ZERO(set);
    return sched_getaffinity(0, sizeof *set, set) == 0;
}

int svs_may_run_on(int processor)
{
    cpu_set_t set;
    return processor >= 0 && processor < CPU_SETSIZE && allowed(&set) && CPU_ISSET(processor, &set);
}

int svs_processor_count(void)
{
    cpu_set_t set;
    int count = allowed(&set) ? CPU_COUNT(&set) : 0;
    return count > 0 ? count : 1;
}

void svs_name_thread(const char *name) { prctl(PR_SET_NAME, name, 0, 0, 0); }
