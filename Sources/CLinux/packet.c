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
_Static_assert(sizeof(struct svs_offload) == sizeof(struct virtio_net_hdr), "the same header");
_Static_assert(offsetof(struct svs_offload, checksum_offset) == offsetof(struct virtio_net_hdr, csum_offset), "its last field");
_Static_assert(offsetof(struct svs_ring_slot, length) == offsetof(struct tpacket2_hdr, tp_snaplen), "the slot header's fields");
_Static_assert(offsetof(struct svs_ring_slot, frame) == offsetof(struct tpacket2_hdr, tp_mac), "the slot header's fields");
_Static_assert(offsetof(struct svs_ring_slot, tag_control) == offsetof(struct tpacket2_hdr, tp_vlan_tci), "the slot header's fields");
_Static_assert(
    offsetof(struct svs_ring_slot, type) == TPACKET_ALIGN(sizeof(struct tpacket2_hdr)) + offsetof(struct sockaddr_ll, sll_pkttype),
    "the address behind the slot header");
_Static_assert(SVS_SLOT_READERS == TP_STATUS_USER && SVS_SLOT_QUEUED == TP_STATUS_COPY, "a slot's status");
_Static_assert(SVS_SLOT_TAGGED == TP_STATUS_VLAN_VALID && SVS_SLOT_TAG_PROTOCOL == TP_STATUS_VLAN_TPID_VALID, "a slot's status");
_Static_assert(SVS_USUAL_TAG_PROTOCOL == ETH_P_8021Q, "a tag's protocol");
_Static_assert(sizeof(struct svs_piece) == sizeof(struct iovec), "a piece");
_Static_assert(sizeof(struct svs_message) == sizeof(struct mmsghdr), "a message");
_Static_assert(offsetof(struct svs_message, piece_count) == offsetof(struct msghdr, msg_iovlen), "a message's fields");
_Static_assert(offsetof(struct svs_message, control_length) == offsetof(struct msghdr, msg_controllen), "a message's fields");
_Static_assert(offsetof(struct svs_message, sent) == offsetof(struct mmsghdr, msg_len), "a message's fields");

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
    struct sock_fprog filter = {.len = count, .filter = (struct sock_filter *)program};
    return setsockopt(socket, SOL_SOCKET, SO_ATTACH_FILTER, &filter, sizeof filter) ? -errno : 0;
}

int svs_packet_error(int socket) {
    int error = 0;
    socklen_t size = sizeof error;
    return getsockopt(socket, SOL_SOCKET, SO_ERROR, &error, &size) ? errno : error;
}

uint32_t svs_ring_copy(const void *slot, uint32_t size, uint8_t *frame, uint64_t *arrived) {
    // Once: whoever had the slot before may have a hand in it still.
    struct tpacket2_hdr header = *(const volatile struct tpacket2_hdr *)slot;
    if (!(header.tp_status & TP_STATUS_USER) || header.tp_snaplen != header.tp_len) return 0;
    uint32_t start = header.tp_mac, length = header.tp_len;
    if (start < TPACKET2_HDRLEN || start > size || length < ETH_HLEN || length > size - start) return 0;
    const uint8_t *bytes = (const uint8_t *)slot + start;
    struct svs_packet tag;
    svs_take_tag(&tag, header.tp_status, header.tp_vlan_tci, header.tp_vlan_tpid);
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

struct envelope {
    struct iovec part;
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

// One part is cheaper for the kernel than two, and the room in front of the frame is the reader's own.
static void address_message(struct svs_packets *packets, uint32_t index) {
    struct envelope *envelope = &packets->envelopes[index];
    packets->messages[index].msg_hdr = (struct msghdr){
        .msg_iov = &envelope->part,
        .msg_iovlen = 1,
        .msg_control = envelope->control,
        .msg_controllen = sizeof envelope->control,
    };
}

void svs_packets_place(struct svs_packets *packets, uint32_t index, void *frame, uint32_t length) {
    if (index >= packets->capacity) return;
    struct svs_packet *packet = &packets->entries[index];
    packet->frame = frame;
    packet->length = length;
    size_t head = sizeof packet->offload;
    packets->envelopes[index].part = (struct iovec){(char *)frame - head, length + head};
    address_message(packets, index);
}

static void open_message(struct svs_packets *packets, uint32_t index) {
    struct svs_packet *packet = &packets->entries[index];
    struct envelope *envelope = &packets->envelopes[index];
    struct mmsghdr *message = &packets->messages[index];
    uint32_t whole = message->msg_len, head = sizeof packet->offload, room = (uint32_t)envelope->part.iov_len - head;
    packet->arrived = whole > head ? whole - head : 0;
    packet->length = packet->arrived < room ? packet->arrived : room;
    memcpy(&packet->offload, (char *)packet->frame - head, head);
    // The filter has kept back what is for others.
    packet->type = PACKET_HOST;
    packet->queued = 0;
    packet->tag_control = packet->tag_protocol = 0;
    for (struct cmsghdr *c = CMSG_FIRSTHDR(&message->msg_hdr); c; c = CMSG_NXTHDR(&message->msg_hdr, c)) {
        struct tpacket_auxdata auxiliary;
        if (c->cmsg_level != SOL_PACKET || c->cmsg_type != PACKET_AUXDATA) continue;
        if (c->cmsg_len < CMSG_LEN(sizeof auxiliary)) continue;
        memcpy(&auxiliary, CMSG_DATA(c), sizeof auxiliary);
        svs_take_tag(packet, auxiliary.tp_status, auxiliary.tp_vlan_tci, auxiliary.tp_vlan_tpid);
    }
    // The kernel has written how much of the room it used.
    address_message(packets, index);
}

int svs_packets_receive(struct svs_packets *packets, int socket, uint32_t count) {
    if (count > packets->capacity) count = packets->capacity;
    // With MSG_TRUNC a frame tells its whole length even where the room was too small.
    int received = recvmmsg(socket, packets->messages, count, MSG_DONTWAIT | MSG_TRUNC, NULL);
    if (received < 0) return -errno;
    for (int i = 0; i < received; i++) open_message(packets, (uint32_t)i);
    return received;
}

int svs_messages_send(int socket, struct svs_message *messages, uint32_t count) {
    int sent = sendmmsg(socket, (struct mmsghdr *)messages, count, MSG_DONTWAIT);
    return sent < 0 ? -errno : sent;
}
