// Connections to the control socket: how one is made, and the one that is kept for the next socket of this process.
#define _GNU_SOURCE
#include "carry.h"
#include "svs_ipvs.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#define NEXT(name) ((__typeof__(&name))svs_next(#name))

// Root tells nobody what to do but root and the user of directors: anybody may put a socket into a folder that is his.
static int check_listener(int fd)
{
    struct ucred peer;
    socklen_t length = sizeof peer;
    if (geteuid() != 0) return 0;
    if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &length) < 0) return errno;
    if (peer.uid == 0) return 0;
    const struct passwd *user = getpwnam("svs");
    return user && user->pw_uid == peer.uid ? 0 : EREMOTE;
}

static int connect_once(void)
{
    const char *path = secure_getenv("SVS_CONTROL");
    if (!path || !*path) path = SVS_IPVS_DEFAULT_CONTROL;
    struct sockaddr_un address = { .sun_family = AF_UNIX };
    if (strlen(path) >= sizeof address.sun_path) {
        errno = ENAMETOOLONG;
        return -1;
    }
    strcpy(address.sun_path, path);
    int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
    if (fd < 0) return -1;
    int result;
    do result = NEXT(connect)(fd, (struct sockaddr *)&address, sizeof address); while (result < 0 && errno == EINTR);
    int failure = result == 0 ? check_listener(fd) : errno;
    // A director that hangs is given up, as svs adm does.
    struct timeval patience = { .tv_sec = SVS_PATIENCE };
    if (failure == 0 && setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience) < 0) failure = errno;
    if (failure == 0) return fd;
    close(fd);
    errno = failure;
    return -1;
}

// What this process knows of directors: nothing, that one was there, that one was waited for in vain.
enum { UNKNOWN, MET, MISSED };
static int known;

// A socket that nobody listens at is left by a director that was killed; without a file, only one that was met is expected again.
static bool is_expected(int failure)
{
    int state = __atomic_load_n(&known, __ATOMIC_RELAXED);
    return (failure == ECONNREFUSED && state != MISSED) || (failure == ENOENT && state == MET);
}

int svs_connect(void)
{
    enum { PATIENCE = 5000, PAUSE = 50 }; // milliseconds
    int fd = connect_once();
    bool waits = fd < 0 && is_expected(errno);
    for (int waited = 0; waits && fd < 0 && waited < PATIENCE; waited += PAUSE) {
        struct timespec pause = { .tv_nsec = PAUSE * 1000000 };
        nanosleep(&pause, NULL);
        fd = connect_once();
    }
    if (fd >= 0 || waits) __atomic_store_n(&known, fd >= 0 ? MET : MISSED, __ATOMIC_RELAXED);
    return fd;
}

// ipvsadm and keepalived open a socket for each message and close it behind the answer. The connection of the last one serves the next,
// so that a restore of many lines connects once. Only at once: what connects anew finds out whether there is a director to wait for,
// while one that is about to end may still take a request, and never answers.
static struct {
    /// -1 without one.
    int fd;
    ino_t inode;
    /// The socket that it serves, or has served: free when that is closed; and how far the last request is answered.
    struct carried last;
    pid_t process;
    uid_t user;
    /// When it was last of use, in nanoseconds.
    uint64_t used;
} kept = { .fd = -1 };
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

static void acquire(void) { pthread_mutex_lock(&lock); }
static void release(void) { pthread_mutex_unlock(&lock); }

static uint64_t now(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (uint64_t)time.tv_sec * 1000000000 + (uint64_t)time.tv_nsec;
}

ino_t svs_inode(int fd)
{
    struct stat file;
    return fstat(fd, &file) == 0 && S_ISSOCK(file.st_mode) ? file.st_ino : 0;
}

// The descriptor, which is the caller's from now on. The program may have closed it, and it may be another one's by now.
static int taken(void)
{
    int fd = kept.fd;
    kept.fd = -1;
    return fd >= 0 && svs_inode(fd) == kept.inode ? fd : -1;
}

static void let_go(void)
{
    int fd = taken();
    if (fd >= 0) close(fd);
}

// Behind a fork two processes may have the socket that the connection serves.
static void part(void)
{
    let_go();
    release();
}

__attribute__((constructor)) static void survive_fork(void) { pthread_atfork(acquire, part, part); }

// Reads away what a closed socket has left unread; false when something is there that nobody expects, or nobody at the other end.
static bool read_away(int fd, struct carried *last)
{
    enum { LONGEST = 1000 }; // milliseconds
    _Alignas(4) char bytes[8192];
    struct iovec part = { bytes, sizeof bytes };
    struct msghdr message = { .msg_iov = &part, .msg_iovlen = 1 };
    struct pollfd ready = { .fd = fd, .events = POLLIN };
    while (!last->is_settled) {
        if (poll(&ready, 1, LONGEST) <= 0) return false;
        ssize_t length = NEXT(recv)(fd, bytes, sizeof bytes, MSG_DONTWAIT);
        if (length <= 0) return false;
        svs_note_answer(last, &message, (size_t)length);
    }
    return NEXT(recv)(fd, bytes, 1, MSG_PEEK | MSG_DONTWAIT) < 0 && errno == EAGAIN;
}

int svs_connection(void)
{
    enum { LONGEST = 10000000 }; // nanoseconds
    acquire();
    struct carried last = kept.last;
    // An answer without an end that is told apart may still be on its way.
    bool is_free = kept.fd >= 0 && (last.is_settled || last.acknowledges) && kept.process == getpid() && kept.user == geteuid()
        && svs_inode(last.fd) != kept.inode && now() - kept.used < LONGEST;
    int fd = is_free ? taken() : -1;
    release();
    if (fd < 0) return svs_connect();
    if (read_away(fd, &last)) return fd;
    close(fd);
    return svs_connect();
}

void svs_keep(int fd, int carrier)
{
    acquire();
    let_go();
    kept.inode = svs_inode(fd);
    kept.fd = fd;
    kept.last = (struct carried){ .fd = carrier, .is_settled = true };
    kept.process = getpid();
    kept.user = geteuid();
    kept.used = now();
    release();
}

void svs_note_kept(const struct carried *socket)
{
    acquire();
    if (socket->inode == kept.inode) {
        kept.last = *socket;
        kept.used = now();
    }
    release();
}
