#ifndef SVS_CCARRYING_H
#define SVS_CCARRYING_H

#include <stdint.h>

// The program that carries flows, loaded and attached with libbpf, whose headers and libpcap's do not go together in one module.
// Functions return a negative errno on failure; descriptors are close-on-exec and belong to the caller.

enum { SVS_CARRY_MAPS = 6 };

/// What was loaded.
struct svs_carry_program {
    /// The filter of packet sockets, and what runs at ingress.
    int watch, carry;
    /// flows4, flows6, shared, counts, and a map of maps with the one in it.
    int maps[SVS_CARRY_MAPS];
};

/// Loads the object of `size` bytes, with room for so many flows of each IP version. `kind` is that of `watch`: 0 as it is, a number
/// of enum bpf_prog_type for tests, which cannot run a socket's filter over whole frames.
int svs_carry_load(const void *code, uint64_t size, uint32_t flows, int kind, struct svs_carry_program *program);

/// Runs what is loaded at the ingress of an interface (tcx), until the descriptor is closed that this returns, and all its copies.
int svs_carry_attach(int carry, int32_t interface);

#endif
