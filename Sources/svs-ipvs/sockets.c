// Descriptors: which are carried, and how one takes another's place.
#define _GNU_SOURCE
#include "carry.h"
#include "svs_ipvs.h"

#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/netlink.h>
#include <pthread.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

// ipvsadm opens a socket for each message: places of closed sockets are used again.
#define PLACES 256
static struct carried places[PLACES];
static int used;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

static void acquire(void) { pthread_mutex_lock(&lock); }
static void release(void) { pthread_mutex_unlock(&lock); }

__attribute__((constructor)) static void survive_fork(void) { pthread_atfork(acquire, release, release); }

void *svs_next(const char *name)
{
    void *function = dlsym(RTLD_NEXT, name);
    if (!function) abort();
    return function;
}

#define NEXT(name) ((__typeof__(&name))svs_next(#name))

static ino_t inode_of(int fd)
{
    struct stat file;
    return fstat(fd, &file) == 0 && S_ISSOCK(file.st_mode) ? file.st_ino : 0;
}

bool svs_find(int fd, struct carried *found)
{
    bool is_carried = false;
    if (__atomic_load_n(&used, __ATOMIC_RELAXED) == 0) return false;
    int saved = errno;
    acquire();
    for (int i = 0; i < used; i++) {
        if (places[i].fd != fd) continue;
        is_carried = places[i].inode == inode_of(fd);
        if (is_carried) *found = places[i];
        else places[i] = places[--used];
        break;
    }
    release();
    errno = saved;
    return is_carried;
}

void svs_remember(struct carried socket)
{
    socket.inode = inode_of(socket.fd);
    acquire();
    int place = 0;
    while (place < used && places[place].fd != socket.fd) place++;
    for (int i = 0; place == PLACES && i < used; i++)
        if (places[i].inode != inode_of(places[i].fd)) place = i;
    // More than a process has sockets of this kind: the oldest is forgotten.
    if (place == PLACES) place = 0;
    places[place] = socket;
    if (place == used) used++;
    release();
}

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
    struct timeval patience = { .tv_sec = 5 };
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
    int now = __atomic_load_n(&known, __ATOMIC_RELAXED);
    return (failure == ECONNREFUSED && now != MISSED) || (failure == ENOENT && now == MET);
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

bool svs_is_generic(int fd, uint32_t *port)
{
    int domain = 0, protocol = 0;
    socklen_t length = sizeof domain;
    if (NEXT(getsockopt)(fd, SOL_SOCKET, SO_DOMAIN, &domain, &length) < 0 || domain != AF_NETLINK) return false;
    length = sizeof protocol;
    if (NEXT(getsockopt)(fd, SOL_SOCKET, SO_PROTOCOL, &protocol, &length) < 0 || protocol != NETLINK_GENERIC) return false;
    struct sockaddr_nl name = { 0 };
    length = sizeof name;
    NEXT(getsockname)(fd, (struct sockaddr *)&name, &length);
    *port = name.nl_pid ? name.nl_pid : (uint32_t)getpid();
    return true;
}

// What an epoll instance knows about a descriptor. A descriptor that is replaced loses it.
struct registration {
    int epoll;
    struct epoll_event event;
};
#define REGISTRATIONS 16

static int registrations_in(int epoll, int fd, struct registration *found, int room)
{
    char name[64], line[256];
    int count = 0;
    snprintf(name, sizeof name, "/proc/self/fdinfo/%d", epoll);
    FILE *info = fopen(name, "re");
    if (!info) return 0;
    while (count < room && fgets(line, sizeof line, info)) {
        int target;
        unsigned events;
        unsigned long long data;
        if (sscanf(line, "tfd: %d events: %x data: %llx", &target, &events, &data) != 3 || target != fd) continue;
        found[count].epoll = epoll;
        found[count].event.events = events;
        found[count++].event.data.u64 = data;
    }
    fclose(info);
    return count;
}

static int registrations_of(int fd, struct registration *found)
{
    int count = 0;
    DIR *folder = opendir("/proc/self/fd");
    if (!folder) return 0;
    for (struct dirent *entry; count < REGISTRATIONS && (entry = readdir(folder));) {
        char target[64];
        ssize_t length = readlinkat(dirfd(folder), entry->d_name, target, sizeof target - 1);
        if (length < 0) continue;
        target[length] = 0;
        if (strcmp(target, "anon_inode:[eventpoll]") == 0)
            count += registrations_in(atoi(entry->d_name), fd, found + count, REGISTRATIONS - count);
    }
    closedir(folder);
    return count;
}

bool svs_replace(int fd, int other)
{
    struct registration registrations[REGISTRATIONS];
    int count = registrations_of(fd, registrations);
    int status = fcntl(fd, F_GETFL), flags = fcntl(fd, F_GETFD);
    struct timeval patience;
    socklen_t length = sizeof patience;
    if (NEXT(getsockopt)(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, &length) == 0)
        NEXT(setsockopt)(other, SOL_SOCKET, SO_RCVTIMEO, &patience, length);
    if (status >= 0 && status & O_NONBLOCK) fcntl(other, F_SETFL, O_NONBLOCK);
    bool replaced = dup3(other, fd, flags >= 0 && flags & FD_CLOEXEC ? O_CLOEXEC : 0) >= 0;
    close(other);
    for (int i = 0; replaced && i < count; i++)
        epoll_ctl(registrations[i].epoll, EPOLL_CTL_ADD, fd, &registrations[i].event);
    return replaced;
}
