#define _GNU_SOURCE
#include "claim.h"

#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

static socklen_t name(struct sockaddr_un *address, int32_t interface)
{
    memset(address, 0, sizeof *address);
    address->sun_family = AF_UNIX;
    int length = snprintf(address->sun_path + 1, sizeof address->sun_path - 1, "svs-director-interface-%d", interface);
    return offsetof(struct sockaddr_un, sun_path) + 1 + length;
}

int svs_claim(int32_t interface)
{
    struct sockaddr_un address;
    socklen_t length = name(&address, interface);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0) return -errno;
    if (bind(fd, (struct sockaddr *)&address, length) < 0 || listen(fd, 16) < 0) {
        int failure = -errno;
        close(fd);
        return failure;
    }
    return fd;
}

void svs_claim_answer(int listener)
{
    for (int i = 0; i < 16; i++) {
        int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
        if (fd < 0) return;
        char text[16];
        int length = snprintf(text, sizeof text, "%d\n", (int)getpid());
        (void)!send(fd, text, length, MSG_NOSIGNAL);
        close(fd);
    }
}

int32_t svs_claim_holder(int32_t interface)
{
    struct sockaddr_un address;
    socklen_t length = name(&address, interface);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0) return -errno;
    struct timeval patience = { .tv_sec = 1 };
    char text[16] = "";
    int32_t holder = 0;
    if (setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience) < 0
        || setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience) < 0
        || connect(fd, (struct sockaddr *)&address, length) < 0)
        holder = -errno;
    else if (recv(fd, text, sizeof text - 1, 0) > 0)
        holder = atoi(text);
    else {
        // One that is still starting, or hangs: the kernel knows who listens.
        struct ucred listener;
        socklen_t size = sizeof listener;
        if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &listener, &size) == 0) holder = listener.pid;
    }
    close(fd);
    return holder;
}
