#ifndef SVS_PACKET_H
#define SVS_PACKET_H

#include <stdint.h>

// Packet sockets (packet(7), Documentation/networking/packet_mmap.rst) without their macros. The kernel's headers stay
// in packet.c: they clash with the C library's where both meet in one module. Functions that return int return a
// negative errno on failure.

/// The virtio_net_hdr as the kernel lays it out in front of a frame, in this machine's byte order.
struct svs_offload {
    uint8_t flags;
    uint8_t segmentation;
    uint16_t header_length;
    uint16_t segment_size;
    uint16_t checksum_start;
    uint16_t checksum_offset;
};

/// One frame that a packet socket received, and what came beside its bytes.
struct svs_packet {
    /// Where the bytes are, or where to put them.
    void *frame;
    /// Bytes of the frame; before a receive, bytes there is room for.
    uint32_t length;
    /// Bytes that the frame had on arrival: more than `length` when it was cut.
    uint32_t arrived;
    struct svs_offload offload;
    /// PACKET_HOST (0), BROADCAST, MULTICAST, OTHERHOST, OUTGOING, LOOPBACK.
    uint8_t type;
    /// 1 when the frame is queued on the socket as a whole because its ring slot could not hold it.
    uint8_t queued;
    /// The tag that was taken out of the frame: identifier 0 means there was none.
    uint16_t tag_protocol;
    uint16_t tag_control;
};

enum {
    SVS_PACKET_OTHERHOST = 3,
    /// Bytes at the head of a ring slot that belong to the kernel's slot header.
    SVS_RING_HEADER = 52,
};

/// One classic BPF instruction: the layout of sock_filter and of libpcap's bpf_insn.
struct svs_instruction {
    uint16_t code;
    uint8_t if_true;
    uint8_t if_false;
    uint32_t operand;
};

/// A raw packet socket that receives nothing yet.
int svs_packet_open(void);
/// The number of the interface of this name in the socket's network namespace, 0 when there is none.
int svs_interface_number(int socket, const char *name);
/// The MTU of that interface, 0 when there is none.
int svs_interface_mtu(int socket, const char *name);
/// 1 when that interface is administratively up.
int svs_interface_up(int socket, const char *name);
/// Binds to an interface; `everything` chooses ETH_P_ALL, else the socket only sends.
int svs_packet_bind(int socket, int interface, int everything);
/// A virtio_net_hdr in front of every frame, both ways. Has to come before the ring.
int svs_packet_offload(int socket);
/// Leaves out what this host sends.
int svs_packet_ignore_outgoing(int socket);
/// Lets receives tell the VLAN tag.
int svs_packet_auxiliary(int socket);
/// Joins a fanout group that keeps the two directions of a flow on one socket (PACKET_FANOUT_HASH).
int svs_packet_fanout(int socket, uint16_t group);
/// Makes room for `bytes` in the receive (or send) queue, beyond the system's limit when allowed to.
int svs_packet_queue(int socket, int receive, int bytes);
/// A TPACKET_V2 receive ring of `blocks` x `block_size` bytes with `reserve` bytes before each frame; a frame too long
/// for its slot is queued whole on the socket.
int svs_packet_ring(int socket, uint32_t block_size, uint32_t blocks, uint32_t slot_size, uint32_t reserve);
/// Maps a socket's ring of `size` bytes, which needs no rights; `ring` receives the mapping.
int svs_packet_map(int socket, uint64_t size, void **ring);
void svs_packet_unmap(void *ring, uint64_t size);
/// Frames and drops since the last call.
int svs_packet_statistics(int socket, uint32_t *packets, uint32_t *drops);
/// Replaces the socket's filter.
int svs_packet_filter(int socket, const struct svs_instruction *program, uint16_t count);
/// Takes the error that the kernel left on the socket (positive errno), 0 when there is none.
int svs_packet_error(int socket);

/// How a ring slot begins: the kernel's tpacket2_hdr, and the address behind it.
struct svs_ring_slot {
    uint32_t status;
    uint32_t arrived;
    uint32_t length;
    /// Where the frame begins, from the slot's beginning.
    uint16_t frame;
    uint16_t network;
    uint32_t seconds;
    uint32_t nanoseconds;
    uint16_t tag_control;
    uint16_t tag_protocol;
    uint8_t padding[4];
    uint8_t address[10];
    uint8_t type;
};

enum {
    SVS_SLOT_KERNELS = 0,
    SVS_SLOT_READERS = 1,
    /// A whole copy of the frame waits in the socket's queue.
    SVS_SLOT_QUEUED = 1 << 1,
    SVS_SLOT_TAGGED = 1 << 4,
    SVS_SLOT_TAG_PROTOCOL = 1 << 6,
    SVS_USUAL_TAG_PROTOCOL = 0x8100,
};

/// Takes the tag that the kernel took out of a frame. Kernels before 3.14 told no protocol; then the tag was 802.1Q.
static inline void svs_take_tag(struct svs_packet *packet, uint32_t status, uint16_t control, uint16_t protocol)
{
    int tagged = (status & SVS_SLOT_TAGGED) != 0;
    packet->tag_control = tagged ? control : 0;
    packet->tag_protocol = !tagged ? 0 : status & SVS_SLOT_TAG_PROTOCOL ? protocol : SVS_USUAL_TAG_PROTOCOL;
}

/// 1 and the frame in `packet` when the slot is the reader's, 0 while it is the kernel's.
static inline int svs_ring_look(void *slot, struct svs_packet *packet)
{
    const struct svs_ring_slot *header = (const struct svs_ring_slot *)slot;
    uint32_t status = __atomic_load_n(&header->status, __ATOMIC_ACQUIRE);
    if (!(status & SVS_SLOT_READERS)) return 0;
    char *frame = (char *)slot + header->frame;
    packet->frame = frame;
    packet->length = header->length;
    packet->arrived = header->arrived;
    packet->type = header->type;
    packet->queued = (status & SVS_SLOT_QUEUED) != 0;
    __builtin_memcpy(&packet->offload, frame - sizeof packet->offload, sizeof packet->offload);
    svs_take_tag(packet, status, header->tag_control, header->tag_protocol);
    return 1;
}

/// Copies the frame in a slot of `size` bytes that an earlier reader may have left in any state, with its VLAN tag where that
/// stands in front of it by now; `arrived` in nanoseconds since 1970. Bytes of the frame, 0 when there is no whole frame.
uint32_t svs_ring_copy(const void *slot, uint32_t size, uint8_t *frame, uint64_t *arrived);

/// 1 when the slot is the reader's.
static inline int svs_ring_is_filled(const void *slot)
{
    return (__atomic_load_n(&((const struct svs_ring_slot *)slot)->status, __ATOMIC_ACQUIRE) & SVS_SLOT_READERS) != 0;
}

/// Hands the slot back to the kernel.
static inline void svs_ring_return(void *slot)
{
    __atomic_store_n(&((struct svs_ring_slot *)slot)->status, SVS_SLOT_KERNELS, __ATOMIC_RELEASE);
}

/// Room for the message headers of up to `capacity` frames that are received together.
struct svs_packets;
struct svs_packets *svs_packets_new(uint32_t capacity);
void svs_packets_free(struct svs_packets *packets);
/// The frames themselves.
struct svs_packet *svs_packets_entries(struct svs_packets *packets);
/// Says where a frame is to be put that has room for `length` bytes, and for its offload header in front.
void svs_packets_place(struct svs_packets *packets, uint32_t index, void *frame, uint32_t length);
/// Receives up to `count` frames without waiting into the first entries; how many came. The ten bytes in front of each
/// `frame` are written over.
int svs_packets_receive(struct svs_packets *packets, int socket, uint32_t count);

/// A piece of a message that is sent: an iovec.
struct svs_piece {
    void *start;
    uint64_t length;
};

/// A message that is sent: an mmsghdr. The offload header is the first thing in its pieces.
struct svs_message {
    void *address;
    uint32_t address_length;
    struct svs_piece *pieces;
    uint64_t piece_count;
    void *control;
    uint64_t control_length;
    int32_t flags;
    uint32_t unused;
    uint32_t sent;
};

/// Sends messages without waiting; how many went.
int svs_messages_send(int socket, struct svs_message *messages, uint32_t count);

#endif
