// /proc/net/ip_vs and its kin, as the director tells them.
#define _GNU_SOURCE
#include "carry.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/genetlink.h>
#include <linux/netlink.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

// Bytes of the longest file: some ten million connections. What goes on behind them has no end.
#define LONGEST ((size_t)2 << 30)

// Numbers of the control protocol that the kernel does not have.
enum { FAMILY = 0x5653, ASK = 67, QUESTION = 0x102, PAYLOAD = 0x103 };

static const char *const files[] = { "ip_vs", "ip_vs_conn", "ip_vs_conn_sync", "ip_vs_stats" };
static const char *const folders[] = { "/proc/net/", "/proc/self/net/", "/proc/thread-self/net/" };

// The file's own name, NULL for a path that is not one of them.
static const char *file_at(const char *path)
{
    for (size_t i = 0; i < sizeof folders / sizeof *folders; i++) {
        size_t length = strlen(folders[i]);
        if (strncmp(path, folders[i], length) != 0) continue;
        for (size_t j = 0; j < sizeof files / sizeof *files; j++)
            if (strcmp(path + length, files[j]) == 0) return files[j];
    }
    return NULL;
}

static bool ask(int director, const char *file)
{
    struct {
        struct nlmsghdr header;
        struct genlmsghdr generic;
        struct nlattr attribute;
        char name[32];
    } request = {
        .header = { 0, FAMILY, NLM_F_REQUEST | NLM_F_DUMP, 1, 0 },
        .generic = { ASK, 1, 0 },
        .attribute = { 0, QUESTION },
    };
    strcpy(request.name, "proc/");
    strcat(request.name, file);
    request.attribute.nla_len = (uint16_t)(NLA_HDRLEN + strlen(request.name) + 1);
    request.header.nlmsg_len = NLMSG_HDRLEN + GENL_HDRLEN + request.attribute.nla_len;
    ssize_t (*next_send)(int, const void *, size_t, int) = svs_next("send");
    return next_send(director, &request, request.header.nlmsg_len, MSG_NOSIGNAL) >= 0;
}

static bool write_all(int file, const char *bytes, size_t length)
{
    while (length) {
        ssize_t written = write(file, bytes, length);
        if (written < 0 && errno == EINTR) continue;
        if (written <= 0) return false;
        bytes += written;
        length -= (size_t)written;
    }
    return true;
}

// One message of the answer into the file: 1 to go on, 0 at the end, -1 when it is no answer.
static int take(int file, const struct nlmsghdr *header)
{
    if (header->nlmsg_type == NLMSG_DONE) return 0;
    size_t place = NLMSG_HDRLEN + GENL_HDRLEN;
    if (header->nlmsg_type != FAMILY || header->nlmsg_len < place + NLA_HDRLEN) return -1;
    const struct nlattr *attribute = (const void *)((const char *)header + place);
    if (attribute->nla_type != PAYLOAD || attribute->nla_len < NLA_HDRLEN
        || attribute->nla_len > header->nlmsg_len - place) return -1;
    return write_all(file, (const char *)attribute + NLA_HDRLEN, attribute->nla_len - (size_t)NLA_HDRLEN) ? 1 : -1;
}

static bool copy_packets(int director, int file, char *packet, size_t room)
{
    ssize_t (*next_recv)(int, void *, size_t, int) = svs_next("recv");
    for (size_t heard = 0; heard <= LONGEST;) {
        ssize_t length = next_recv(director, packet, room, 0);
        if (length < 0 && errno == EINTR) continue;
        if (length <= 0) return false;
        heard += (size_t)length;
        for (size_t place = 0, end = (size_t)length; end - place >= NLMSG_HDRLEN;) {
            const struct nlmsghdr *header = (const void *)(packet + place);
            if (header->nlmsg_len < NLMSG_HDRLEN || header->nlmsg_len > end - place) return false;
            int more = take(file, header);
            if (more <= 0) return more == 0;
            size_t step = NLMSG_ALIGN((size_t)header->nlmsg_len);
            if (step >= end - place) break;
            place += step;
        }
    }
    return false;
}

static bool copy_answer(int director, int file)
{
    enum { ROOM = 65536 };
    char *packet = malloc(ROOM);
    bool is_whole = packet && copy_packets(director, file, packet, ROOM);
    free(packet);
    return is_whole;
}

int svs_proc_file(const char *path, int flags)
{
    const char *name = path ? file_at(path) : NULL;
    if (!name || (flags & O_ACCMODE) != O_RDONLY) return -1;
    int saved = errno, file = -1, director = svs_connect();
    if (director >= 0) {
        file = memfd_create(name, flags & O_CLOEXEC ? MFD_CLOEXEC : 0);
        if (file >= 0 && (!ask(director, name) || !copy_answer(director, file) || lseek(file, 0, SEEK_SET) < 0)) {
            close(file);
            file = -1;
        }
        close(director);
    }
    errno = saved;
    return file;
}
