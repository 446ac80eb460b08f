// Descriptors: which are carried, and how one takes another's place.
#define _GNU_SOURCE
#include "carry.h"

#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/netlink.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/time.h>
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

bool svs_find(int fd, struct carried *found)
{
    bool is_carried = false;
    if (__atomic_load_n(&used, __ATOMIC_RELAXED) == 0) return false;
    int saved = errno;
    acquire();
    for (int i = 0; i < used; i++) {
        if (places[i].fd != fd) continue;
        is_carried = places[i].inode == svs_inode(fd);
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
    socket.inode = svs_inode(socket.fd);
    acquire();
    int place = 0;
    while (place < used && places[place].fd != socket.fd) place++;
    for (int i = 0; place == PLACES && i < used; i++)
        if (places[i].inode != svs_inode(places[i].fd)) place = i;
    // More than a process has sockets of this kind: the oldest is forgotten.
    if (place == PLACES) place = 0;
    places[place] = socket;
    if (place == used) used++;
    release();
    svs_note_kept(&socket);
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

// Whether this program has registered anything at all.
static bool registers;

void svs_note_registration(void) { __atomic_store_n(&registers, true, __ATOMIC_RELAXED); }

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
    if (!__atomic_load_n(&registers, __ATOMIC_RELAXED)) return 0;
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
    // A client that waits for ever waits as long as svs adm.
    bool has_patience = NEXT(getsockopt)(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, &length) == 0 && (patience.tv_sec || patience.tv_usec);
    if (!has_patience) patience = (struct timeval){ .tv_sec = SVS_PATIENCE };
    NEXT(setsockopt)(other, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    fcntl(other, F_SETFL, status >= 0 && status & O_NONBLOCK ? O_NONBLOCK : 0);
    bool replaced = dup3(other, fd, flags >= 0 && flags & FD_CLOEXEC ? O_CLOEXEC : 0) >= 0;
    for (int i = 0; replaced && i < count; i++)
        NEXT(epoll_ctl)(registrations[i].epoll, EPOLL_CTL_ADD, fd, &registrations[i].event);
    return replaced;
}
