#define _GNU_SOURCE
#include "CLinux.h"

#include <stdio.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

int svs_namespace_new(void) { return unshare(CLONE_NEWNET) ? -errno : 0; }

int svs_namespace_enter(int descriptor) { return setns(descriptor, CLONE_NEWNET) ? -errno : 0; }

int svs_thread_id(void) { return gettid(); }

int svs_thread_pin(int processor) {
    cpu_set_t set;
    if (processor < 0 || processor >= CPU_SETSIZE) return -EINVAL;
    CPU_ZERO(&set);
    CPU_SET(processor, &set);
    return sched_setaffinity(0, sizeof set, &set) ? -errno : 0;
}

int svs_thread_name(const char *name) { return -pthread_setname_np(pthread_self(), name); }

int svs_thread_give_up(int capability) {
    struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
    struct __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3];
    if (capability < 0 || capability > CAP_LAST_CAP) return -EINVAL;
    if (syscall(SYS_capget, &header, data)) return -errno;
    uint32_t kept = ~CAP_TO_MASK(capability);
    data[CAP_TO_INDEX(capability)].effective &= kept;
    data[CAP_TO_INDEX(capability)].permitted &= kept;
    data[CAP_TO_INDEX(capability)].inheritable &= kept;
    return syscall(SYS_capset, &header, data) ? -errno : 0;
}

int svs_spawn_closing(posix_spawn_file_actions_t *actions, int first) {
    return -posix_spawn_file_actions_addclosefrom_np(actions, first);
}

int svs_signal_descriptor(const int *signals, int count) {
    sigset_t set;
    sigemptyset(&set);
    for (int i = 0; i < count; i++) sigaddset(&set, signals[i]);
    int failure = pthread_sigmask(SIG_BLOCK, &set, NULL);
    if (failure) return -failure;
    int descriptor = signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
    return descriptor < 0 ? -errno : descriptor;
}

int svs_signal_next(int descriptor) {
    struct signalfd_siginfo information;
    ssize_t got = read(descriptor, &information, sizeof information);
    if (got == sizeof information) return (int)information.ssi_signo;
    return got < 0 && errno != EAGAIN && errno != EINTR ? -errno : 0;
}

int svs_peer(int socket, int32_t *process, uint32_t *user, uint32_t *group) {
    struct ucred credentials;
    socklen_t size = sizeof credentials;
    if (getsockopt(socket, SOL_SOCKET, SO_PEERCRED, &credentials, &size)) return -errno;
    *process = credentials.pid;
    *user = credentials.uid;
    *group = credentials.gid;
    return 0;
}

int svs_event_new(void) {
    int descriptor = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    return descriptor < 0 ? -errno : descriptor;
}

void svs_event_raise(int descriptor) { eventfd_write(descriptor, 1); }

void svs_event_clear(int descriptor) {
    eventfd_t count;
    eventfd_read(descriptor, &count);
}

static uint64_t nanoseconds(clockid_t clock) {
    struct timespec now;
    clock_gettime(clock, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

uint64_t svs_clock(void) { return nanoseconds(CLOCK_MONOTONIC); }

uint64_t svs_calendar(void) { return nanoseconds(CLOCK_REALTIME); }

static int answer = -1;

// Every few milliseconds: whether somebody still reads the answer.
static void end_unless_awaited(int signal) {
    (void)signal;
    int kept = errno;
    struct pollfd reader = {.fd = answer};
    if (poll(&reader, 1, 0) > 0 && reader.revents & POLLERR) _exit(1);
    errno = kept;
}

static void end_when_not_awaited(int descriptor) {
    const struct itimerval pause = {.it_interval.tv_usec = 5000, .it_value.tv_usec = 5000};
    struct sigaction action = {.sa_handler = end_unless_awaited, .sa_flags = SA_RESTART};
    sigset_t alarm;
    answer = descriptor;
    sigemptyset(&alarm);
    sigaddset(&alarm, SIGALRM);
    sigaction(SIGALRM, &action, NULL);
    sigprocmask(SIG_UNBLOCK, &alarm, NULL);
    setitimer(ITIMER_REAL, &pause, NULL);
}

int svs_fork(int *descriptor, unsigned seconds) {
    int ends[2];
    if (pipe2(ends, O_CLOEXEC)) return -errno;
    pid_t parent = getpid(), child = fork();
    if (child < 0) {
        int failure = errno;
        close(ends[0]);
        close(ends[1]);
        return -failure;
    }
    close(ends[child ? 1 : 0]);
    *descriptor = ends[child ? 0 : 1];
    if (child) return child;
    // Whatever holds the parent's descriptors must not outlive it, nor run wild.
    prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
    if (getppid() != parent) _exit(1);
    struct rlimit limit = {.rlim_cur = seconds, .rlim_max = seconds};
    setrlimit(RLIMIT_CPU, &limit);
    signal(SIGPIPE, SIG_IGN);
    end_when_not_awaited(ends[1]);
    return 0;
}

int svs_pipe(int ends[2]) { return pipe2(ends, O_CLOEXEC) ? -errno : 0; }

// Reads the answer of a copy until it closes its end: its number, then its text.
static int read_answer(int descriptor, char *text, size_t room, int milliseconds) {
    unsigned char number = 0xff;
    size_t length = 0;
    struct pollfd answer = {.fd = descriptor, .events = POLLIN};
    uint64_t end = svs_clock() + (uint64_t)milliseconds * 1000000u;
    while (1) {
        uint64_t now = svs_clock();
        int ready = now < end ? poll(&answer, 1, (int)((end - now) / 1000000u) + 1) : 0;
        if (ready == 0) return -ETIMEDOUT;
        if (ready < 0) continue;
        int is_first = number == 0xff;
        ssize_t count = is_first ? read(descriptor, &number, 1) : read(descriptor, text + length, room - 1 - length);
        if (count < 0 && errno == EINTR) continue;
        if (count <= 0) break;
        if (!is_first) length += (size_t)count;
        if (length + 1 >= room) break;
    }
    text[length] = 0;
    return number == 0xff ? -ECHILD : number;
}

int svs_apart(int (*work)(void *context, char *text, size_t room), void *context, char *text, size_t room, int milliseconds) {
    int ends[2];
    if (pipe2(ends, O_CLOEXEC)) return -errno;
    pid_t parent = getpid(), child = fork();
    if (child == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
        if (getppid() != parent) _exit(1);
        text[0] = 0;
        uint8_t number = (uint8_t)(work(context, text, room) & 0x7f);
        _exit(svs_fork_write(ends[1], &number, 1) || svs_fork_write(ends[1], (const uint8_t *)text, strlen(text)));
    }
    int status = child < 0 ? -errno : 0;
    close(ends[1]);
    if (child > 0) {
        status = read_answer(ends[0], text, room, milliseconds);
        if (status < 0) kill(child, SIGKILL);
        while (waitpid(child, NULL, 0) < 0 && errno == EINTR) {}
    }
    close(ends[0]);
    return status;
}

void svs_drain(int socket) {
    char bytes[4096];
    while (recv(socket, bytes, sizeof bytes, MSG_DONTWAIT | MSG_TRUNC) >= 0) {}
}

int svs_make_private(void *start, size_t size, const size_t *spans, size_t count) {
    uint8_t *copy = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (copy == MAP_FAILED) return -errno;
    for (size_t i = 0; i < count; i++) memcpy(copy + spans[2 * i], (const uint8_t *)start + spans[2 * i], spans[2 * i + 1]);
    if (mremap(copy, size, size, MREMAP_MAYMOVE | MREMAP_FIXED, start) == MAP_FAILED) return -errno;
    return 0;
}

int svs_fork_write(int descriptor, const uint8_t *bytes, size_t count) {
    while (count > 0) {
        ssize_t written = write(descriptor, bytes, count);
        if (written < 0 && errno == EINTR) continue;
        if (written <= 0) return -EPIPE;
        bytes += written;
        count -= (size_t)written;
    }
    return 0;
}

void svs_fork_end(int descriptor, const uint8_t *bytes, size_t count) { _exit(svs_fork_write(descriptor, bytes, count) ? 1 : 0); }

int svs_flush_output(void)
{
    errno = 0;
    if (fflush(stdout) == 0 && !ferror(stdout)) return 0;
    // What an earlier write failed of is not known any more.
    return errno ? errno : EIO;
}
