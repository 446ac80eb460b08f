#define _GNU_SOURCE
#include "folder.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#ifndef SO_NETNS_COOKIE
#define SO_NETNS_COOKIE 71
#endif

static int failing(int descriptor, int failure)
{
    close(descriptor);
    return failure;
}

int svs_folder_open(const char *directory, const char *name)
{
    if (mkdir(directory, 0755) && errno != EEXIST) return -errno;
    int above = open(directory, O_DIRECTORY | O_CLOEXEC | O_PATH);
    if (above < 0) return -errno;
    if (mkdirat(above, name, 0700) && errno != EEXIST) return failing(above, -errno);
    int folder = openat(above, name, O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC | O_RDONLY);
    if (folder < 0) return failing(above, -errno);
    close(above);
    struct stat found;
    if (fstat(folder, &found)) return failing(folder, -errno);
    if (found.st_uid != geteuid() || found.st_mode & 022) return failing(folder, -EPERM);
    return folder;
}

int svs_folder_is_memory(int folder)
{
    struct statfs system;
    if (fstatfs(folder, &system)) return -errno;
    return system.f_type == TMPFS_MAGIC;
}

int svs_folder_lock(int folder, int32_t *holder)
{
    char text[16] = "";
    *holder = 0;
    for (;;) {
        int file = svs_folder_file(folder, "lock");
        if (file < 0) return file;
        if (flock(file, LOCK_EX | LOCK_NB)) {
            int failure = -errno;
            if (pread(file, text, sizeof text - 1, 0) > 0) *holder = atoi(text);
            return failing(file, failure);
        }
        // Whoever had it before may have removed the file: then the lock is worth nothing.
        struct stat locked, named;
        if (fstat(file, &locked)) return failing(file, -errno);
        if (fstatat(folder, "lock", &named, AT_SYMLINK_NOFOLLOW) || locked.st_ino != named.st_ino) {
            close(file);
            continue;
        }
        int length = snprintf(text, sizeof text, "%d\n", (int)getpid());
        if (ftruncate(file, 0) || pwrite(file, text, length, 0) != length) return failing(file, errno ? -errno : -EIO);
        return file;
    }
}

int svs_folder_file(int folder, const char *name)
{
    int file = openat(folder, name, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
    return file < 0 ? -errno : file;
}

int svs_folder_rename(int folder, const char *name, const char *other)
{
    return renameat(folder, name, folder, other) ? -errno : 0;
}

int svs_folder_remove(int folder, const char *name) { return unlinkat(folder, name, 0) ? -errno : 0; }

int svs_network_cookie(uint64_t *cookie)
{
    int any = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (any < 0) return -errno;
    socklen_t size = sizeof *cookie;
    if (getsockopt(any, SOL_SOCKET, SO_NETNS_COOKIE, cookie, &size)) return failing(any, -errno);
    close(any);
    return 0;
}

int svs_memory_back(int descriptor, uint64_t offset, uint64_t count)
{
    return fallocate(descriptor, 0, (off_t)offset, (off_t)count) ? -errno : 0;
}
