#define _GNU_SOURCE
#include "CarryTrial.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <sched.h>
#include <string.h>

static int run(int program, const void *frame, uint32_t length, uint32_t segment, struct carry_trial *result, int32_t *answer)
{
    struct __sk_buff context;
    memset(&context, 0, sizeof context);
    context.gso_size = segment;
    context.gso_segs = segment ? (length + segment - 1) / segment : 0;
    LIBBPF_OPTS(bpf_test_run_opts, options, .data_in = frame, .data_size_in = length, .data_out = result->frame,
                .data_size_out = sizeof result->frame, .ctx_in = &context, .ctx_size_in = sizeof context, .repeat = 1);
    int failure = bpf_prog_test_run_opts(program, &options);
    *answer = (int32_t)options.retval;
    result->length = options.data_size_out;
    return failure;
}

int carry_try(int watch, int carry, const void *frame, uint32_t length, uint32_t segment, struct carry_trial *result)
{
    // What the first half says to the second stands in a place of the processor's.
    cpu_set_t before, one;
    int processor = sched_getcpu();
    if (processor < 0 || sched_getaffinity(0, sizeof before, &before) < 0) return -errno;
    CPU_ZERO(&one);
    CPU_SET(processor, &one);
    if (sched_setaffinity(0, sizeof one, &one) < 0) return -errno;
    int failure = run(watch, frame, length, segment, result, &result->watch);
    if (failure == 0) failure = run(carry, frame, length, segment, result, &result->carry);
    sched_setaffinity(0, sizeof before, &before);
    return failure;
}

int carry_time(int program, const void *frame, uint32_t length, uint32_t times)
{
    LIBBPF_OPTS(bpf_test_run_opts, options, .data_in = frame, .data_size_in = length, .repeat = (int)times);
    int failure = bpf_prog_test_run_opts(program, &options);
    return failure < 0 ? failure : (int)options.duration;
}
