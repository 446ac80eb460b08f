#define _GNU_SOURCE
#include "Attempts.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

static double now(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec * 1e9 + (double)time.tv_nsec;
}

double svs_cost_of_receiving(int socket, unsigned times) {
    char byte;
    struct iovec part = {&byte, 1};
    struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1};
    double begin = now();
    for (unsigned i = 0; i < times; i++) recvmsg(socket, &message, MSG_DONTWAIT);
    return (now() - begin) / times;
}

double svs_cost_of_sending(int socket, unsigned times) {
    double begin = now();
    for (unsigned i = 0; i < times; i++) sendmmsg(socket, NULL, 0, MSG_DONTWAIT);
    return (now() - begin) / times;
}

double svs_cost_of_opening(unsigned times) {
    double begin = now();
    for (unsigned i = 0; i < times; i++) close(open("/dev/null", O_RDONLY | O_CLOEXEC));
    return (now() - begin) / times;
}
