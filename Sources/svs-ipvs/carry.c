// Datagrams: from a netlink socket's calls to packets of the control socket and back.
#define _GNU_SOURCE
#include "carry.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/genetlink.h>
#include <linux/netlink.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#define NEXT(name) ((__typeof__(&name))svs_next(#name))
#define PATIENCE (1000 * SVS_PATIENCE) // milliseconds that a director may keep a request waiting at the door
// Bytes of the longest answer that a director gives: 65,536 servers are a third of it. What goes on behind them has no end.
#define LONGEST ((size_t)64 << 20)

static size_t length_of(const struct msghdr *message)
{
    size_t length = 0;
    for (size_t i = 0; i < message->msg_iovlen; i++) length += message->msg_iov[i].iov_len;
    return length;
}

// The first `room` bytes of a message in one piece.
static size_t flatten(const struct msghdr *message, char *bytes, size_t room)
{
    size_t length = 0;
    for (size_t i = 0; i < message->msg_iovlen && length < room; i++) {
        size_t part = message->msg_iov[i].iov_len;
        if (part > room - length) part = room - length;
        if (part) memcpy(bytes + length, message->msg_iov[i].iov_base, part);
        length += part;
    }
    return length;
}

// Whether a datagram is CTRL_CMD_GETFAMILY for "IPVS": from then on the socket is the director's.
static bool asks_for_family(const struct msghdr *message)
{
    _Alignas(4) char bytes[256];
    size_t length = flatten(message, bytes, sizeof bytes), place = NLMSG_HDRLEN + GENL_HDRLEN;
    const struct nlmsghdr *header = (const void *)bytes;
    if (length < place || header->nlmsg_type != GENL_ID_CTRL || header->nlmsg_len < place) return false;
    if (header->nlmsg_len < length) length = header->nlmsg_len;
    if (((const struct genlmsghdr *)(const void *)(bytes + NLMSG_HDRLEN))->cmd != CTRL_CMD_GETFAMILY) return false;
    while (place + NLA_HDRLEN <= length) {
        const struct nlattr *attribute = (const void *)(bytes + place);
        if (attribute->nla_len < NLA_HDRLEN || attribute->nla_len > length - place) return false;
        const char *value = bytes + place + NLA_HDRLEN;
        size_t size = attribute->nla_len - NLA_HDRLEN;
        if ((attribute->nla_type & NLA_TYPE_MASK) == CTRL_ATTR_FAMILY_NAME)
            return size >= 4 && memcmp(value, "IPVS", 4) == 0 && (size == 4 || value[4] == 0);
        place += NLA_ALIGN(attribute->nla_len);
    }
    return false;
}

// Gives every request the port id that its answer must carry, whatever the client wrote (iproute2 writes 0).
static void note(struct carried *socket, char *bytes, size_t length)
{
    for (size_t place = 0; length - place >= NLMSG_HDRLEN;) {
        struct nlmsghdr *header = (void *)(bytes + place);
        header->nlmsg_pid = socket->port;
        socket->sequence = header->nlmsg_seq;
        socket->waits = true;
        socket->is_settled = false;
        socket->acknowledges = (header->nlmsg_flags & (NLM_F_ACK | NLM_F_DUMP)) == NLM_F_ACK;
        socket->heard = 0;
        size_t step = NLMSG_ALIGN((size_t)header->nlmsg_len);
        if (header->nlmsg_len < NLMSG_HDRLEN || step >= length - place) break;
        place += step;
    }
}

// Puts one end of a pair in the socket's place on which the answer already lies: an error for the last request. So
// poll and epoll see it as well. The next send finds nobody there and connects again. ENODEV, for libnl makes "Permission
// denied" of every number that it does not know.
static void answer_with_error(struct carried *socket)
{
    struct {
        struct nlmsghdr header;
        struct nlmsgerr error;
    } answer = {
        .header = { sizeof answer, NLMSG_ERROR, NLM_F_CAPPED, socket->sequence, socket->port },
        .error = { -ENODEV, { NLMSG_HDRLEN, 0, 0, socket->sequence, socket->port } },
    };
    int pair[2];
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0) return;
    NEXT(send)(pair[1], &answer, sizeof answer, MSG_NOSIGNAL);
    close(pair[1]);
    bool replaced = svs_replace(socket->fd, pair[0]);
    close(pair[0]);
    if (!replaced) return;
    // Once told, not told again.
    socket->waits = false;
    svs_remember(*socket);
}

static bool deliver(int fd, const char *bytes, size_t length, int flags)
{
    for (;;) {
        if (NEXT(send)(fd, bytes, length, flags | MSG_NOSIGNAL) >= 0) return true;
        if (errno == EINTR) continue;
        // A netlink socket never keeps a sender waiting; a non-blocking client does not expect it.
        struct pollfd room = { .fd = fd, .events = POLLOUT };
        if (errno != EAGAIN || poll(&room, 1, PATIENCE) <= 0) return false;
    }
}

static bool reconnect(struct carried *socket)
{
    int other = svs_connection();
    if (other < 0) return false;
    bool replaced = svs_replace(socket->fd, other);
    svs_keep(other, socket->fd);
    if (replaced) svs_remember(*socket);
    return replaced;
}

bool svs_send(int fd, const struct msghdr *message, int flags, ssize_t *result)
{
    struct carried socket = { .fd = fd };
    int saved = errno;
    if (!svs_find(fd, &socket)) {
        bool is_ours = asks_for_family(message) && svs_is_generic(fd, &socket.port) && reconnect(&socket);
        errno = saved;
        if (!is_ours) return false;
    }
    size_t length = length_of(message);
    char *bytes = malloc(length ? length : 1);
    if (!bytes) {
        *result = -1;
        errno = ENOBUFS;
        return true;
    }
    flatten(message, bytes, length);
    note(&socket, bytes, length);
    svs_remember(socket);
    int kept = flags & MSG_DONTWAIT;
    if (!deliver(fd, bytes, length, kept) && !(reconnect(&socket) && deliver(fd, bytes, length, kept)))
        answer_with_error(&socket);
    free(bytes);
    *result = (ssize_t)length;
    errno = saved;
    return true;
}

void svs_note_answer(struct carried *socket, const struct msghdr *message, size_t length)
{
    _Alignas(4) char bytes[8192];
    length = flatten(message, bytes, length < sizeof bytes ? length : sizeof bytes);
    for (size_t place = 0; length - place >= NLMSG_HDRLEN;) {
        const struct nlmsghdr *header = (const void *)(bytes + place);
        bool is_end = header->nlmsg_type == NLMSG_ERROR || header->nlmsg_type == NLMSG_DONE;
        bool is_last = is_end || !(header->nlmsg_flags & NLM_F_MULTI);
        if (header->nlmsg_seq == socket->sequence && is_last) {
            socket->waits = false;
            socket->is_settled = is_end || !socket->acknowledges;
        }
        size_t step = NLMSG_ALIGN((size_t)header->nlmsg_len);
        if (header->nlmsg_len < NLMSG_HDRLEN || step >= length - place) break;
        place += step;
    }
}

static void name_sender(struct msghdr *message, void *name, socklen_t room)
{
    struct sockaddr_nl kernel = { .nl_family = AF_NETLINK };
    message->msg_name = name;
    message->msg_namelen = name ? sizeof kernel : 0;
    if (name) memcpy(name, &kernel, room < sizeof kernel ? room : sizeof kernel);
}

ssize_t svs_receive(const struct carried *carried, struct msghdr *message, int flags)
{
    struct carried socket = *carried;
    void *name = message->msg_name;
    socklen_t room = message->msg_namelen;
    for (int attempt = 0;; attempt++) {
        message->msg_name = NULL;
        message->msg_namelen = 0;
        ssize_t length = NEXT(recvmsg)(socket.fd, message, flags);
        name_sender(message, name, room);
        bool is_endless = length > 0 && socket.waits && socket.heard > LONGEST;
        if (length > 0 && !is_endless) {
            if (!socket.is_settled && !(flags & MSG_PEEK)) {
                socket.heard += (size_t)length;
                svs_note_answer(&socket, message, (size_t)length);
                svs_remember(socket);
            }
            return length;
        }
        // A socket that waits has waited long enough.
        bool is_hung = length < 0 && errno == EAGAIN && socket.waits && !(flags & MSG_DONTWAIT)
            && !(fcntl(socket.fd, F_GETFL) & O_NONBLOCK);
        if (length < 0 && errno != ECONNRESET && errno != ENOTCONN && !is_hung) return length;
        // A reset is said once, before what is still in the queue.
        if (length < 0 && attempt == 0 && !is_hung) continue;
        // The director is gone. A netlink socket knows no end: 0 would be read for ever.
        if (!socket.waits) {
            errno = ECONNRESET;
            return -1;
        }
        answer_with_error(&socket);
        socket.waits = false;
    }
}
