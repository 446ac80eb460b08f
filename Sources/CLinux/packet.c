#define _GNU_SOURCE
#include "CLinux.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/filter.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <linux/virtio_net.h>
#include <net/if.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>

_Static_assert(sizeof(struct virtio_net_hdr) == 10, "the header that the kernel puts in front of a frame");
_Static_assert(sizeof(struct svs_instruction) == sizeof(struct sock_filter), "a filter instruction");
_Static_assert(SVS_RING_HEADER == TPACKET2_HDRLEN, "the slot header");
_Static_assert(SVS_PACKET_OTHERHOST == PACKET_OTHERHOST, "packet types");

static int set(int socket, int option, const void *value, socklen_t size) {
    return setsockopt(socket, SOL_PACKET, option, value, size) ? -errno : 0;
}

static int set_number(int socket, int option, int value) { return set(socket, option, &value, sizeof value); }

int svs_packet_open(void) {
    int fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0);
    return fd < 0 ? -errno : fd;
}

static int ask(int socket, const char *name, unsigned long question, struct ifreq *request) {
    memset(request, 0, sizeof *request);
    if (strlen(name) >= sizeof request->ifr_name) return 0;
    strcpy(request->ifr_name, name);
    return ioctl(socket, question, request) == 0;
}

int svs_interface_number(int socket, const char *name) {
    struct ifreq request;
    return ask(socket, name, SIOCGIFINDEX, &request) ? request.ifr_ifindex : 0;
}

int svs_interface_mtu(int socket, const char *name) {
    struct ifreq request;
    return ask(socket, name, SIOCGIFMTU, &request) ? request.ifr_mtu : 0;
}

int svs_interface_up(int socket, const char *name) {
    struct ifreq request;
    return ask(socket, name, SIOCGIFFLAGS, &request) && request.ifr_flags & IFF_UP;
}

int svs_packet_bind(int socket, int interface, int everything) {
    struct sockaddr_ll address = {
        .sll_family = AF_PACKET,
        .sll_protocol = everything ? htons(ETH_P_ALL) : 0,
        .sll_ifindex = interface,
    };
    return bind(socket, (struct sockaddr *)&address, sizeof address) ? -errno : 0;
}

int svs_packet_offload(int socket) { return set_number(socket, PACKET_VNET_HDR, 1); }

int svs_packet_ignore_outgoing(int socket) { return set_number(socket, PACKET_IGNORE_OUTGOING, 1); }

int svs_packet_auxiliary(int socket) { return set_number(socket, PACKET_AUXDATA, 1); }

int svs_packet_fanout(int socket, uint16_t group) {
    return set_number(socket, PACKET_FANOUT, PACKET_FANOUT_HASH << 16 | group);
}

int svs_packet_queue(int socket, int receive, int bytes) {
    if (!setsockopt(socket, SOL_SOCKET, receive ? SO_RCVBUFFORCE : SO_SNDBUFFORCE, &bytes, sizeof bytes)) return 0;
    return setsockopt(socket, SOL_SOCKET, receive ? SO_RCVBUF : SO_SNDBUF, &bytes, sizeof bytes) ? -errno : 0;
}

int svs_packet_ring(int socket, uint32_t block_size, uint32_t blocks, uint32_t slot_size, uint32_t reserve) {
    int failure;
    if ((failure = set_number(socket, PACKET_VERSION, TPACKET_V2))) return failure;
    if ((failure = set_number(socket, PACKET_RESERVE, (int)reserve))) return failure;
    // Any threshold but 0 asks for whole copies of the frames that a slot cannot hold.
    if ((failure = set_number(socket, PACKET_COPY_THRESH, 1))) return failure;
    struct tpacket_req request = {
        .tp_block_size = block_size,
        .tp_block_nr = blocks,
        .tp_frame_size = slot_size,
        .tp_frame_nr = block_size / slot_size * blocks,
    };
    return set(socket, PACKET_RX_RING, &request, sizeof request);
}

int svs_packet_map(int socket, uint64_t size, void **ring) {
    void *memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, socket, 0);
    if (memory == MAP_FAILED) return -errno;
    *ring = memory;
    return 0;
}

void svs_packet_unmap(void *ring, uint64_t size) { munmap(ring, size); }

int svs_packet_statistics(int socket, uint32_t *packets, uint32_t *drops) {
    struct tpacket_stats statistics = {0};
    socklen_t size = sizeof statistics;
    if (getsockopt(socket, SOL_PACKET, PACKET_STATISTICS, &statistics, &size)) return -errno;
    *packets = statistics.tp_packets;
    *drops = statistics.tp_drops;
    return 0;
}

int svs_packet_filter(int socket, const struct svs_instruction *program, uint16_t count) {
    if (count == 0) {
        int unused = 0;
        if (!setsockopt(socket, SOL_SOCKET, SO_DETACH_FILTER, &unused, sizeof unused)) return 0;
        return errno == ENOENT ? 0 : -errno;
    }
    struct sock_fprog filter = {.len = count, .filter = (struct sock_filter *)program};
    return setsockopt(socket, SOL_SOCKET, SO_ATTACH_FILTER, &filter, sizeof filter) ? -errno : 0;
}

int svs_packet_error(int socket) {
    int error = 0;
    socklen_t size = sizeof error;
    return getsockopt(socket, SOL_SOCKET, SO_ERROR, &error, &size) ? errno : error;
}

static void take_tag(struct svs_packet *packet, uint32_t status, uint16_t control, uint16_t protocol) {
    int tagged = (status & TP_STATUS_VLAN_VALID) != 0;
    packet->tag_control = tagged ? control : 0;
    // Kernels before 3.14 told no protocol; then the tag was 802.1Q.
    packet->tag_protocol = !tagged ? 0 : status & TP_STATUS_VLAN_TPID_VALID ? protocol : ETH_P_8021Q;
}

int svs_ring_look(void *slot, struct svs_packet *packet) {
    struct tpacket2_hdr *header = slot;
    uint32_t status = __atomic_load_n(&header->tp_status, __ATOMIC_ACQUIRE);
    if (!(status & TP_STATUS_USER)) return 0;
    const struct sockaddr_ll *address = (void *)((char *)slot + TPACKET_ALIGN(sizeof *header));
    packet->frame = (char *)slot + header->tp_mac;
    packet->length = header->tp_snaplen;
    packet->arrived = header->tp_len;
    packet->type = address->sll_pkttype;
    packet->queued = (status & TP_STATUS_COPY) != 0;
    memcpy(packet->offload, (char *)packet->frame - sizeof packet->offload, sizeof packet->offload);
    take_tag(packet, status, header->tp_vlan_tci, header->tp_vlan_tpid);
    return 1;
}

uint32_t svs_ring_copy(const void *slot, uint32_t size, uint8_t *frame, uint64_t *arrived) {
    // Once: whoever had the slot before may have a hand in it still.
    struct tpacket2_hdr header = *(const volatile struct tpacket2_hdr *)slot;
    if (!(header.tp_status & TP_STATUS_USER) || header.tp_snaplen != header.tp_len) return 0;
    uint32_t start = header.tp_mac, length = header.tp_len;
    if (start < TPACKET2_HDRLEN || start > size || length < ETH_HLEN || length > size - start) return 0;
    const uint8_t *bytes = (const uint8_t *)slot + start;
    struct svs_packet tag;
    take_tag(&tag, header.tp_status, header.tp_vlan_tci, header.tp_vlan_tpid);
    enum { TAG = 4, ADDRESSES = 12 };
    uint8_t shown[2] = {(uint8_t)(tag.tag_protocol >> 8), (uint8_t)tag.tag_protocol};
    if (tag.tag_protocol && start >= TPACKET2_HDRLEN + TAG && !memcmp(bytes + ADDRESSES - TAG, shown, sizeof shown)) {
        bytes -= TAG;
        length += TAG;
    }
    memcpy(frame, bytes, length);
    *arrived = header.tp_sec * 1000000000ull + header.tp_nsec;
    return length;
}

void svs_ring_return(void *slot) {
    __atomic_store_n(&((struct tpacket2_hdr *)slot)->tp_status, TP_STATUS_KERNEL, __ATOMIC_RELEASE);
}

struct envelope {
    struct iovec parts[2];
    struct sockaddr_ll address;
    _Alignas(struct cmsghdr) char control[CMSG_SPACE(sizeof(struct tpacket_auxdata))];
};

struct svs_packets {
    uint32_t capacity;
    struct svs_packet *entries;
    struct envelope *envelopes;
    struct mmsghdr *messages;
};

struct svs_packets *svs_packets_new(uint32_t capacity) {
    struct svs_packets *packets = calloc(1, sizeof *packets);
    if (!packets) return NULL;
    packets->capacity = capacity;
    packets->entries = calloc(capacity, sizeof *packets->entries);
    packets->envelopes = calloc(capacity, sizeof *packets->envelopes);
    packets->messages = calloc(capacity, sizeof *packets->messages);
    if (packets->entries && packets->envelopes && packets->messages) return packets;
    svs_packets_free(packets);
    return NULL;
}

void svs_packets_free(struct svs_packets *packets) {
    free(packets->entries);
    free(packets->envelopes);
    free(packets->messages);
    free(packets);
}

struct svs_packet *svs_packets_entries(struct svs_packets *packets) { return packets->entries; }

static void address_message(struct svs_packets *packets, uint32_t index, int receive) {
    struct svs_packet *packet = &packets->entries[index];
    struct envelope *envelope = &packets->envelopes[index];
    struct msghdr header = {.msg_iov = envelope->parts};
    if (receive) {
        // One part is cheaper for the kernel than two, and the room in front of the frame is the reader's own.
        size_t head = sizeof packet->offload;
        envelope->parts[0] = (struct iovec){(char *)packet->frame - head, packet->length + head};
        header.msg_iovlen = 1;
        header.msg_name = &envelope->address;
        header.msg_namelen = sizeof envelope->address;
        header.msg_control = envelope->control;
        header.msg_controllen = sizeof envelope->control;
    } else {
        envelope->parts[0] = (struct iovec){packet->offload, sizeof packet->offload};
        envelope->parts[1] = (struct iovec){packet->frame, packet->length};
        header.msg_iovlen = 2;
    }
    packets->messages[index].msg_hdr = header;
}

static void open_message(struct svs_packets *packets, uint32_t index) {
    struct svs_packet *packet = &packets->entries[index];
    struct mmsghdr *message = &packets->messages[index];
    uint32_t whole = message->msg_len, head = sizeof packet->offload;
    packet->arrived = whole > head ? whole - head : 0;
    if (packet->arrived < packet->length) packet->length = packet->arrived;
    memcpy(packet->offload, (char *)packet->frame - head, head);
    packet->type = packets->envelopes[index].address.sll_pkttype;
    packet->queued = 0;
    packet->tag_control = packet->tag_protocol = 0;
    for (struct cmsghdr *c = CMSG_FIRSTHDR(&message->msg_hdr); c; c = CMSG_NXTHDR(&message->msg_hdr, c)) {
        struct tpacket_auxdata auxiliary;
        if (c->cmsg_level != SOL_PACKET || c->cmsg_type != PACKET_AUXDATA) continue;
        if (c->cmsg_len < CMSG_LEN(sizeof auxiliary)) continue;
        memcpy(&auxiliary, CMSG_DATA(c), sizeof auxiliary);
        take_tag(packet, auxiliary.tp_status, auxiliary.tp_vlan_tci, auxiliary.tp_vlan_tpid);
    }
}

int svs_packets_receive(struct svs_packets *packets, int socket, uint32_t count) {
    if (count > packets->capacity) count = packets->capacity;
    for (uint32_t i = 0; i < count; i++) address_message(packets, i, 1);
    // With MSG_TRUNC a frame tells its whole length even where the room was too small.
    int received = recvmmsg(socket, packets->messages, count, MSG_DONTWAIT | MSG_TRUNC, NULL);
    if (received < 0) return -errno;
    for (int i = 0; i < received; i++) open_message(packets, (uint32_t)i);
    return received;
}

int svs_packets_send(struct svs_packets *packets, int socket, uint32_t first, uint32_t count) {
    if (first >= packets->capacity) return 0;
    if (count > packets->capacity - first) count = packets->capacity - first;
    for (uint32_t i = first; i < first + count; i++) address_message(packets, i, 0);
    int sent = sendmmsg(socket, packets->messages + first, count, MSG_DONTWAIT);
    return sent < 0 ? -errno : sent;
}
