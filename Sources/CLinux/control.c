#define _GNU_SOURCE
#include "control.h"

#include <errno.h>
#include <fcntl.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/fsuid.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

static int fill(struct sockaddr_un *address, const char *path)
{
    size_t length = strlen(path);
    memset(address, 0, sizeof *address);
    address->sun_family = AF_UNIX;
    if (length == 0) return -ENOENT;
    if (length >= sizeof address->sun_path) return -ENAMETOOLONG;
    memcpy(address->sun_path, path, length + 1);
    return 0;
}

// Whether somebody answers at `path`; removes a socket file where nobody does.
static int clear_stale(const struct sockaddr_un *address)
{
    struct stat file;
    if (lstat(address->sun_path, &file) < 0) return errno == ENOENT ? 0 : -errno;
    if (!S_ISSOCK(file.st_mode)) return -ENOTSOCK;
    int probe = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (probe < 0) return -errno;
    int failure = connect(probe, (const struct sockaddr *)address, sizeof *address) < 0 ? errno : 0;
    close(probe);
    if (failure == ENOENT) return 0;
    if (failure != ECONNREFUSED) return -EADDRINUSE;
    return unlink(address->sun_path) < 0 && errno != ENOENT ? -errno : 0;
}

// What this thread makes from now on belongs to `group`. Unlike a change afterwards this needs no CAP_CHOWN.
static int use_group(uint32_t group)
{
    setfsgid(group);
    return (uint32_t)setfsgid((gid_t)-1) == group ? 0 : -EPERM;
}

int svs_control_listen(const char *path, int64_t group, uint64_t *device, uint64_t *inode)
{
    struct sockaddr_un address;
    int failure = fill(&address, path);
    if (failure) return failure;
    if (group >= 0) {
        gid_t own = (gid_t)setfsgid((gid_t)-1);
        failure = use_group((uint32_t)group);
        int fd = failure ? failure : svs_control_listen(path, -1, device, inode);
        setfsgid(own);
        if (fd < 0 || chmod(path, 0660) == 0) return fd;
        failure = -errno;
        svs_control_unlink(path, *device, *inode);
        close(fd);
        return failure;
    }
    int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0) return -errno;
    // The file takes its mode from the socket: there is no moment at which others could connect.
    struct stat file;
    if (fchmod(fd, 0600) < 0) failure = -errno;
    if (!failure && bind(fd, (struct sockaddr *)&address, sizeof address) < 0) {
        failure = -errno;
        if (failure == -EADDRINUSE && (failure = clear_stale(&address)) == 0
            && bind(fd, (struct sockaddr *)&address, sizeof address) < 0)
            failure = -errno;
    }
    if (!failure && (listen(fd, 64) < 0 || lstat(path, &file) < 0)) failure = -errno;
    if (failure) {
        close(fd);
        return failure;
    }
    *device = file.st_dev;
    *inode = file.st_ino;
    return fd;
}

int svs_control_identify(int listener, const char *path, uint64_t *device, uint64_t *inode)
{
    struct sockaddr_un address;
    socklen_t length = sizeof address;
    struct stat file;
    memset(&address, 0, sizeof address);
    if (getsockname(listener, (struct sockaddr *)&address, &length) < 0 || lstat(path, &file) < 0) return -errno;
    if (address.sun_family != AF_UNIX || strncmp(address.sun_path, path, sizeof address.sun_path) || !S_ISSOCK(file.st_mode))
        return -ENOTSOCK;
    *device = file.st_dev;
    *inode = file.st_ino;
    return 0;
}

void svs_control_unlink(const char *path, uint64_t device, uint64_t inode)
{
    struct stat file;
    if (lstat(path, &file) == 0 && file.st_dev == device && file.st_ino == inode) unlink(path);
}

static int user_of(int fd, uint32_t *uid)
{
    struct ucred peer;
    socklen_t length = sizeof peer;
    if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &length) < 0) return -errno;
    *uid = peer.uid;
    return 0;
}

// From here on a look at the queue moves the socket's peek offset, and taking the datagram off moves it back: the socket knows,
// whoever holds it, whether the datagram at its head was looked at.
static int peek_from_head(int fd)
{
    int head = 0;
    return setsockopt(fd, SOL_SOCKET, SO_PEEK_OFF, &head, sizeof head) < 0 ? -errno : 0;
}

int svs_control_accept(int listener, uint32_t *uid)
{
    int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
    if (fd < 0) return -errno;
    int failure = peek_from_head(fd);
    if (!failure) failure = user_of(fd, uid);
    if (failure) {
        close(fd);
        return failure;
    }
    return fd;
}

int svs_control_adopt(int fd, uint32_t *uid)
{
    int flags = fcntl(fd, F_GETFL);
    if (flags < 0 || (!(flags & O_NONBLOCK) && fcntl(fd, F_SETFL, flags | O_NONBLOCK) < 0)) return -errno;
    int peeked = 0;
    socklen_t length = sizeof peeked;
    if (getsockopt(fd, SOL_SOCKET, SO_PEEK_OFF, &peeked, &length) < 0) return -errno;
    // It was never said that looks shall be noted.
    int failure = peeked < 0 ? peek_from_head(fd) : 0;
    if (!failure) failure = user_of(fd, uid);
    return failure ? failure : peeked > 0;
}

int svs_control_rewind(int fd) { return peek_from_head(fd); }

// Root tells nobody what to do but root and the user of directors: anybody may put a socket into a folder that is his.
static int check_listener(int fd)
{
    uint32_t uid;
    if (geteuid() != 0) return 0;
    int failure = user_of(fd, &uid);
    if (failure || uid == 0) return failure;
    const struct passwd *user = getpwnam("svs");
    return user && user->pw_uid == uid ? 0 : -EREMOTE;
}

const char *svs_secure_variable(const char *name) { return secure_getenv(name); }

int svs_control_connect(const char *path, unsigned seconds)
{
    struct sockaddr_un address;
    int failure = fill(&address, path);
    if (failure) return failure;
    int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
    if (fd < 0) return -errno;
    struct timeval patience = { .tv_sec = seconds };
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
    if (connect(fd, (struct sockaddr *)&address, sizeof address) < 0) {
        failure = -errno;
        close(fd);
        return failure;
    }
    failure = check_listener(fd);
    if (failure) {
        close(fd);
        return failure;
    }
    return fd;
}

ssize_t svs_control_send(int fd, const void *bytes, size_t count)
{
    ssize_t sent;
    do sent = send(fd, bytes, count, MSG_NOSIGNAL); while (sent < 0 && errno == EINTR);
    return sent < 0 ? -errno : sent;
}

ssize_t svs_control_receive(int fd, void *bytes, size_t count)
{
    ssize_t length;
    do length = recv(fd, bytes, count, MSG_TRUNC); while (length < 0 && errno == EINTR);
    return length < 0 ? -errno : length;
}

ssize_t svs_control_peek(int fd, void *bytes, size_t count)
{
    ssize_t length;
    do length = recv(fd, bytes, count, MSG_PEEK | MSG_TRUNC); while (length < 0 && errno == EINTR);
    return length < 0 ? -errno : length;
}

int svs_control_discard(int fd)
{
    ssize_t length;
    char byte;
    do length = recv(fd, &byte, 0, MSG_TRUNC); while (length < 0 && errno == EINTR);
    return length < 0 ? -errno : 0;
}

uint64_t svs_monotonic_seconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec;
}

int svs_thread_user(uint32_t user)
{
    return syscall(SYS_setresuid, (uid_t)-1, (uid_t)user, (uid_t)-1) < 0 ? -errno : 0;
}
