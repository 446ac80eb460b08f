#ifndef CARRY_TRIAL_H
#define CARRY_TRIAL_H

#include <stdint.h>

/// What became of a frame.
struct carry_trial {
    /// What both halves of the program answered.
    int32_t watch, carry;
    /// The frame as it is afterwards.
    uint32_t length;
    uint8_t frame[4096];
};

/// Runs both halves of the program over a frame, one after the other on one processor (BPF_PROG_TEST_RUN); both are of the kind that
/// runs at ingress. A superframe has a segment size. Returns a negative errno on failure.
int carry_try(int watch, int carry, const void *frame, uint32_t length, uint32_t segment, struct carry_trial *result);

/// Runs one half many times, and returns how many nanoseconds it takes each time; a negative errno on failure.
int carry_time(int program, const void *frame, uint32_t length, uint32_t times);

#endif
