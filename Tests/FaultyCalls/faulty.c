#define _GNU_SOURCE
#include "FaultyCalls.h"

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdarg.h>
#include <stddef.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

static __thread struct {
    int armed, inside;
    uint64_t state, met;
    uint32_t rate;
    // Nanoseconds that the thread's time is ahead of the machine's.
    int64_t ahead;
    uint32_t (*sleeping)(void *);
    void *context;
} faults;

void svs_faults_begin(uint64_t seed, uint32_t (*sleeping)(void *), void *context)
{
    faults.armed = 1;
    faults.state = seed;
    faults.met = 0;
    faults.rate = 0;
    faults.sleeping = sleeping;
    faults.context = context;
}

void svs_faults_rate(uint32_t permille) { faults.rate = permille; }

void svs_faults_end(void)
{
    faults.armed = 0;
    faults.ahead = 0;
}

uint64_t svs_faults_met(void) { return faults.met; }

// SplitMix64.
static uint64_t next(void)
{
    uint64_t mixed = faults.state += 0x9e3779b97f4a7c15;
    mixed = (mixed ^ mixed >> 30) * 0xbf58476d1ce4e5b9;
    mixed = (mixed ^ mixed >> 27) * 0x94d049bb133111eb;
    return mixed ^ mixed >> 31;
}

static int happens(void) { return faults.armed && !faults.inside && faults.rate > 0 && next() % 1000 < faults.rate; }

// One of these errors, or 0.
static int fault(const int *errors, size_t count)
{
    if (!happens()) return 0;
    faults.met++;
    return errors[next() % count];
}

#define FAULT(...) fault((const int[]){__VA_ARGS__}, sizeof((int[]){__VA_ARGS__}) / sizeof(int))
#define FAIL(...) do { int error = FAULT(__VA_ARGS__); if (error) { errno = error; return -1; } } while (0)
// The library's own function of this name.
#define REAL(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))

int clock_gettime(clockid_t clock, struct timespec *time)
{
    static __typeof__(&clock_gettime) real;
    if (!real) real = REAL(clock_gettime);
    int status = real(clock, time);
    if (status == 0 && faults.ahead > 0 && clock == CLOCK_MONOTONIC) {
        int64_t nanoseconds = time->tv_nsec + faults.ahead;
        time->tv_sec += nanoseconds / 1000000000;
        time->tv_nsec = nanoseconds % 1000000000;
    }
    return status;
}

int epoll_wait(int poller, struct epoll_event *events, int capacity, int milliseconds)
{
    static __typeof__(&epoll_wait) real;
    if (!real) real = REAL(epoll_wait);
    if (!faults.armed || faults.inside) return real(poller, events, capacity, milliseconds);
    int64_t most = 0;
    if (milliseconds != 0) {
        faults.inside = 1;
        most = faults.sleeping(faults.context);
        faults.inside = 0;
    }
    FAIL(EINTR);
    int count = real(poller, events, capacity, 0);
    if (count == 0 && milliseconds > 0) faults.ahead += (milliseconds < most ? milliseconds : most) * 1000000;
    return count;
}

int epoll_ctl(int poller, int operation, int descriptor, struct epoll_event *event)
{
    if (operation == EPOLL_CTL_ADD) FAIL(ENOMEM, ENOSPC);
    return REAL(epoll_ctl)(poller, operation, descriptor, event);
}

int accept4(int listener, struct sockaddr *address, socklen_t *length, int flags)
{
    FAIL(EMFILE, ENFILE, ENOMEM, ENOBUFS, EINTR, ECONNABORTED);
    return REAL(accept4)(listener, address, length, flags);
}

int socket(int domain, int type, int protocol)
{
    FAIL(EMFILE, ENFILE, ENOMEM, ENOBUFS);
    return REAL(socket)(domain, type, protocol);
}

ssize_t recv(int descriptor, void *bytes, size_t count, int flags)
{
    FAIL(EINTR);
    return REAL(recv)(descriptor, bytes, count, flags);
}

ssize_t recvmsg(int descriptor, struct msghdr *message, int flags)
{
    FAIL(EINTR, ENOBUFS);
    return REAL(recvmsg)(descriptor, message, flags);
}

ssize_t send(int descriptor, const void *bytes, size_t count, int flags)
{
    FAIL(EINTR, EAGAIN, ENOMEM, ENOBUFS);
    return REAL(send)(descriptor, bytes, count, flags);
}

ssize_t sendmsg(int descriptor, const struct msghdr *message, int flags)
{
    FAIL(EINTR, EAGAIN, ENOMEM, ENOBUFS);
    return REAL(sendmsg)(descriptor, message, flags);
}

int recvmmsg(int descriptor, struct mmsghdr *messages, unsigned count, int flags, struct timespec *timeout)
{
    FAIL(EINTR, ENOMEM);
    if (happens() && count > 1) count = 1;
    return REAL(recvmmsg)(descriptor, messages, count, flags, timeout);
}

int sendmmsg(int descriptor, struct mmsghdr *messages, unsigned count, int flags)
{
    FAIL(EINTR, EAGAIN, ENOBUFS, ENOMEM);
    // A part only.
    if (happens() && count > 1) count = 1 + next() % (count - 1);
    return REAL(sendmmsg)(descriptor, messages, count, flags);
}

ssize_t read(int descriptor, void *bytes, size_t count)
{
    static __typeof__(&read) real;
    if (!real) real = REAL(read);
    FAIL(EINTR);
    return real(descriptor, bytes, count);
}

ssize_t write(int descriptor, const void *bytes, size_t count)
{
    static __typeof__(&write) real;
    if (!real) real = REAL(write);
    FAIL(EINTR);
    return real(descriptor, bytes, count);
}

int open(const char *path, int flags, ...)
{
    va_list rest;
    va_start(rest, flags);
    mode_t mode = va_arg(rest, mode_t);
    va_end(rest);
    FAIL(EMFILE, ENFILE, ENOMEM, EINTR);
    return REAL(open)(path, flags, mode);
}

int pthread_create(pthread_t *thread, const pthread_attr_t *attributes, void *(*run)(void *), void *context)
{
    int error = FAULT(EAGAIN);
    return error ? error : REAL(pthread_create)(thread, attributes, run, context);
}
