#ifndef SVS_ATTEMPTS_H
#define SVS_ATTEMPTS_H

#include <stdint.h>
#include <sys/types.h>

/// What a director that somebody else has taken over finds in its hands.
struct svs_handed {
    /// A packet socket, bound to one interface.
    int packets;
    /// The number of another one.
    int other_interface;
    /// A UDP socket without any address.
    int datagrams;
    /// The keeper.
    pid_t parent;
};

/// Something that it might try: 0 when that worked, else the errno.
struct svs_attempt {
    const char *name;
    int (*make)(const struct svs_handed *handed);
};

/// All of them; the last has no name.
const struct svs_attempt *svs_attempts(void);

/// A text in a memory file that nobody can change any more: 0 or an errno.
int svs_write_text(void);

/// Nanoseconds of one recvmsg(2) that finds nothing, of one sendmmsg(2) of nothing, and of one openat(2) with close(2).
double svs_cost_of_receiving(int socket, unsigned times);
double svs_cost_of_sending(int socket, unsigned times);
double svs_cost_of_opening(unsigned times);

#endif
