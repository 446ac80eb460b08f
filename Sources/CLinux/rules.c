#define _GNU_SOURCE
#include "host.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/filter.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <sys/socket.h>

int svs_leave_out_rules(int fd, const char *prefix) {
    enum { HEAD = 8, EACH = 5, LONGEST = 12, LET_IN = HEAD + EACH * LONGEST, LEAVE_OUT };
#define JUMP(place, operation, value, yes, no) \
    (struct sock_filter)BPF_JUMP(BPF_JMP | operation | BPF_K, value, (uint8_t)((yes) - (place) - 1), (uint8_t)((no) - (place) - 1))
    const uint8_t *p = (const uint8_t *)prefix;
    uint32_t word = (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
    uint32_t low = __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__ ? 4 : 5;
    struct sock_filter program[LEAVE_OUT + 1] = {
        // The low byte of the message's type; then the family, and the first attribute, which is the name of the table.
        BPF_STMT(BPF_LD | BPF_B | BPF_ABS, low), JUMP(1, BPF_JEQ, NFT_MSG_NEWGEN, LEAVE_OUT, 2),
        BPF_STMT(BPF_LD | BPF_B | BPF_ABS, 16), JUMP(3, BPF_JEQ, NFPROTO_NETDEV, 4, LET_IN),
        BPF_STMT(BPF_LD | BPF_H | BPF_ABS, 22), JUMP(5, BPF_JEQ, htons(NFTA_TABLE_NAME), 6, LET_IN),
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, 24), JUMP(7, BPF_JEQ, word, HEAD, LET_IN),
    };
    for (uint32_t i = 0, at = HEAD; i < LONGEST; i++, at += EACH) {
        program[at] = (struct sock_filter)BPF_STMT(BPF_LD | BPF_B | BPF_ABS, 28 + i);
        program[at + 1] = JUMP(at + 1, BPF_JEQ, 0, LEAVE_OUT, at + 2);
        program[at + 2] = JUMP(at + 2, BPF_JEQ, '_', at + EACH, at + 3);
        program[at + 3] = JUMP(at + 3, BPF_JGE, '0', at + 4, LET_IN);
        program[at + 4] = JUMP(at + 4, BPF_JGT, '9', LET_IN, at + EACH);
    }
    program[LET_IN] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, UINT32_MAX);
    program[LEAVE_OUT] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, 0);
#undef JUMP
    struct sock_fprog filter = {.len = LEAVE_OUT + 1, .filter = program};
    return setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &filter, sizeof filter) ? -errno : 0;
}
