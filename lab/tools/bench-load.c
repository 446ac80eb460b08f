// bench-load INTERFACE FRAMES FLOWS LENGTH MODE SECONDS TASK...
//
// Offers UDP frames to a director and says what it cost the tasks, whose /proc/TASK/schedstat it reads:
//   wN   at most N frames under way: nothing is lost, and what is measured is processor time for a frame that came back
//   rN   N frames a second, whatever comes back; r0 as many as it can
//   hop  one frame under way, a new one every 300 microseconds: how long it took
// FRAMES is MAC,FROM,TO,PORT: the director's MAC, the first client's address, the service. What comes back is counted by the
// interface, so that counting costs next to nothing. Prints one JSON object.
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { BATCH = 64, TASKS = 16, HOPS = 1 << 16 };

static uint8_t frames[BATCH][2048];
static int length, flows, counter, fd;
static uint32_t first;
static uint64_t state = 88172645463325252ull;
static int64_t lost;

static uint64_t now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static void must(int ok, const char *what) {
    if (!ok) { perror(what); exit(1); }
}

static uint64_t number_in(int file) {
    char text[64] = {0};
    return pread(file, text, sizeof text - 1, 0) > 0 ? strtoull(text, NULL, 10) : 0;
}

static uint64_t came(void) { return number_in(counter); }

static uint64_t spent_by(const char *task) {
    char path[64];
    snprintf(path, sizeof path, "/proc/%s/schedstat", task);
    int file = open(path, O_RDONLY);
    if (file < 0) return 0;
    uint64_t time = number_in(file);
    close(file);
    return time;
}

static uint64_t spent(char **tasks, int count) {
    uint64_t sum = 0;
    for (int i = 0; i < count; i++) sum += spent_by(tasks[i]);
    return sum;
}

static void sum_header(uint8_t *ip) {
    uint32_t sum = 0;
    ip[10] = ip[11] = 0;
    for (int i = 0; i < 20; i += 2) sum += (uint32_t)ip[i] << 8 | ip[i + 1];
    sum = (sum & 0xffff) + (sum >> 16);
    sum = (sum & 0xffff) + (sum >> 16);
    ip[10] = (uint8_t)(~sum >> 8);
    ip[11] = (uint8_t)~sum;
}

// The frame of a flow: an address and a port of its own.
static void write_flow(uint8_t *frame, uint32_t flow) {
    uint32_t address = htonl(first + (flow * 2654435761u >> 12));
    uint16_t port = htons((uint16_t)(1024 + flow % 60000));
    memcpy(frame + 26, &address, 4);
    memcpy(frame + 34, &port, 2);
    sum_header(frame + 14);
}

static void prepare(char *words) {
    unsigned m[6];
    char from[64], to[64];
    int port;
    must(sscanf(words, "%x:%x:%x:%x:%x:%x,%63[^,],%63[^,],%d", m, m + 1, m + 2, m + 3, m + 4, m + 5, from, to, &port) == 9, "FRAMES");
    first = ntohl(inet_addr(from));
    uint32_t target = inet_addr(to);
    for (int i = 0; i < BATCH; i++) {
        uint8_t *frame = frames[i];
        for (int k = 0; k < 6; k++) frame[k] = (uint8_t)m[k];
        memcpy(frame + 6, (uint8_t[]){2, 0, 0, 0, 9, 1, 8, 0, 0x45}, 9);
        frame[16] = (uint8_t)((length - 14) >> 8);
        frame[17] = (uint8_t)(length - 14);
        frame[22] = 64;
        frame[23] = 17;
        memcpy(frame + 30, &target, 4);
        frame[36] = (uint8_t)(port >> 8);
        frame[37] = (uint8_t)port;
        frame[38] = (uint8_t)((length - 34) >> 8);
        frame[39] = (uint8_t)(length - 34);
    }
}

static int send_some(int count) {
    static struct mmsghdr messages[BATCH];
    static struct iovec parts[BATCH];
    for (int i = 0; i < count; i++) {
        state ^= state << 13; state ^= state >> 7; state ^= state << 17;
        write_flow(frames[i], (uint32_t)(((state & 0xffffffffu) * (uint64_t)flows) >> 32));
        parts[i] = (struct iovec){frames[i], (size_t)length};
        messages[i].msg_hdr.msg_iov = &parts[i];
        messages[i].msg_hdr.msg_iovlen = 1;
    }
    int sent = sendmmsg(fd, messages, (unsigned)count, 0);
    return sent > 0 ? sent : 0;
}

// Offers frames until a moment; how many.
static uint64_t offer(uint64_t end, uint64_t window, uint64_t rate) {
    uint64_t sent = 0, start = now(), before = came(), last = 0, moved = start;
    for (uint64_t time = start; time < end; time = now()) {
        uint64_t may = BATCH;
        if (window) {
            uint64_t back = came() - before;
            int64_t under_way = (int64_t)(sent - back) - lost;
            if (back != last) last = back, moved = time;
            // What did not come back within a fiftieth of a second is not coming.
            else if (under_way > 0 && time - moved > 20000000) lost += under_way, moved = time, under_way = 0;
            may = under_way >= (int64_t)window ? 0 : window - (uint64_t)(under_way > 0 ? under_way : 0);
        } else if (rate) {
            uint64_t due = (time - start) * rate / 1000000000u;
            may = due > sent ? due - sent : 0;
        }
        if (may > BATCH) may = BATCH;
        if (may) sent += (uint64_t)send_some((int)may);
    }
    return sent;
}

static int compare(const void *a, const void *b) {
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return x < y ? -1 : x > y;
}

// Sends one frame after the other and waits for each by a socket of its own.
static void hop(const char *interface, uint64_t end, char **tasks, int count) {
    static uint64_t times[HOPS];
    int done = 0, missed = 0, one = 1, in = socket(AF_PACKET, SOCK_RAW, 0);
    struct sockaddr_ll address = {
        .sll_family = AF_PACKET, .sll_protocol = htons(ETH_P_ALL), .sll_ifindex = (int)if_nametoindex(interface)};
    setsockopt(in, SOL_PACKET, PACKET_IGNORE_OUTGOING, &one, sizeof one);
    must(bind(in, (struct sockaddr *)&address, sizeof address) == 0, "bind");
    uint64_t cost = spent(tasks, count);
    for (uint32_t serial = 1; now() < end && done < HOPS; serial++) {
        uint8_t back[2048];
        write_flow(frames[0], serial % 100);
        memcpy(frames[0] + 42, &serial, 4);
        uint64_t start = now(), time;
        if (send(fd, frames[0], (size_t)length, 0) < 0) continue;
        for (;;) {
            ssize_t got = recv(in, back, sizeof back, MSG_DONTWAIT);
            time = now();
            // A tunnel's header may stand in front.
            if (got >= 46 && memmem(back + 42, (size_t)(got - 42), &serial, 4)) { times[done++] = time - start; break; }
            if (time - start > 50000000) { missed++; break; }
        }
        while (now() < time + 300000) {}
    }
    cost = spent(tasks, count) - cost;
    qsort(times, (size_t)done, sizeof *times, compare);
    printf("{\"hops\": %d, \"missed\": %d, \"p50_us\": %.1f, \"p99_us\": %.1f, \"ns\": %.0f}\n", done, missed,
        done ? (double)times[done / 2] / 1e3 : 0, done ? (double)times[done * 99 / 100] / 1e3 : 0, done ? (double)cost / done : 0);
}

int main(int count, char **words) {
    if (count < 7) return fprintf(stderr, "bench-load INTERFACE FRAMES FLOWS LENGTH MODE SECONDS TASK...\n"), 2;
    flows = atoi(words[3]);
    length = atoi(words[4]);
    prepare(words[2]);
    char path[128];
    snprintf(path, sizeof path, "/sys/class/net/%s/statistics/rx_packets", words[1]);
    counter = open(path, O_RDONLY);
    must(counter >= 0, path);
    fd = socket(AF_PACKET, SOCK_RAW, 0);
    int one = 1;
    must(fd >= 0 && setsockopt(fd, SOL_PACKET, PACKET_QDISC_BYPASS, &one, sizeof one) == 0, "socket");
    struct sockaddr_ll address = {.sll_family = AF_PACKET, .sll_ifindex = (int)if_nametoindex(words[1])};
    must(bind(fd, (struct sockaddr *)&address, sizeof address) == 0, "bind");
    uint64_t period = (uint64_t)(atof(words[6]) * 1e9);
    char **tasks = words + 7, mode = words[5][0];
    int tasked = count - 7 < TASKS ? count - 7 : TASKS;
    uint64_t value = strtoull(words[5] + 1, NULL, 10), window = mode == 'w' ? value : 0, rate = mode == 'r' ? value : 0;
    if (strcmp(words[5], "hop") == 0) return hop(words[1], now() + period, tasks, tasked), 0;
    // Until every flow is known, and caches are what they will be.
    offer(now() + period / 4 + (uint64_t)flows * 8000, window ? window : 256, 0);
    lost = 0;
    uint64_t start = now(), back = came(), cost = spent(tasks, tasked), each[TASKS];
    for (int i = 0; i < tasked; i++) each[i] = spent_by(tasks[i]);
    uint64_t sent = offer(start + period, window, rate);
    double seconds = (double)(now() - start) / 1e9;
    back = came() - back;
    cost = spent(tasks, tasked) - cost;
    printf("{\"offered\": %.0f, \"delivered\": %.0f, \"lost\": %.5f, \"ns\": %.1f, \"each\": [", (double)sent / seconds,
        (double)back / seconds, sent ? (double)lost / (double)sent : 0, back ? (double)cost / (double)back : 0);
    for (int i = 0; i < tasked; i++)
        printf("%s%.1f", i ? ", " : "", back ? (double)(spent_by(tasks[i]) - each[i]) / (double)back : 0);
    printf("]}\n");
}
