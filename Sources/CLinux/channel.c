#define _GNU_SOURCE
#include "channel.h"

#include "descriptors.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

int svs_channel_pair(int ends[2])
{
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends)) return -errno;
    for (int i = 0; i < 2; i++) {
        int size = 4 << 20;
        // Beyond the system's limit where that is allowed.
        if (setsockopt(ends[i], SOL_SOCKET, SO_SNDBUFFORCE, &size, sizeof size))
            setsockopt(ends[i], SOL_SOCKET, SO_SNDBUF, &size, sizeof size);
    }
    return 0;
}

int svs_channel_is(int descriptor)
{
    int type = 0, domain = 0;
    socklen_t size = sizeof type;
    if (getsockopt(descriptor, SOL_SOCKET, SO_TYPE, &type, &size)) return 0;
    size = sizeof domain;
    if (getsockopt(descriptor, SOL_SOCKET, SO_DOMAIN, &domain, &size)) return 0;
    return type == SOCK_SEQPACKET && domain == AF_UNIX;
}

int svs_channel_send(int end, const void *bytes, size_t count, const int *descriptors, int descriptor_count, int wait)
{
    union descriptor_room room;
    struct iovec part = { .iov_base = (void *)bytes, .iov_len = count };
    struct msghdr message = { .msg_iov = &part, .msg_iovlen = 1 };
    return svs_send_with(end, &message, &room, descriptors, descriptor_count, wait ? 0 : MSG_DONTWAIT);
}

int svs_send_with(int end, struct msghdr *message, union descriptor_room *room, const int *descriptors, int descriptor_count, int flags)
{
    if (descriptor_count < 0 || descriptor_count > MOST_DESCRIPTORS) return -EINVAL;
    if (descriptor_count > 0) {
        memset(room, 0, sizeof *room);
        message->msg_control = room;
        message->msg_controllen = CMSG_SPACE(sizeof(int) * descriptor_count);
        struct cmsghdr *header = CMSG_FIRSTHDR(message);
        header->cmsg_level = SOL_SOCKET;
        header->cmsg_type = SCM_RIGHTS;
        header->cmsg_len = CMSG_LEN(sizeof(int) * descriptor_count);
        memcpy(CMSG_DATA(header), descriptors, sizeof(int) * descriptor_count);
    }
    ssize_t sent;
    do sent = sendmsg(end, message, MSG_NOSIGNAL | flags);
    while (sent < 0 && errno == EINTR);
    return sent < 0 ? -errno : 0;
}

ssize_t svs_channel_receive(int end, void *bytes, size_t count, int *descriptors, int *descriptor_count, int wait)
{
    union descriptor_room room;
    struct iovec part = { .iov_base = bytes, .iov_len = count };
    struct msghdr message = { .msg_iov = &part, .msg_iovlen = 1, .msg_control = &room, .msg_controllen = sizeof room };
    int capacity = *descriptor_count, found = 0;
    *descriptor_count = 0;
    ssize_t got;
    do got = recvmsg(end, &message, MSG_CMSG_CLOEXEC | (wait ? 0 : MSG_DONTWAIT));
    while (got < 0 && errno == EINTR);
    if (got < 0) return -errno;
    for (struct cmsghdr *header = CMSG_FIRSTHDR(&message); header; header = CMSG_NXTHDR(&message, header)) {
        if (header->cmsg_level != SOL_SOCKET || header->cmsg_type != SCM_RIGHTS) continue;
        int here = (header->cmsg_len - CMSG_LEN(0)) / sizeof(int);
        for (int i = 0; i < here; i++) {
            int descriptor;
            memcpy(&descriptor, CMSG_DATA(header) + i * sizeof descriptor, sizeof descriptor);
            // What there is no room for must not stay open.
            if (found < capacity) descriptors[found++] = descriptor;
            else close(descriptor);
        }
    }
    *descriptor_count = found;
    return message.msg_flags & (MSG_TRUNC | MSG_CTRUNC) ? -EMSGSIZE : got;
}

int svs_memory_new(const char *name, uint64_t size)
{
    int descriptor = memfd_create(name, MFD_CLOEXEC);
    if (descriptor < 0) return -errno;
    if (ftruncate(descriptor, (off_t)size) == 0) return descriptor;
    int failure = -errno;
    close(descriptor);
    return failure;
}

int64_t svs_memory_size(int descriptor)
{
    struct stat file;
    return fstat(descriptor, &file) ? -errno : file.st_size;
}

int svs_memory_map(int descriptor, uint64_t size, void **memory)
{
    void *mapping = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, descriptor, 0);
    if (mapping == MAP_FAILED) return -errno;
    *memory = mapping;
    return 0;
}

void svs_memory_unmap(void *memory, uint64_t size) { munmap(memory, size); }

int svs_memory_clear(void *memory, uint64_t size)
{
    return madvise(memory, size, MADV_REMOVE) ? -errno : 0;
}

int svs_spawn(const char *path, char *const *arguments, const int *descriptors, int count)
{
    enum { FIRST = 3 };
    int spare = FIRST + count;
    for (int i = 0; i < count; i++)
        if (descriptors[i] >= spare) spare = descriptors[i] + 1;
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attributes;
    sigset_t none, usual;
    pid_t child = 0;
    int failure = posix_spawn_file_actions_init(&actions);
    if (failure) return -failure;
    if ((failure = posix_spawnattr_init(&attributes))) {
        posix_spawn_file_actions_destroy(&actions);
        return -failure;
    }
    // Out of each other's way first, then to their places.
    for (int i = 0; i < count && !failure; i++) failure = posix_spawn_file_actions_adddup2(&actions, descriptors[i], spare + i);
    for (int i = 0; i < count && !failure; i++) failure = posix_spawn_file_actions_adddup2(&actions, spare + i, FIRST + i);
    if (!failure) failure = posix_spawn_file_actions_addclosefrom_np(&actions, FIRST + count);
    sigemptyset(&none);
    sigfillset(&usual);
    if (!failure) failure = posix_spawnattr_setsigmask(&attributes, &none);
    if (!failure) failure = posix_spawnattr_setsigdefault(&attributes, &usual);
    if (!failure) failure = posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETPGROUP);
    if (!failure) failure = posix_spawnattr_setpgroup(&attributes, 0);
    extern char **environ;
    if (!failure) failure = posix_spawn(&child, path, &actions, &attributes, arguments, environ);
    posix_spawn_file_actions_destroy(&actions);
    posix_spawnattr_destroy(&attributes);
    return failure ? -failure : child;
}

int svs_reap(int child, int *status)
{
    pid_t ended;
    siginfo_t end = { 0 };
    // Until it is waited for, nobody else can have its number.
    if (waitid(P_PID, (id_t)child, &end, WEXITED | WNOHANG | WNOWAIT) == 0 && end.si_pid == child) kill(-child, SIGKILL);
    do ended = waitpid(child, status, WNOHANG);
    while (ended < 0 && errno == EINTR);
    return ended < 0 ? -errno : ended > 0;
}

int svs_signal(int process, int number) { return kill(process, number) ? -errno : 0; }
