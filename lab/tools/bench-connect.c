// bench-connect ADDRESS PORT SECONDS PARALLEL TASK...
//
// Short HTTP requests, a connection each, PARALLEL of them under way, and what they cost the tasks, whose /proc/TASK/schedstat
// it reads. Prints one JSON object.
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { EVENTS = 64 };

static int watcher;
static struct sockaddr_in target = {.sin_family = AF_INET};
static uint64_t done, failed;

static uint64_t now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static uint64_t spent(char **tasks, int count) {
    uint64_t sum = 0;
    for (int i = 0; i < count; i++) {
        char path[64], text[64] = {0};
        snprintf(path, sizeof path, "/proc/%s/schedstat", tasks[i]);
        int file = open(path, O_RDONLY);
        if (file < 0) continue;
        if (read(file, text, sizeof text - 1) > 0) sum += strtoull(text, NULL, 10);
        close(file);
    }
    return sum;
}

static void begin(void) {
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    struct epoll_event event = {.events = EPOLLOUT, .data.fd = fd};
    if (fd < 0) { perror("socket"); exit(1); }
    if (connect(fd, (struct sockaddr *)&target, sizeof target) && errno != EINPROGRESS) failed++;
    epoll_ctl(watcher, EPOLL_CTL_ADD, fd, &event);
}

static void take(struct epoll_event *ready) {
    static const char request[] = "GET / HTTP/1.0\r\n\r\n";
    char answer[4096];
    int fd = ready->data.fd;
    if (ready->events & EPOLLOUT) {
        struct epoll_event event = {.events = EPOLLIN, .data.fd = fd};
        if (send(fd, request, sizeof request - 1, MSG_NOSIGNAL) > 0) {
            epoll_ctl(watcher, EPOLL_CTL_MOD, fd, &event);
            return;
        }
        failed++;
    } else {
        ssize_t got;
        while ((got = recv(fd, answer, sizeof answer, 0)) > 0) {}
        if (got < 0 && errno == EAGAIN) return;
        if (got == 0) done++; else failed++;
    }
    close(fd);
    begin();
}

static void run(uint64_t end) {
    struct epoll_event ready[EVENTS];
    while (now() < end) {
        int count = epoll_wait(watcher, ready, EVENTS, 50);
        for (int i = 0; i < count; i++) take(&ready[i]);
    }
}

int main(int count, char **words) {
    if (count < 6) return fprintf(stderr, "bench-connect ADDRESS PORT SECONDS PARALLEL TASK...\n"), 2;
    target.sin_addr.s_addr = inet_addr(words[1]);
    target.sin_port = htons((uint16_t)atoi(words[2]));
    uint64_t period = (uint64_t)(atof(words[3]) * 1e9);
    watcher = epoll_create1(0);
    for (int i = atoi(words[4]); i > 0; i--) begin();
    run(now() + period / 4);
    done = failed = 0;
    uint64_t start = now(), cost = spent(words + 5, count - 5);
    run(start + period);
    double seconds = (double)(now() - start) / 1e9;
    cost = spent(words + 5, count - 5) - cost;
    printf("{\"rate\": %.0f, \"failed\": %.0f, \"ns\": %.0f}\n", (double)done / seconds, (double)failed, done ? (double)cost / (double)done : 0);
}
