// bench-reference ring|socket INTERFACE CONNECTIONS
//
// A director in plain C, the yardstick of lab/bench: frames from a packet socket with the options that svs sets, directed by the
// loop that svs-bench races (Sources/CBench), sent by sendmmsg from where they lie. It learns a flow from its first frame.
#define _GNU_SOURCE
#include "../../Sources/CBench/include/CBench.h"
#include <arpa/inet.h>
#include <errno.h>
#include <linux/filter.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <linux/virtio_net.h>
#include <net/if.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <time.h>

enum { BATCH = 64, SLOTS = 4096, SLOT = 2048, HEAD = sizeof(struct virtio_net_hdr), ROOM = 69632 + 320 };

static void must(int ok, const char *what) {
    if (!ok) { perror(what); exit(1); }
}

static void set(int fd, int option, int value, const char *what) {
    must(setsockopt(fd, SOL_PACKET, option, &value, sizeof value) == 0, what);
}

static int opened(int receives) {
    int fd = socket(AF_PACKET, SOCK_RAW, 0);
    must(fd >= 0, "socket");
    set(fd, PACKET_VNET_HDR, 1, "PACKET_VNET_HDR");
    int room = 8 << 20;
    setsockopt(fd, SOL_SOCKET, receives ? SO_RCVBUFFORCE : SO_SNDBUFFORCE, &room, sizeof room);
    if (receives) {
        set(fd, PACKET_IGNORE_OUTGOING, 1, "PACKET_IGNORE_OUTGOING");
        set(fd, PACKET_AUXDATA, 1, "PACKET_AUXDATA");
        // UDP over IPv4 that is for this host.
        struct sock_filter program[] = {
            {BPF_LD | BPF_W | BPF_ABS, 0, 0, (unsigned)SKF_AD_OFF + SKF_AD_PKTTYPE}, {BPF_JMP | BPF_JGE | BPF_K, 5, 0, PACKET_OTHERHOST},
            {BPF_LD | BPF_H | BPF_ABS, 0, 0, 12}, {BPF_JMP | BPF_JEQ | BPF_K, 0, 3, ETH_P_IP},
            {BPF_LD | BPF_B | BPF_ABS, 0, 0, 23}, {BPF_JMP | BPF_JEQ | BPF_K, 0, 1, 17},
            {BPF_RET | BPF_K, 0, 0, 0xffffffff}, {BPF_RET | BPF_K, 0, 0, 0},
        };
        struct sock_fprog filter = {sizeof program / sizeof *program, program};
        must(setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &filter, sizeof filter) == 0, "SO_ATTACH_FILTER");
    }
    return fd;
}

static void join(int fd, const char *interface, int protocol) {
    struct sockaddr_ll address = {
        .sll_family = AF_PACKET, .sll_protocol = htons(protocol), .sll_ifindex = (int)if_nametoindex(interface)};
    must(bind(fd, (struct sockaddr *)&address, sizeof address) == 0, "bind");
}

static struct cbench *bench;
static int out;
static uint8_t *frames[BATCH];
static uint32_t lengths[BATCH];

static uint64_t now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static void direct(int count) {
    static struct mmsghdr messages[BATCH];
    static struct iovec parts[BATCH];
    static uint32_t learned;
    uint64_t time = now();
    if (cbench_direct(bench, frames, lengths, (uint32_t)count, time) < (uint32_t)count) {
        for (int i = 0; i < count; i++) {
            // What is directed bears the director's MAC as its source.
            if (frames[i][6] == 2 && frames[i][11] == 1 && frames[i][10] == 0) continue;
            if (cbench_learn(bench, frames[i], lengths[i], learned++ & 1, time)) cbench_direct(bench, frames + i, lengths + i, 1, time);
        }
    }
    for (int i = 0; i < count; i++) {
        memset(frames[i] - HEAD, 0, HEAD);
        parts[i] = (struct iovec){frames[i] - HEAD, lengths[i] + HEAD};
        messages[i].msg_hdr.msg_iov = &parts[i];
        messages[i].msg_hdr.msg_iovlen = 1;
    }
    for (int sent = 0; sent < count;) {
        int result = sendmmsg(out, messages + sent, (unsigned)(count - sent), MSG_DONTWAIT);
        sent += result > 0 ? result : 1;
    }
}

static void run_ring(int fd) {
    uint8_t *ring = mmap(NULL, (size_t)SLOTS * SLOT, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    must(ring != MAP_FAILED, "mmap");
    struct pollfd wait = {fd, POLLIN, 0};
    uint32_t next = 0;
    for (;;) {
        int count = 0;
        for (uint32_t slot = next; count < BATCH; count++, slot = (slot + 1) % SLOTS) {
            struct tpacket2_hdr *header = (void *)(ring + (size_t)slot * SLOT);
            if (!(__atomic_load_n(&header->tp_status, __ATOMIC_ACQUIRE) & TP_STATUS_USER)) break;
            frames[count] = (uint8_t *)header + header->tp_mac;
            lengths[count] = header->tp_snaplen;
        }
        if (!count) {
            poll(&wait, 1, 1000);
            continue;
        }
        direct(count);
        for (; count; count--, next = (next + 1) % SLOTS) {
            struct tpacket2_hdr *header = (void *)(ring + (size_t)next * SLOT);
            __atomic_store_n(&header->tp_status, TP_STATUS_KERNEL, __ATOMIC_RELEASE);
        }
    }
}

static void run_socket(int fd) {
    static struct mmsghdr messages[BATCH];
    static struct iovec parts[BATCH];
    static char control[BATCH][CMSG_SPACE(sizeof(struct tpacket_auxdata))];
    uint8_t *memory = mmap(NULL, (size_t)BATCH * ROOM, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    must(memory != MAP_FAILED, "mmap");
    struct pollfd wait = {fd, POLLIN, 0};
    for (;;) {
        for (int i = 0; i < BATCH; i++) {
            parts[i] = (struct iovec){memory + (size_t)i * ROOM + 256 - HEAD, ROOM - 256};
            messages[i].msg_hdr = (struct msghdr){
                .msg_iov = &parts[i], .msg_iovlen = 1, .msg_control = control[i], .msg_controllen = sizeof control[i]};
        }
        int count = recvmmsg(fd, messages, BATCH, MSG_DONTWAIT, NULL);
        if (count <= 0) {
            poll(&wait, 1, 1000);
            continue;
        }
        for (int i = 0; i < count; i++) {
            frames[i] = (uint8_t *)parts[i].iov_base + HEAD;
            lengths[i] = messages[i].msg_len - HEAD;
        }
        direct(count);
    }
}

int main(int count, char **words) {
    if (count != 4) return fprintf(stderr, "bench-reference ring|socket INTERFACE CONNECTIONS\n"), 2;
    uint32_t connections = (uint32_t)atoi(words[3]), index = 1024;
    while (index < connections * 4) index *= 2;
    bench = cbench_new(connections + 1024, index);
    must(bench != NULL, "memory");
    int fd = opened(1), rings = strcmp(words[1], "ring") == 0;
    out = opened(0);
    join(out, words[2], 0);
    if (rings) {
        set(fd, PACKET_VERSION, TPACKET_V2, "PACKET_VERSION");
        set(fd, PACKET_RESERVE, 116, "PACKET_RESERVE");
        struct tpacket_req request = {1 << 16, SLOTS * SLOT >> 16, SLOT, SLOTS};
        must(setsockopt(fd, SOL_PACKET, PACKET_RX_RING, &request, sizeof request) == 0, "PACKET_RX_RING");
    }
    join(fd, words[2], ETH_P_ALL);
    puts("ready");
    fflush(stdout);
    if (rings) run_ring(fd); else run_socket(fd);
}
