#ifndef SVS_CARRYING_H
#define SVS_CARRYING_H

#include <stdint.h>

// What the program in the kernel (Sources/Carrying/Program/carry.bpf.c) and the director share, word for word.

/// A flow, as its client's frames have it; addresses and ports as on the wire.
struct svs_flow4 {
    uint32_t source, destination;
    uint16_t source_port, destination_port;
    /// IP protocol number.
    uint32_t protocol;
};

struct svs_flow6 {
    uint64_t source[2], destination[2];
    uint16_t source_port, destination_port;
    uint32_t protocol;
};

/// A flow that is carried, and how.
struct svs_carried {
    /// Whose counters its frames go to.
    uint32_t server;
    /// It is carried while this is the sum of that server's generation and everybody's.
    uint32_t generation;
    /// Index of the interface by which it leaves.
    uint32_t egress;
    /// Bytes of the longest IP packet that may leave.
    uint32_t mtu;
    /// Both MAC addresses, as a frame begins with them.
    uint32_t addresses[3];
    uint32_t unused;
    /// What its connection gets with each packet, in nanoseconds; for the director alone.
    uint64_t timeout;
    uint64_t packets;
    /// CLOCK_MONOTONIC at the last frame, as coarse as the kernel's tick; 0 before the first.
    uint64_t last_seen;
    /// When the last frame stood in the director's ring that was left to it (CLOCK_MONOTONIC); SVS_CARRY_SHUT before it stands there,
    /// 0 once it has left the director again.
    uint64_t last_up;
};

/// A frame is on its way to the director, or none has gone there since the flow is in the map.
#define SVS_CARRY_SHUT UINT64_MAX

/// Frames and bytes (IP lengths) of one server on one processor.
struct svs_carried_count {
    uint64_t packets, bytes;
};

/// Places of servers that have counters.
#define SVS_CARRY_SERVERS 16384
#define SVS_CARRY_RULES 64

/// Packets that the director wants to see: one end of them.
struct svs_carry_rule {
    /// The address and which of its bits count, as on the wire; IPv4 in the last four bytes.
    uint64_t address[2], mask[2];
    /// 4 or 6.
    uint8_t family;
    /// The destination is meant, not the source.
    uint8_t is_destination;
    /// IP protocol number, 0 for each.
    uint8_t protocol;
    uint8_t unused;
    /// Ports from and to, both included.
    uint16_t first, last;
};

/// All that the director wants to see, beside ARP.
struct svs_carry_rules {
    uint32_t count;
    /// Whatever it is; every ICMP; every ICMPv6.
    uint32_t everything, icmp, icmp6;
    struct svs_carry_rule all[SVS_CARRY_RULES];
};

/// Processors on which frames are carried: those of the first numbers.
#define SVS_CARRY_PROCESSORS 1024

/// What a processor is at: a number of its own for each frame that the program decides about, 0 when there is none. A line of the
/// cache for each.
struct svs_carry_place {
    uint64_t frame;
    uint64_t apart[7];
};

/// What all flows share. The director writes it, but for `is_refused` and `places`.
struct svs_carry_shared {
    /// Whatever stood in a ring before this moment has left the director (CLOCK_MONOTONIC).
    uint64_t through;
    uint64_t apart[7];
    /// Frames are carried at all.
    uint32_t is_on;
    /// Everybody's generation.
    uint32_t generation;
    /// Which of the rules are in force.
    uint32_t turn;
    /// A frame that was to be carried was not: something else took it before the program that sends.
    uint32_t is_refused;
    uint64_t also_apart[6];
    struct svs_carry_rules rules[2];
    uint32_t generations[SVS_CARRY_SERVERS];
    struct svs_carry_place places[SVS_CARRY_PROCESSORS];
};

/// A frame's fate, as the program's first half says it to the second.
enum svs_carry_fate { SVS_CARRY_UNKNOWN, SVS_CARRY_UP4, SVS_CARRY_UP6, SVS_CARRY_ALONG };

#endif
