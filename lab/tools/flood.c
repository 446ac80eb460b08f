/* flood INTERFACE FROM_MAC TO_MAC ADDRESS PORT udp|syn RATE COUNT
 *
 * Sends COUNT packets to an address and port, each from another source of 198.18.0.0/15 and another port, RATE of them a second
 * or, with 0, as fast as it goes. Prints how many it sent and in how many milliseconds. Built by the scripts that use it. */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <net/if.h>
#include <netpacket/packet.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { BATCH = 32, LENGTH = 60 };

static uint64_t now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

static void read_mac(const char *text, uint8_t *mac) {
    if (sscanf(text, "%hhx:%hhx:%hhx:%hhx:%hhx:%hhx", mac, mac + 1, mac + 2, mac + 3, mac + 4, mac + 5) != 6) exit(2);
}

static uint32_t sum(const uint8_t *p, int length, uint32_t s) {
    for (int i = 0; i < length; i += 2) s += (uint32_t)p[i] << 8 | p[i + 1];
    return s;
}

static uint16_t fold(uint32_t s) {
    while (s >> 16) s = (s & 0xffff) + (s >> 16);
    return htons((uint16_t)~s);
}

/* The n-th packet: its source is a permutation of n, so that none comes twice among 2^17 of them. */
static void build(uint8_t *frame, const uint8_t *macs, uint32_t to, uint16_t port, int syn, uint32_t n) {
    memset(frame, 0, LENGTH);
    memcpy(frame, macs, 12);
    frame[12] = 8;
    uint8_t *ip = frame + 14, *transport = ip + 20;
    int length = syn ? 20 : 12;
    uint32_t from = htonl(0xc6120000 | (n * 40503u & 0x1ffff));
    uint16_t source = htons((uint16_t)(1024 + (n >> 17) + n % 64 * 997)), target = htons(port), total = htons((uint16_t)(20 + length));
    ip[0] = 0x45;
    memcpy(ip + 2, &total, 2);
    ip[8] = 64;
    ip[9] = syn ? 6 : 17;
    memcpy(ip + 12, &from, 4);
    memcpy(ip + 16, &to, 4);
    uint16_t check = fold(sum(ip, 20, 0));
    memcpy(ip + 10, &check, 2);
    memcpy(transport, &source, 2);
    memcpy(transport + 2, &target, 2);
    if (syn) {
        memcpy(transport + 4, &n, 4);
        transport[12] = 0x50;
        transport[13] = 2;
        transport[14] = 0xff;
    } else {
        transport[5] = (uint8_t)length;
    }
    check = fold(sum(transport, length, sum(ip + 12, 8, ip[9] + (uint32_t)length)));
    memcpy(transport + (syn ? 16 : 6), &check, 2);
}

int main(int count, char **words) {
    if (count != 9) return 2;
    uint8_t macs[12], frames[BATCH][LENGTH];
    read_mac(words[3], macs);
    read_mac(words[2], macs + 6);
    uint32_t to;
    if (inet_pton(AF_INET, words[4], &to) != 1) return 2;
    int syn = strcmp(words[6], "syn") == 0;
    uint16_t port = (uint16_t)atoi(words[5]);
    uint64_t rate = strtoull(words[7], NULL, 10), wanted = strtoull(words[8], NULL, 10), sent = 0;
    struct sockaddr_ll address = {.sll_family = AF_PACKET, .sll_ifindex = (int)if_nametoindex(words[1]), .sll_halen = 6};
    int socket_ = socket(AF_PACKET, SOCK_RAW, 0);
    if (socket_ < 0 || address.sll_ifindex == 0 || bind(socket_, (struct sockaddr *)&address, sizeof address)) return perror("flood"), 1;
    struct mmsghdr messages[BATCH];
    struct iovec parts[BATCH];
    memset(messages, 0, sizeof messages);
    for (int i = 0; i < BATCH; i++) {
        parts[i] = (struct iovec){frames[i], LENGTH};
        messages[i].msg_hdr.msg_iov = &parts[i];
        messages[i].msg_hdr.msg_iovlen = 1;
    }
    uint32_t seed = (uint32_t)now();
    uint64_t began = now();
    while (sent < wanted) {
        uint64_t due = rate ? (now() - began) * rate / 1000000000 : wanted;
        unsigned batch = due <= sent ? 0 : due - sent > BATCH ? BATCH : (unsigned)(due - sent);
        if (batch > wanted - sent) batch = (unsigned)(wanted - sent);
        if (batch == 0) {
            nanosleep(&(struct timespec){0, 500000}, NULL);
            continue;
        }
        for (unsigned i = 0; i < batch; i++) build(frames[i], macs, to, port, syn, seed + (uint32_t)sent + i);
        int done = sendmmsg(socket_, messages, batch, 0);
        if (done > 0) sent += (uint64_t)done;
        else nanosleep(&(struct timespec){0, 100000}, NULL);
    }
    printf("%llu %llu\n", (unsigned long long)sent, (unsigned long long)((now() - began) / 1000000));
    return 0;
}
